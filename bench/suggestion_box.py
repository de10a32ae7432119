"""What the suggestion box costs with 100,000 items in it, beside 1,000 in the same run. Run from the checkout:

    .venv/bin/python -m bench.suggestion_box [--items 100000] [--rounds 60]

App CPU of a request (this process, templates and serializers included; the database's is not counted) for the list of 50,
filing and a voice; the time of the list against a small box; similar items while typing, p50 and p95 in wall time.
On a PostgreSQL cluster of its own. Figures are printed, not judged.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

from bench.governed_write import database

WORDS = [
    "route",
    "driver",
    "truck",
    "dock",
    "ramp",
    "school",
    "street",
    "stop",
    "order",
    "customer",
    "delivery",
    "late",
    "early",
    "wrong",
    "map",
    "sign",
    "bridge",
    "height",
    "low",
    "closed",
    "Friday",
    "morning",
    "noon",
    "traffic",
    "jam",
    "fuel",
    "litre",
    "saved",
    "tyre",
    "break",
    "shift",
    "night",
    "gloves",
    "button",
    "screen",
    "small",
    "bright",
    "slow",
    "frozen",
    "alert",
    "false",
    "camera",
    "part",
    "scratch",
    "shelf",
    "stock",
    "bread",
    "milk",
    "too",
    "much",
    "few",
    "season",
    "holiday",
    "rain",
    "snow",
    "ice",
    "detour",
    "roundabout",
    "one-way",
    "gate",
    "code",
    "key",
    "missing",
    "name",
    "floor",
    "lift",
    "door",
    "narrow",
    "yard",
    "reverse",
    "pallet",
    "weight",
    "heavy",
    "cold",
    "chain",
    "freezer",
    "temperature",
    "sensor",
    "battery",
    "scanner",
    "barcode",
    "label",
    "print",
    "explain",
    "reason",
    "why",
    "never",
    "always",
    "again",
    "yesterday",
    "colleague",
    "lead",
    "office",
    "phone",
    "call",
    "answer",
    "nobody",
    "asked",
    "told",
    "twice",
    "system",
    "version",
]


def sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(6, 22))).capitalize()


def fill(count: int, chance: random.Random) -> None:
    from audit.context import acting
    from audit.services import system_actor
    from feedback.models import Item
    from portal import clock
    from portal.models import AISystem, Person

    system, people, now = AISystem.objects.get(), list(Person.objects.all()), clock.now()
    with acting(system_actor("bench"), channel="command"):
        for start in range(0, count, 5000):
            Item.objects.bulk_create(
                Item(
                    system=system, unit=system.unit, author=chance.choice(people), kind=chance.choice(Item.Kind.values[:5]), text=sentence(chance),
                    identity="named", filed_on=now.date(), filed_at=now, reply_due=now.date(), moved_at=now, voice_count=chance.randint(0, 40),
                    status=chance.choice(["new", "planned", "done", "declined"]),
                )
                for _ in range(min(5000, count - start))
            )  # fmt: skip
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE feedback_item")


def cpu_ms(act: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median CPU of this process and median wall time of one call, in milliseconds."""
    cpu, wall = [], []
    act()
    for _ in range(rounds):
        at, began = time.process_time(), time.perf_counter()
        act()
        cpu.append((time.process_time() - at) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    return statistics.median(cpu), statistics.median(wall)


def measure(rounds: int, chance: random.Random) -> dict[str, float]:
    from django.test import Client

    from feedback.models import Item
    from portal.models import Person

    person = Person.objects.order_by("staff_number").first()
    client = Client()
    client.force_login(person, backend="portal.backends.RoleBackend")
    found = {}
    for name, path in (("list", "/items"), ("reach", "/items?sort=reach"), ("filtered", "/items?status=planned&kind=idea")):
        found[f"{name} cpu"], found[f"{name} wall"] = cpu_ms(lambda path=path: client.get(path), rounds)  # type: ignore[misc]
    words = {"system": Item.objects.order_by().values_list("system", flat=True)[0], "kind": "idea", "identity": "named"}
    found["create cpu"], found["create wall"] = cpu_ms(lambda: client.post("/feedback/new", words | {"text": sentence(chance)}), rounds)
    refs = iter([item.ref for item in Item.objects.exclude(author=person).order_by("id")[: rounds + 1]])
    found["voice cpu"], found["voice wall"] = cpu_ms(lambda: client.post(f"/items/{next(refs)}/voice"), rounds)
    times = []
    for _ in range(rounds * 2):
        text, began = sentence(chance), time.perf_counter()
        client.get("/items/alike", {"text": text}, headers={"HX-Request": "true"})
        times.append((time.perf_counter() - began) * 1000)
    found["similar p50"], found["similar p95"] = statistics.median(times), statistics.quantiles(times, n=20)[18]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    with database() as url, tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DATABASE_URL": url,
            "SECRET_KEY": "only for the bench, and long enough",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        os.environ |= {"BROKER_URL": "memory://", "LOG_LEVEL": "ERROR", "ALLOWED_HOSTS": "testserver", "LASTMILE_DATA": folder}
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        from tests import factories

        unit = factories.unit("company")
        factories.system("planner", unit)
        for number in range(200):
            factories.person(f"Person {number}", unit, email=None)
        chance = random.Random(4)
        fill(1_000, chance)
        small = measure(given.rounds, chance)
        fill(given.items - 1_000, chance)
        large = measure(given.rounds, chance)
        sys.stdout.write(f"{'milliseconds':16}{'1,000':>10}{given.items:>10,}{'ratio':>8}\n")
        for name, before in small.items():
            sys.stdout.write(f"{name:16}{before:10.1f}{large[name]:10.1f}{large[name] / before:8.2f}\n")


if __name__ == "__main__":
    main()
