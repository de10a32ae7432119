"""`manage.py demo`: load the demonstration into an empty database, and print who can sign in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from governance.demo import cast, scenes
from governance.demo.cast import Member
from governance.demo.stage import Scene
from portal.models import Person, Unit


class Command(BaseCommand):
    help = "Load the demonstration into an empty database. Everything or nothing: a load that is interrupted leaves no trace."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scenes", choices=("all", *scenes.SCENES), default="all", help="which scene to load (all)")

    def handle(self, *args: Any, **options: Any) -> None:
        file = settings.DATA_DIR / "demo.json"
        kept = file.with_suffix(".json.new")
        if Person.objects.exists() or Unit.objects.exists():
            if self._finished(file, kept):
                return
            raise CommandError("This database is not empty. The demonstration loads into an empty one only; nothing was changed.")
        with transaction.atomic():
            wanted = scenes.SCENES if options["scenes"] == "all" else (options["scenes"],)
            contents = sign_ins(scenes.load(wanted, lambda step: self.stdout.write(f"  {step}")))
            _write_private(kept, json.dumps(contents, indent=1))
        kept.replace(file)
        self._print(contents, file)

    def _finished(self, file: Path, kept: Path) -> bool:
        """Whether an earlier load got as far as the database and only its list of sign-ins was left unfinished: finish it."""
        try:
            contents = json.loads(kept.read_text(encoding="utf-8"))
            marker = contents["database"]
        except (OSError, ValueError, KeyError):
            return False
        if not Person.objects.filter(pk=marker).exists():
            kept.unlink()
            return False
        kept.replace(file)
        self._print(contents, file)
        return True

    def _print(self, contents: dict[str, Any], file: Path) -> None:
        width = max(len(person["login"]) for person in contents["people"])
        self.stdout.write(f"\nThe demonstration is loaded. Sign in at {contents['url']} (also in {file}):")
        for person in contents["people"]:
            self.stdout.write(f"  {person['login']:<{width}}  {person['password']}  {person['role']}")


def sign_ins(played: list[Scene]) -> dict[str, Any]:
    """The contents of demo.json. `database` is a person of it: the file and the database belong together."""
    who: dict[str, tuple[Member, Scene]] = {}
    for scene in played:
        for member in scene.members:
            if member.signs_in:
                who.setdefault(member.staff_number, (member, scene))
    return {
        "url": settings.PUBLIC_URL,
        "people": [
            {
                "login": member.login,
                "email": member.email or None,
                "password": scene.passwords[member.staff_number],
                "role": member.role or "employee",
                "scene": scene.name,
            }
            for member, scene in who.values()
        ],
        "systems": [
            {"slug": scene.system.slug, "scene": scene.name, "key": scene.key, "browser_key": scene.browser_key} for scene in played
        ],
        "pilots": [{"slug": slug, "scene": scene.name} for scene in played for slug in scene.pilots],
        "database": str(played[0].people[cast.SAM.staff_number].pk),
    }


def _write_private(file: Path, text: str) -> None:
    """Readable by its owner alone, and on disk before the database is told to keep what it belongs to."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())
