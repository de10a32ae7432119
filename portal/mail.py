"""What a notice looks like as a mail, and the folder that stands in for a mail server."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import css_inline
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import select_template
from django.urls import reverse

from portal.models import Notice, Person

MAIL_OFF_SALT = "portal.mail-off"


def message_of(notice: Notice) -> EmailMultiAlternatives:
    """The mail for a notice: text and html from templates/email/<kind>.*, the general pair where a kind has none.

    The Message-ID follows from the notice alone, so a mail that was sent twice can be known as one.
    """
    person = notice.recipient
    off = settings.PUBLIC_URL + reverse("mail-off", args=[mail_off_token(person)])
    context: dict[str, Any] = {
        **notice.context,
        "notice": notice,
        "person": person,
        "subject": notice.subject,
        "url": settings.PUBLIC_URL + notice.url if notice.url.startswith("/") else notice.url,
        "mail_off_url": off,
    }
    subject = _render(notice.kind, "subject.txt", context) if _has(notice.kind, "subject.txt") else notice.subject
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=_render(notice.kind, "txt", context),
        to=[person.email or ""],
        headers={
            "Message-ID": message_id(notice),
            "List-Unsubscribe": f"<{off}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        },
    )
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)
    message.attach_alternative(inliner.inline(_render(notice.kind, "html", context)), "text/html")
    return message


def message_id(notice: Notice) -> str:
    host = urlsplit(settings.PUBLIC_URL).hostname or parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2]
    return f"<{hashlib.sha256(notice.dedupe_key.encode()).hexdigest()[:40]}@{host}>"


def mail_off_token(person: Person) -> str:
    """What stands in the List-Unsubscribe address: signed, so that nobody can write it for another."""
    return signing.dumps(person.pk.hex, salt=MAIL_OFF_SALT)


def _has(kind: str, ending: str) -> bool:
    return (Path(str(settings.BASE_DIR)) / "templates" / "email" / f"{kind}.{ending}").exists()


def _render(kind: str, ending: str, context: dict[str, Any]) -> str:
    return str(select_template([f"email/{kind}.{ending}", f"email/notice.{ending}"]).render(context))


class FolderBackend(BaseEmailBackend):
    """Writes each mail to EMAIL_FILE_PATH as one .eml file named after its Message-ID: sent twice, it is there once."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(str(settings.EMAIL_FILE_PATH))
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            content = message.message()
            name = hashlib.sha256(str(content["Message-ID"]).encode()).hexdigest()[:40]
            handle, draft = tempfile.mkstemp(dir=folder, prefix=".", suffix=".tmp")
            with os.fdopen(handle, "wb") as file:
                file.write(content.as_bytes())
            Path(draft).replace(folder / f"{name}.eml")
        return len(email_messages)
