"""Poke a task after the commit. The row is the truth and a sweeper finds it anyway, so a lost poke is only slower.

Pokes leave from a thread of their own: a broker that is gone, frozen or behind a dead network costs the caller nothing.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)

_pokes: queue.Queue[tuple[str, tuple[Any, ...]]] = queue.Queue(maxsize=100)
_sender: tuple[int, threading.Thread] | None = None
_starting = threading.Lock()


def nudge(task: str, *args: Any) -> None:
    """Send the named task once the transaction has committed. A broker that is away neither fails nor delays the caller."""
    transaction.on_commit(partial(_queue, task, args), robust=True)


def _queue(task: str, args: tuple[Any, ...]) -> None:
    try:
        _pokes.put_nowait((task, args))
    except queue.Full:
        log.warning("%s was not nudged, the sweeper will find its work: the broker does not answer", task)
    _start()


def _start() -> None:
    global _sender  # noqa: PLW0603 - one a process; a forked child has not inherited the thread
    with _starting:
        if _sender is None or _sender[0] != os.getpid():
            thread = threading.Thread(target=_deliver, name="nudges", daemon=True)
            _sender = (os.getpid(), thread)
            thread.start()


def _deliver() -> None:
    while True:
        task, args = _pokes.get()
        try:
            current_app.send_task(task, args=args, ignore_result=True, retry=False)
        except Exception as error:  # noqa: BLE001 - whatever the broker's driver raises, the work is already committed
            log.warning("%s was not nudged, the sweeper will find its work: %s", task, error)
        finally:
            _pokes.task_done()


def settled() -> None:
    """Wait until every poke so far has been sent or given up; for tests."""
    _pokes.join()
