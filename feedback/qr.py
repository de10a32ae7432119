"""The short address of a kiosk, and its QR code as inline SVG. Pure but for the portal's own address."""

from __future__ import annotations

import segno
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from feedback.models import Kiosk


def address(kiosk: Kiosk) -> str:
    """What the QR code holds and what can be typed instead."""
    return f"{settings.PUBLIC_URL}/f/{kiosk.code}"


def svg(kiosk: Kiosk) -> SafeString:
    """Black on white with its quiet zone, sized by CSS; hidden from screen readers, beside the address as a link."""
    drawn = segno.make(address(kiosk), error="m", micro=False).svg_inline(
        border=3, omitsize=True, light="#fff", svgclass="qr", lineclass=None
    )
    return mark_safe(drawn.replace("<svg ", '<svg aria-hidden="true" ', 1))  # noqa: S308  drawn by us, from our own address
