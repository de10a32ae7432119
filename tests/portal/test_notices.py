"""Notices: raised once, delivered once, whatever dies or comes twice."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.test import Client

from audit.models import Entry
from audit.nudge import settled
from portal import clock
from portal.mail import mail_off_token, message_id
from portal.models import Notice, Person
from portal.services import notices
from portal.services.notices import Draft
from tests.cast import Cast
from tests.services import Database

NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def tell(person: Person, key: str = "item:7", **changes: Any) -> None:
    values = {"kind": "feedback.reply", "dedupe_key": key, "subject": "Your item was answered", "url": "/items/7"} | changes
    notices.tell(recipient=person, **values)


# Raising


def test_tell__with_and_without_an_address__one_row_a_channel(cast: Cast) -> None:
    tell(cast.mara)
    tell(cast.jo)
    assert sorted(Notice.objects.values_list("recipient__name", "channel")) == [
        ("Jo Okafor", "app"),
        ("Mara Lindqvist", "app"),
        ("Mara Lindqvist", "mail"),
    ]


def test_tell__again__nothing_new(cast: Cast) -> None:
    for _time in range(3):
        tell(cast.mara)
    assert Notice.objects.count() == 2
    tell(cast.mara, key="item:8")
    assert Notice.objects.count() == 4


def test_tell__left_or_unsubscribed__not_mailed(cast: Cast) -> None:
    Person.objects.filter(pk=cast.mara.pk).update(wants_mail=False)
    tell(Person.objects.get(pk=cast.mara.pk))
    Person.objects.filter(pk=cast.tom.pk).update(is_active=False)
    tell(Person.objects.get(pk=cast.tom.pk))
    assert list(Notice.objects.values_list("channel", flat=True)) == ["app"]


# Rules: what is due is found also after a missed day


@pytest.fixture
def rule(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule with something due on each of three days."""

    def due(now: dt.datetime) -> Iterator[Draft]:
        for day in range(3):
            at = NOON + dt.timedelta(days=day)
            if at <= now:
                yield Draft(
                    kind="tests.due", recipient=cast.mara, dedupe_key=f"tests.due:{at.date()}", subject=f"Due {at.date()}", due_at=at
                )

    module = sys.modules[__name__]
    monkeypatch.setattr(module, "due", due, raising=False)
    monkeypatch.setattr(notices, "NOTICE_RULES", [__name__])


def test_raise_due__worker_away_for_two_days__catches_up_once(rule: None) -> None:
    with clock.at(NOON - dt.timedelta(minutes=1)):
        assert notices.raise_due(clock.now()) == 0
    with clock.at(NOON + dt.timedelta(days=2, hours=20)):
        for _time in range(3):
            notices.raise_due(clock.now())
        notices.deliver()
    assert Notice.objects.filter(channel="mail", state="sent").count() == 3
    assert len(mail.outbox) == 3


def test_raise_due__one_rule_fails__the_others_still_run(cast: Cast, rule: None, monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("broken_rules")

    def due(now: dt.datetime) -> Iterator[Draft]:
        yield Draft(kind="x", recipient=cast.tom, dedupe_key="x", subject="x", due_at=now)
        raise RuntimeError

    module.due = due  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "broken_rules", module)
    monkeypatch.setattr(notices, "NOTICE_RULES", ["broken_rules", __name__])
    with clock.at(NOON):
        notices.raise_due(clock.now())
    assert set(Notice.objects.values_list("kind", flat=True)) == {"tests.due"}


def test_raise_due__while_another_one_runs__does_nothing(committed_db: Database, rule: None) -> None:
    with committed_db.connect() as other, other.transaction():
        other.execute("select pg_advisory_xact_lock(hashtext('portal.raise_due'))")
        assert notices.raise_due(NOON) == 0
    assert notices.raise_due(NOON) == 1


# Delivery


def test_deliver__not_due__waits(cast: Cast) -> None:
    tell(cast.mara, due_at=clock.now() + dt.timedelta(hours=1))
    assert notices.deliver() == 0
    with clock.at(clock.now() + dt.timedelta(hours=1)):
        assert notices.deliver() == 2


def test_deliver__mail__text_html_one_button_and_a_way_out(cast: Cast) -> None:
    tell(cast.mara)
    notices.deliver()
    (sent,) = mail.outbox
    assert isinstance(sent, EmailMultiAlternatives)
    html = str(sent.alternatives[0][0])
    assert sent.to == ["mara@brightline.example"]
    assert "http://testserver/items/7" in sent.body
    assert "http://testserver/items/7" in html
    assert "<style" not in html
    assert 'style="' in html
    assert sent.extra_headers["Message-ID"] == message_id(Notice.objects.get(channel="mail"))
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    way_out = sent.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("http://testserver")
    assert Client().get(way_out).status_code == 200
    assert Person.objects.get(pk=cast.mara.pk).wants_mail
    assert Client(enforce_csrf_checks=True).post(way_out, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not Person.objects.get(pk=cast.mara.pk).wants_mail


def test_mail_off__forged__404(cast: Cast) -> None:
    token = mail_off_token(cast.mara)
    assert Client().post(f"/mail-off/{token[:-2]}xx").status_code == 404
    assert Person.objects.get(pk=cast.mara.pk).wants_mail


def test_deliver__twice__sent_once_with_one_entry_each(cast: Cast) -> None:
    tell(cast.mara)
    assert (notices.deliver(), notices.deliver()) == (2, 0)
    assert len(mail.outbox) == 1
    assert Entry.objects.filter(action="portal.notice-sent").count() == 2


def test_deliver__left_meanwhile__dropped(cast: Cast) -> None:
    tell(cast.mara)
    Person.objects.filter(pk=cast.mara.pk).update(is_active=False)
    assert notices.deliver() == 0
    assert set(Notice.objects.values_list("state", flat=True)) == {"dropped"}
    assert mail.outbox == []


class Broken(BaseEmailBackend):
    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionRefusedError("no route to secret-host for mara@brightline.example")


def test_deliver__mail_server_down__tried_eight_times_and_visible(cast: Cast, settings: Any, sign_in: Callable[[Person], Client]) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    tell(cast.mara)
    now = clock.now()
    tries = []
    for minute in range(0, 60 * 48, 5):
        with clock.at(now + dt.timedelta(minutes=minute)):
            before = Notice.objects.get(channel="mail").attempts
            notices.deliver()
            if Notice.objects.get(channel="mail").attempts > before:
                tries.append(minute)
    row = Notice.objects.get(channel="mail")
    assert (row.state, row.attempts, row.error) == ("failed", 8, "ConnectionRefusedError")
    assert len(tries) == 8
    assert all(later - earlier < 60 * 13 for earlier, later in itertools.pairwise(tries))
    assert Notice.objects.get(channel="app").state == "sent"
    page = sign_in(cast.sam).get("/notices/undelivered").content.decode()
    assert "ConnectionRefusedError" in page
    assert "mara@" not in page


def test_deliver__mail_server_back__sent(cast: Cast, settings: Any) -> None:
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    tell(cast.mara)
    notices.deliver()
    settings.EMAIL_BACKEND = working
    with clock.at(clock.now() + dt.timedelta(minutes=1)):
        assert notices.deliver() == 1
    assert (Notice.objects.get(channel="mail").state, Notice.objects.get(channel="mail").error) == ("sent", "")


def test_claim__held_by_another__taken_after_the_lease_only(cast: Cast) -> None:
    tell(cast.jo)
    held = notices.claim()
    assert held is not None
    assert notices.claim() is None
    with clock.at(clock.now() + notices.LEASE + dt.timedelta(seconds=1)):
        again = notices.claim()
        assert again is not None
        assert (again.pk, again.attempts) == (held.pk, 2)
        notices.send(again)
    # The first one wakes up late: what it marks no longer counts.
    assert notices.send(held)
    assert Entry.objects.filter(action="portal.notice-sent").count() == 1


def test_deliver__eight_senders_at_once__each_notice_once(committed_db: Database, cast: Cast) -> None:
    for number in range(60):
        tell(cast.mara, key=f"item:{number}", channels=("mail",))
    sent: list[str] = []

    def drain(_worker: int) -> int:
        try:
            return notices.deliver()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(drain, range(8)))
    sent = [message.extra_headers["Message-ID"] for message in mail.outbox]
    assert sum(counts) == 60
    assert len(sent) == len(set(sent)) == 60


# A real sender that is killed


SENDER = """
import django, os, sys, time
django.setup()
from portal.services import notices
import portal.mail
moment = sys.argv[1]
if moment == "before":
    real = notices.message_of
    notices.message_of = lambda notice: (print("held", flush=True), time.sleep(60), real(notice))[2]
elif moment == "after":
    real_mark = notices._mark
    notices._mark = lambda *a, **k: (print("held", flush=True), time.sleep(60))
notices.deliver()
print("done", flush=True)
"""


def sender(database: Database, folder: Path, moment: str) -> subprocess.Popen[str]:
    environment = database.environment | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": "only for this test, long enough to be one of a kind",
        "LASTMILE_DATA": str(folder),
    }
    return subprocess.Popen([sys.executable, "-c", SENDER, moment], env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_deliver__killed_while_it_sends__one_mail_in_the_end(committed_db: Database, cast: Cast, tmp_path: Path, moment: str) -> None:
    tell(cast.mara, channels=("mail",))
    with sender(committed_db, tmp_path, moment) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        os.kill(first.pid, signal.SIGKILL)
    assert Notice.objects.get().state == "waiting"
    assert len(list((tmp_path / "mail").glob("*.eml"))) == (moment == "after")
    # Its lease runs out.
    Notice.objects.update(leased_until=clock.now() - dt.timedelta(seconds=1))
    with sender(committed_db, tmp_path, "") as second:
        assert second.communicate(timeout=60)[0] == "done\n"
    assert Notice.objects.get().state == "sent"
    (file,) = (tmp_path / "mail").glob("*.eml")
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert message["To"] == "mara@brightline.example"
    assert message.get_content_type() == "multipart/alternative"


# A real worker on the real broker


def test_worker__task_delivered_three_times__one_mail(committed_db: Database, cast: Cast, tmp_path: Path) -> None:
    broker = os.environ["BROKER_URL"]
    from celery import Celery

    for number in range(10):
        tell(cast.mara, key=f"item:{number}", channels=("mail",))
    environment = committed_db.environment | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": "only for this test, long enough to be one of a kind",
        "LASTMILE_DATA": str(tmp_path),
    }
    queue = f"notices-{os.getpid()}"
    command = [sys.executable, "-m", "celery", "-A", "portal.celery", "worker", "-Q", queue, "-c", "2", "-l", "warning", "--without-gossip"]
    worker = subprocess.Popen(command, env=environment)
    try:
        with Celery(broker=broker) as poke:
            for _time in range(3):
                poke.send_task("portal.deliver_notices", queue=queue)
        deadline = time.monotonic() + 40
        while Notice.objects.filter(state="waiting").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        worker.terminate()
        worker.wait(20)
    assert set(Notice.objects.values_list("state", "attempts")) == {("sent", 1)}
    assert len(list((tmp_path / "mail").glob("*.eml"))) == 10


def test_nudge__broker_away__the_request_does_not_notice(committed_db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*args: Any, **options: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr("celery.app.base.Celery.send_task", gone)
    tell(cast.jo)
    settled()
    assert Notice.objects.count() == 1


# The inbox


def test_inbox__own_notices_only__read_when_said(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    tell(cast.jo)
    client = sign_in(cast.jo)
    assert "Your item was answered" in client.get("/notices").content.decode()
    assert "Your item was answered" not in sign_in(cast.mara).get("/notices").content.decode()
    assert client.post("/notices/read").status_code == 302
    assert "Mark all as read" not in client.get("/notices").content.decode()


def test_kept__own_page__says_what_and_why(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    page = sign_in(cast.mara).get("/kept").content.decode()
    assert "mara@brightline.example" in page
    assert "Lead" in page
    assert sign_in(cast.mara).post("/kept/mail", {"wanted": "no"}).status_code == 302
    assert not Person.objects.get(pk=cast.mara.pk).wants_mail


def test_kept__every_app_with_something__has_its_part(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    page = sign_in(cast.jo).get("/kept").content.decode()
    assert "what you decided" in page
    assert "Confidential items" in page


def test_claim__every_sender_died__given_up_and_the_next_one_goes_on(cast: Cast) -> None:
    tell(cast.jo, key="deadly")
    tell(cast.mara, key="harmless", channels=("app",))
    Notice.objects.filter(recipient=cast.jo).update(attempts=notices.TRIES)
    assert notices.deliver() == 1
    assert Notice.objects.get(recipient=cast.jo).error == "SenderDied"
