"""A time stamp (RFC 3161) over the newest checkpoint, once a day. Optional: LOG_STAMP_URL and LOG_STAMP_ROOTS.

An authority that answers wrongly, or whose certificate does not lead to a trusted root, is not believed. Plain http is
allowed, as most authorities have nothing else: the answer is signed, and it is bound to what was asked by a random number.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from audit.context import acting
from audit.log.sealing import sealer_alias
from audit.models.log import Checkpoint
from audit.models.witnesses import Contact, Stamp
from audit.outside.asking import Unreachable, post, why_not_allowed
from audit.outside.witnesses import has_news, tried
from audit.services import record, system_actor

DAY = dt.timedelta(hours=24)
CLOCKS_APART = dt.timedelta(hours=1)


class NotStamped(Exception):
    """The authority's answer is not to be believed, or there is no root to believe it by."""


def stamp() -> bool:
    """Have the newest checkpoint stamped if the last one was a day ago. True when it was."""
    url, using = settings.LOG_STAMP_URL, sealer_alias()
    newest = Checkpoint.objects.using(using).order_by("-size").first()
    if not url or newest is None or not _due(using, url, newest):
        return False
    try:
        with transaction.atomic(using=using):
            answer = ask(url, newest.note.encode())
            at = answer.tst_info.gen_time
            Stamp.objects.using(using).create(checkpoint=newest, token=answer.as_bytes(), authority=url, at=at)
            with acting(system_actor("time stamps"), channel="task"):
                record("audit.stamped", model="audit.authority", object_id=url, detail={"size": newest.size, "at": at.isoformat()})
    except (Unreachable, NotStamped) as error:
        tried(using, url, problem=str(error))
        return False
    tried(using, url, every=DAY.total_seconds())
    return True


def _due(using: str, url: str, newest: Checkpoint) -> bool:
    if Contact.objects.using(using).filter(name=url, next_at__gt=timezone.now()).exists():
        return False
    last = Stamp.objects.using(using).filter(authority=url).order_by("-id").values_list("checkpoint", flat=True).first()
    return last is None or has_news(using, last, newest.size)


def ask(url: str, data: bytes) -> TimeStampResponse:
    """The authority's stamp over `data`, checked."""
    if why := why_not_allowed(url, plain_http=True):
        raise NotStamped(f"LOG_STAMP_URL: {why}")
    request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = post(url, request.as_bytes(), "application/timestamp-query", plain_http=True)
    if answer.status != 200:
        raise Unreachable(f"{url} answered with status {answer.status}.")
    stamped = check(answer.body, data, nonce=request.nonce)
    if abs(stamped.tst_info.gen_time - timezone.now()) > CLOCKS_APART:
        raise NotStamped("Its clock and ours are more than an hour apart.")
    return stamped


def check(token: bytes, data: bytes, *, nonce: int | None = None) -> TimeStampResponse:
    """Read an authority's answer, and raise NotStamped unless it vouches for `data` under one of the trusted roots."""
    builder = VerifierBuilder(roots=roots(), nonce=nonce)
    try:
        answer = decode_timestamp_response(token)
        builder.build().verify_message(answer, data)
    except (VerificationError, ValueError) as error:
        raise NotStamped(f"The time stamp is not to be believed: {error}") from error
    return answer


def roots() -> list[x509.Certificate]:
    """The certificates of LOG_STAMP_ROOTS (a PEM file)."""
    path = settings.LOG_STAMP_ROOTS
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes()) if path else []
    except (OSError, ValueError) as error:
        raise NotStamped(f"LOG_STAMP_ROOTS: {path} cannot be read as certificates in PEM.") from error
    if not found:
        raise NotStamped("LOG_STAMP_ROOTS names no certificate: write the file with the authority's root (PEM).")
    return found
