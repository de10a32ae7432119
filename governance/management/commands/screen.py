"""`manage.py screen`: the AI tool's own screen on another origin, with the box inside (scene 6 of the demonstration)."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.demo import cast, screen


class Command(BaseCommand):
    help = "Serve a page of the demonstration's AI tool, of another origin than the portal, with the widget on it. Ctrl-C stops it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--driver", default=cast.JO.staff_number, help="staff number of who is signed in to the tool")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            said = json.loads((settings.DATA_DIR / "demo.json").read_text(encoding="utf-8"))
            system = said["systems"][0]
            tool = screen.Tool(said["url"], system["key"], system["browser_key"], options["driver"])
        except (OSError, ValueError, KeyError) as error:
            raise CommandError("There is no demonstration here. Start one with `manage.py up`, and name its folder with --data.") from error
        with screen.server(tool) as server:
            self.stdout.write(f"The driver's screen is at {screen.ORIGINS[0]} (portal: {tool.portal}). Ctrl-C stops it.")
            self.stdout.flush()
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                self.stdout.write("Stopped.")
