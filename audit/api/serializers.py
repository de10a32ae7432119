"""The shapes of what the audit interface answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.explore.entries import Row
from audit.explore.stood import Version
from audit.log.canonical import render_time


class Named(serializers.Serializer[Any]):
    """A pseudonym and the label that stands behind it now."""

    id = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of this name, not the label of this one


class ChangeBody(serializers.Serializer[Any]):
    field = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class EntryBody(serializers.Serializer[Any]):
    """One entry. `seq` and `leaf_hash` are null until it is sealed; `changes` is empty once its content was erased.

    `said` is the act in plain words where there are some ("approved request R-5 as sponsor").
    """

    seq = serializers.IntegerField(allow_null=True)
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = Named()
    on_behalf = Named(allow_null=True)
    action = serializers.CharField()
    words = serializers.CharField()
    said = serializers.CharField(allow_blank=True)
    model = serializers.CharField()
    object = serializers.CharField()
    ver = serializers.IntegerField(allow_null=True)
    channel = serializers.CharField()
    request_id = serializers.CharField()
    reason_code = serializers.CharField()
    reason = serializers.CharField()
    changes = ChangeBody(many=True)
    leaf_hash = serializers.CharField(allow_null=True)


class EntryWithLeaf(EntryBody):
    """With the exact text that was sealed; its RFC 6962 leaf hash is `leaf_hash`."""

    leaf = serializers.CharField()


class EntryPage(serializers.Serializer[Any]):
    """`not_indexed` entries are too new to be searched and are left out; an empty page with a `next` goes on further back."""

    results = EntryBody(many=True)
    next = serializers.CharField(allow_null=True)
    not_indexed = serializers.IntegerField()


class VersionBody(serializers.Serializer[Any]):
    """One version. Once its content was erased, `erased_at` says when, and `values` hold what was left, or nothing."""

    ver = serializers.IntegerField()
    entry = serializers.IntegerField()
    at = serializers.DateTimeField()
    action = serializers.CharField()
    values = serializers.DictField()
    erased_at = serializers.DateTimeField(allow_null=True)


class VersionPage(serializers.Serializer[Any]):
    results = VersionBody(many=True)
    next = serializers.CharField(allow_null=True)


def entry_body(row: Row) -> dict[str, Any]:
    """An EntryBody as plain values."""
    entry = row.entry
    return {
        "seq": row.seq,
        "id": entry.pk,
        "at": render_time(entry.at),
        "actor": {"id": str(entry.actor), "label": row.actor},
        "on_behalf": {"id": str(entry.on_behalf), "label": row.on_behalf} if entry.on_behalf else None,
        "action": entry.action,
        "words": row.words,
        "said": row.said,
        "model": entry.model,
        "object": entry.object,
        "ver": entry.ver,
        "channel": entry.channel,
        "request_id": entry.request_id,
        "reason_code": entry.reason_code,
        "reason": row.reason,
        "changes": [{"field": change.field, "before": change.before, "after": change.after} for change in row.changes],
        "leaf_hash": row.hash or None,
    }


def version_body(version: Version) -> dict[str, Any]:
    """A VersionBody as plain values."""
    return {
        "ver": version.ver,
        "entry": version.entry_id,
        "at": render_time(version.at),
        "action": version.action,
        "values": version.values,
        "erased_at": render_time(version.erased.at) if version.erased else None,
    }
