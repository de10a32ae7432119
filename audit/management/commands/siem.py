"""`manage.py siem`: sealed entries for a security monitor, to standard output or to a syslog receiver."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.context import acting
from audit.feed import formats as siem
from audit.feed import reading as feed
from audit.services import record, system_actor

SECONDS = 10
#: RFC 5426: what every receiver of UDP takes in one piece is far less than a long entry; beyond this use TCP.
LARGEST_DATAGRAM = 8192


class Command(BaseCommand):
    help = "Write sealed entries after a place of the log as OCSF (JSON lines) or RFC 5424 syslog. The last line on stderr says the next place."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--after", default="-1", help="the last place you have; -1 for everything (the default)")
        parser.add_argument("--format", choices=("ocsf", "syslog"), default="ocsf")
        parser.add_argument("--to", default="", help="tcp://host:port, tls://host:port or udp://host:port; standard output if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            last = feed.after_of(options["after"])
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        if options["to"] and options["format"] != "syslog":
            raise CommandError("A receiver is sent syslog: add --format syslog.")
        host = urlsplit(settings.PUBLIC_URL).hostname or "-"
        count = news = 0
        try:
            with _way(options["to"]) as send:
                for entry in feed.following(last):
                    if options["to"]:
                        send(siem.syslog(entry, host=host))
                    else:
                        send(
                            siem.ocsf_line(entry, origin=settings.LOG_ORIGIN)
                            if options["format"] == "ocsf"
                            else siem.syslog_line(entry, host=host)
                        )
                    last, count, news = entry.seq, count + 1, news + (entry.action != feed.READ)
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['to'] or 'Standard output'}: {error}. Go on with --after {last}.") from error
        if news:
            with acting(system_actor("siem"), channel="command"):
                record(feed.READ, detail={"format": options["format"], "last": last, "count": count})
        self.stderr.write(f"{count} entries. Go on with --after {last}.")


@contextmanager
def _way(to: str) -> Iterator[Callable[[bytes], object]]:
    """How a message is sent. Raises OSError when the receiver does not answer, ValueError for an address that is none."""
    if not to:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    parts = urlsplit(to)
    if parts.scheme not in {"tcp", "tls", "udp"} or not parts.hostname or not parts.port:
        raise ValueError("write tcp://host:port, tls://host:port or udp://host:port")
    place = (parts.hostname, parts.port)
    if parts.scheme == "udp":
        family, kind, _proto, _name, address = socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as link:
            yield lambda message: link.sendto(message[:LARGEST_DATAGRAM], address)
        return
    with socket.create_connection(place, timeout=SECONDS) as plain:
        if parts.scheme == "tcp":
            yield lambda message: plain.sendall(siem.framed(message))
            return
        with ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname) as link:
            yield lambda message: link.sendall(siem.framed(message))
