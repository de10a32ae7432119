"""The folder of mails that stands in for a mail server: take out what is to a person or names them."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings

from portal.models import Person


def remove_mails_of(person: Person) -> int:
    """Delete every .eml file whose headers or text hold the person's name, e-mail or staff number; answers how many."""
    needles = [value.lower() for value in (person.name, person.email or "", person.staff_number) if len(value) >= 4]
    gone = 0
    for file in sorted(Path(str(settings.EMAIL_FILE_PATH)).glob("*.eml")):
        if any(needle in _words_of(file) for needle in needles):
            file.unlink(missing_ok=True)
            gone += 1
    return gone


def _words_of(file: Path) -> str:
    message = email.message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=email.policy.default)
    parts = [f"{name}: {value}" for name, value in message.items()]
    parts += [str(part.get_content()) for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join(parts).lower()
