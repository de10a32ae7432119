"""Acts of portal that leave an entry without changing a governed row."""

from __future__ import annotations

VERBS: dict[str, str] = {
    "portal.signed-in": "signed in",
    "portal.sign-in-failed": "failed to sign in",
    "portal.signed-out": "signed out",
    "portal.password-changed": "changed a password",
    "portal.step-up": "confirmed a password for a signature",
    "portal.step-up-failed": "failed to confirm a password for a signature",
    "portal.person-looked-at": "looked at a person's account",
    "portal.notice-sent": "sent a notice",
}
