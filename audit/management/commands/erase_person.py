"""`manage.py erase_person`: do the erasures that two people have asked for and confirmed; the worker does the same."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from audit.keeping.erasure import erase_confirmed
from audit.models import ErasureRequest


class Command(BaseCommand):
    """Asking and confirming is done in the portal, by two people: no command can stand in for them."""

    help = "Erase everyone whose erasure was confirmed."

    def handle(self, *args: Any, **options: Any) -> None:
        done = erase_confirmed()
        self.stdout.write(f"Erased: {done}.")
        for left in ErasureRequest.objects.filter(done_at=None, withdrawn_at=None):
            state = left.refused or ("waits for a second person" if left.confirmed_by is None else "not done")
            self.stdout.write(f"{left}: {state}")
