"""Making packs in the worker: one at a time, taken over when a worker dies, and tidied away when their time is over."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from audit.context import acting
from audit.explore import indexing
from audit.log import sealing
from audit.log.sealing import LogBroken
from audit.log.signing import KeyMissing
from audit.models import Actor, Entry, Pack
from audit.packs.closing import NotSealed, Order, Zip, announce, earlier, fill
from audit.packs.policy import policy
from audit.packs.selection import CHUNK, Choice, lines, places
from audit.packs.spool import Spool, batches
from audit.selectors import log_size
from audit.services import record, system_actor
from audit.subjects import NoSuchSubject

log = logging.getLogger(__name__)

SILENT = dt.timedelta(seconds=120)  # then the worker that made it is taken for dead
MOST_ATTEMPTS = 5
BEAT_SECONDS = 1.0
LEAST_ROOM = 256 << 20
LOCK = 0x6C6D5F7061636B  # "lm_pack"
State = Pack.State


class Stopped(Exception):
    """Cancelled, or another worker took over: this one has nothing more to do."""


def folder() -> Path:
    """Where packs lie, for the owner only."""
    path = Path(settings.PACKS_DIR)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def sweep() -> None:
    """Delete what is over, then make what waits, one after another. Twice at once or in a row does no harm."""
    tidy()
    while (pack := claim()) is not None:
        make(pack)


def claim() -> Pack | None:
    """The next pack to make, now this worker's; None when there is none, or while another worker makes one."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        alive = timezone.now() - SILENT
        if Pack.objects.filter(state=State.RUNNING, beat_at__gt=alive).exists():
            return None
        pack = Pack.objects.filter(state__in=[State.WAITING, State.RUNNING]).order_by("id").first()
        if pack is None:
            return None
        Pack.objects.filter(pk=pack.pk).update(state=State.RUNNING, attempt=F("attempt") + 1, beat_at=timezone.now(), done=0, total=0)
        pack.refresh_from_db()
        return pack


def make(pack: Pack, asked_words: str = "") -> None:
    """Make a claimed pack, and say so in the log; what goes wrong stands in the row, in words. `asked_words`: who asked a command."""
    place = folder() / f"{pack.pk}-{pack.attempt}"
    with acting(system_actor("exports"), channel="task", on_behalf=pack.asked_by):
        try:
            if pack.attempt > MOST_ATTEMPTS:
                raise NotSealed("The worker died each time it tried.")
            place.mkdir(mode=0o700)
            _make(pack, place, asked_words)
        except Stopped:
            log.info("Export pack %s was cancelled or taken over", pack.pk)
        except (OSError, NotSealed, LogBroken, KeyMissing, ValidationError, NoSuchSubject) as error:
            log.exception("Export pack %s failed", pack.pk)
            _fail(pack, _words(error))
        except Exception:
            _fail(pack, "Something went wrong in the portal itself; the worker's log says what.")
            raise
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _make(pack: Pack, place: Path, asked_words: str) -> None:
    beat = _beats(pack)
    if shutil.disk_usage(place).free < LEAST_ROOM:
        raise OSError(f"Less than {LEAST_ROOM >> 20} MB are free in {place.parent}.")
    # What happened until now is in it, and its words can be found.
    sealing.seal(wait_seconds=30)
    indexing.index()
    choice = Choice(pack.kind, pack.query, pack.subject_kind, pack.subject_key)
    wanted = places(choice, log_size())
    Pack.objects.filter(pk=pack.pk).update(total=len(wanted))
    spool = Spool(place)
    try:
        for batch in batches(lines(wanted), CHUNK):
            spool.feed(batch)
            beat(spool.reading.count)
        spool.names |= _name_of(pack)
        names = spool.close()
    finally:
        spool.abandon()
    order, beside = Order(pack.pk, choice, pack.kept_size, policy(), asked_words), earlier()
    with transaction.atomic():
        contents = announce(order, spool, wanted, names, beside)
    target = Zip(place / "pack.zip", beat)
    fill(target, order, spool, wanted, contents, beside, beat)
    size, sha256 = target.close()
    _finish(pack, place / "pack.zip", size, sha256, contents)


def _name_of(pack: Pack) -> dict[str, str]:
    """Who asked for it has a name in it, too."""
    return {str(actor): name for actor, name in Actor.objects.filter(pk=pack.asked_by).values_list("pk", "label")}


def _beats(pack: Pack) -> Callable[..., None]:
    """A function to call often: says now and then that this worker lives; raises Stopped when the pack is no longer its own."""
    last = [time.monotonic()]

    def beat(done: int | None = None) -> None:
        if time.monotonic() - last[0] < BEAT_SECONDS and done is None:
            return
        last[0] = time.monotonic()
        told = {"beat_at": timezone.now()} | ({} if done is None else {"done": done})
        if not _own(pack).update(**told):
            raise Stopped

    return beat


def _own(pack: Pack) -> QuerySet[Pack]:
    return Pack.objects.filter(pk=pack.pk, state=State.RUNNING, attempt=pack.attempt)


def _finish(pack: Pack, made: Path, size: int, sha256: str, contents: int) -> None:
    name = f"lastmile-pack-{pack.pk}-{sha256[:12]}.zip"
    now = timezone.now()
    with transaction.atomic():
        told = {"file": name, "size": size, "sha256": sha256, "contents": contents, "finished_at": now, "done": F("total")}
        if not _own(pack).update(state=State.DONE, expires_at=now + dt.timedelta(days=settings.PACK_DAYS), **told):
            raise Stopped
        record("audit.export-made", obj=pack, detail={"sha256": sha256, "bytes": size, "contents": contents})
        made.chmod(0o600)
        made.replace(folder() / name)


def _fail(pack: Pack, words: str) -> None:
    with transaction.atomic():
        if _own(pack).update(state=State.FAILED, problem=words, finished_at=timezone.now()):
            record("audit.export-failed", obj=pack, detail={"problem": words})


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    if isinstance(error, OSError):
        return f"The file could not be written: {error}"
    return str(error)


def tidy() -> None:
    """Delete packs whose time is over, and those that still hold what was erased meanwhile; and files that no row knows."""
    now = timezone.now()
    days = dt.timedelta(days=settings.PACK_DAYS)
    over = Q(expires_at__lt=now) | Q(state__in=[State.FAILED, State.CANCELLED], asked_at__lt=now - days)
    with acting(system_actor("exports"), channel="task"):
        for pack in Pack.objects.filter(over):
            delete(pack, "its time was over")
        for pack in Pack.objects.filter(state=State.DONE):
            if outdated(pack):
                delete(pack, "values in the log were erased since it was made")
    known = set(Pack.objects.exclude(file="").values_list("file", flat=True))
    running = {f"{pk}-{attempt}" for pk, attempt in Pack.objects.filter(state=State.RUNNING).values_list("pk", "attempt")}
    for path in folder().iterdir():
        if path.name in known or path.name in running or now.timestamp() - path.stat().st_mtime < SILENT.total_seconds():
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def outdated(pack: Pack) -> bool:
    """Whether something was erased after this pack was put together: it may hold what must not be held any more."""
    erasing = Entry.objects.filter(action__in=["audit.payload-erased", "audit.payload-expired"])
    return pack.contents is not None and erasing.filter(pk__gt=pack.contents).exists()


def delete(pack: Pack, why: str) -> None:
    """File and row go; the entries of the log say that there was a pack, and who took it."""
    with transaction.atomic():
        if not Pack.objects.filter(pk=pack.pk).delete()[0]:
            return
        record("audit.export-deleted", model="audit.pack", object_id=str(pack.pk), detail={"why": why, "sha256": pack.sha256})
    if pack.file and Path(pack.file).name == pack.file:  # the row may say anything; `tidy` takes what no row knows
        with contextlib.suppress(FileNotFoundError):
            (folder() / pack.file).unlink()
