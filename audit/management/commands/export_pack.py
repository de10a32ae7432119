"""`manage.py export_pack FILE`: a pack of the audit trail, made here and now instead of by the worker."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.context import acting
from audit.errors import DomainError
from audit.packs import asking, making
from audit.packs.selection import Choice
from audit.services import system_actor


class Command(BaseCommand):
    """Without options everything goes in. Needs the sealer's database role and the signing key, as `seal` does."""

    help = "Make an export pack of the audit trail, with its proofs and the program that checks it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="Where to write the zip; must not exist yet.")
        parser.add_argument("--query", metavar="Q", default="", help="Only what fits this query of the explorer.")
        parser.add_argument("--subject", metavar="KIND/KEY", default="", help="The dossier of one: pilot/route-optimiser, request/7.")
        parser.add_argument("--checkpoint", metavar="FILE", help="A checkpoint that the auditor keeps, to be comparable with it.")

        parser.add_argument("--asked-by", metavar="WORDS", default="", help="Who asked for it; its first page says these words.")

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(options["file"])
        if target.exists():
            raise CommandError(f"{target} exists already. Name a new file.")
        if options["query"] and options["subject"]:
            raise CommandError("Give --query or --subject, not both.")
        kind, _, key = options["subject"].partition("/")
        choice = Choice("query" if options["query"] else "subject" if kind else "all", options["query"], kind, key)
        try:
            kept = Path(options["checkpoint"]).read_text(encoding="utf-8") if options["checkpoint"] else ""
            words = options["asked_by"].strip()[:300]
            with acting(system_actor("export-pack"), channel="command", reason=f"Asked for by {words}" if words else "") as context:
                assert context.actor is not None
                pack = asking.ask(choice, actor=context.actor, checkpoint=kept)
                while pack.unfinished and (found := making.claim()) is not None:
                    making.make(found, words if found.pk == pack.pk else "")
                    pack.refresh_from_db()
                if pack.state != pack.State.DONE:
                    raise CommandError(pack.problem or "Another pack is being made. Try again when it is done.")
                with asking.take(pack) as source, target.open("xb") as file:
                    shutil.copyfileobj(source, file)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except (DomainError, OSError, UnicodeError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{target}: {pack.total} entries, {pack.size} bytes, SHA-256 {pack.sha256}")
