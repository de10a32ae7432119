"""The small parts of every page: icons, times, states, key-figure bars. `{% load shell %}`."""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
from decimal import Decimal
from typing import Any

import lucide
from django import template
from django.template.context import Context
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import clock
from portal.calendar import zone_of
from portal.words import shortened

register = template.Library()

TONES = ("ok", "brand", "warn", "bad")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)")


@functools.cache
def _icon(name: str) -> SafeString:
    return mark_safe(lucide._render_icon(name, 18, **{"class": "icon", "aria-hidden": "true"}))  # noqa: S308  a fixed set of names from templates; lucide has no public function


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon beside words (never alone without a label): a name of lucide's set. An unknown name raises."""
    return _icon(str(name))


@register.simple_tag
def state(word: object, tone: str = "") -> SafeString:
    """A state: dot, word and colour. `tone` is ok, brand (going on), warn (someone must act), bad, or nothing."""
    return format_html('<span class="tag {}">{}</span>', tone if tone in TONES else "", word)


def _zone(context: Context) -> dt.tzinfo:
    """The reader's zone, looked up once a page; UTC for people who are not signed in."""
    zone: dt.tzinfo | None = context.render_context.get("zone")
    if zone is None:
        reader = context.get("user")
        zone = zone_of(reader.unit) if reader is not None and reader.is_authenticated else dt.UTC
        context.render_context["zone"] = zone
    return zone


@register.simple_tag(takes_context=True)
def moment(context: Context, value: dt.datetime | dt.date | str | None, style: str = "minute") -> SafeString | str:
    """A point in time in the reader's zone, UTC on hover. `style`: minute, day, or utc (seconds, for the audit trail).

    A plain date is a day everywhere. Frozen records hold times as ISO text, which is read here. Nothing gives a dash.
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, str):
        value = dt.date.fromisoformat(value) if len(value) == len("2026-11-22") else dt.datetime.fromisoformat(value)
    if not isinstance(value, dt.datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), _day(value, clock.now().date()))
    instant = value.astimezone(dt.UTC)
    stamp = instant.strftime("%Y-%m-%dT%H:%M:%SZ")
    if style == "utc":
        return format_html('<time datetime="{}">{}</time>', stamp, instant.strftime("%Y-%m-%d %H:%M:%S"))
    zone = _zone(context)
    local = value.astimezone(zone)
    shown = _day(local.date(), clock.now().astimezone(zone).date())
    if style != "day":
        shown = f"{shown}, {date_format(local, 'H:i')}"
    return format_html('<time datetime="{}" title="{}">{}</time>', stamp, f"{date_format(instant, 'j M Y, H:i')} UTC", shown)


def _day(day: dt.date, today: dt.date) -> str:
    return date_format(day, "j M" if day.year == today.year else "j M Y")


@register.filter
def age(value: dt.datetime | None) -> str:
    """How long ago, in one unit: `12 min`, `5 h`, `3 d`. For narrow columns; the exact time stands elsewhere."""
    if value is None:
        return "–"
    minutes = max(0, int((clock.now() - value).total_seconds() // 60))
    if minutes < 60:
        return _("%(count)s min") % {"count": minutes}
    if minutes < 48 * 60:
        return _("%(count)s h") % {"count": minutes // 60}
    return _("%(count)s d") % {"count": minutes // (24 * 60)}


@register.filter
def until(value: dt.datetime | None) -> str:
    """How far off a due time is, in words a person would say: `in 3 days`, `5 hours late`."""
    if value is None:
        return ""
    seconds = (value - clock.now()).total_seconds()
    hours = round(abs(seconds) / 3600)
    if hours < 1:
        return _("due now") if seconds >= 0 else _("just past due")
    if hours < 48:
        span = ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": hours}
    else:
        days = round(hours / 24)
        span = ngettext("%(count)s day", "%(count)s days", days) % {"count": days}
    return (_("in %(span)s") if seconds >= 0 else _("%(span)s late")) % {"span": span}


@register.filter
def percent(value: Any, digits: int = 0) -> str:
    """A share from 0 to 1 as a percentage; nothing (no data) as a dash, never as zero."""
    if value is None:
        return "–"
    return f"{float(value) * 100:.{digits}f}%"


@register.filter
def shorten(text: str, most: int) -> str:
    """One line of at most `most` characters, cut between words."""
    return shortened(text, most)


@register.filter
def plain(value: Decimal) -> str:
    """A figure as people write it: 4.3, not 4.30."""
    return f"{value.normalize():f}"


@register.filter
def field_words(name: str) -> str:
    """The name of a recorded field as words: `fall_back_tested_on` is "fall back tested on", `lead_id` is "lead"."""
    return name.removesuffix("_id").replace("_", " ")


@register.filter
def recorded(value: str) -> str:
    """A recorded value as people read it: an instant to the second, a plain list by commas, anything else as it is."""
    found = _INSTANT.fullmatch(value)
    if found:
        return f"{found[1]} {found[2]} UTC"
    return _listed(value) if value.startswith("[") else value


def _listed(value: str) -> str:
    """A JSON list of texts, numbers or ranges of numbers (`[[3, 7], [9, 9]]` is "3 to 7, 9"); any other text as it is."""
    try:
        items = json.loads(value)
    except (ValueError, RecursionError):
        return value
    told = []
    for one in items if isinstance(items, list) else [None]:
        if isinstance(one, (str, int)) and not isinstance(one, bool):
            told.append(str(one))
        elif isinstance(one, list) and len(one) == 2 and all(type(end) is int for end in one):
            told.append(str(one[0]) if one[0] == one[1] else _("%(first)s to %(last)s") % {"first": one[0], "last": one[1]})
        else:
            return value
    return ", ".join(told) or "–"


@register.inclusion_tag("components/bar.html")
def bar(share: Any) -> dict[str, float]:
    """A thin bar under a key figure; `share` from 0 to 1."""
    return {"width": round(min(1.0, max(0.0, float(share or 0))) * 100, 1)}


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """The page's own query string with some parameters changed (None removes): links of filters, sorting and pages."""
    params = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None or value == "":
            params.pop(name, None)
        else:
            params[name] = str(value)
    return f"?{params.urlencode()}"
