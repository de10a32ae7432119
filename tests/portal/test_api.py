"""The plumbing that every part of the API shares: keys, problems, cursors, idempotency, ETags."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from audit.models import Entry, Payload
from portal import clock
from portal.models import AISystem, ApiKey, IdempotencyKey, Person, SystemVersion
from portal.selectors.keys import digest_of
from tests import factories
from tests.cast import Api, Cast
from tests.portal.entries import last

Key = Callable[..., Api]


@pytest.fixture
def sam(cast: Cast, api: Key) -> Api:
    return api(cast.sam)


def new_system(**changes: object) -> dict[str, object]:
    return {"slug": "load-planner", "name": "Load planner", "unit": "/brightline/northfield/", "purpose": "Stacks the vans."} | changes


# Keys


def test_key__none__401_problem(cast: Cast) -> None:
    answer = Client().get("/api/v1/systems")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("key", ["lm_x", "lm_0123456789_" + "a" * 43, "", "a b", "lm_t000000001_é"])
def test_key__unknown__401(cast: Cast, key: str) -> None:
    assert Api(key.encode().decode("latin-1")).get("/api/v1/systems").status_code == 401


@pytest.mark.parametrize("change", [{"revoked_at": clock.now()}, {"expires_at": clock.now() - dt.timedelta(seconds=1)}])
def test_key__revoked_or_expired__401(cast: Cast, sam: Api, change: dict[str, dt.datetime]) -> None:
    assert sam.get("/api/v1/systems").status_code == 200
    ApiKey.objects.update(**change)
    assert sam.get("/api/v1/systems").status_code == 401


def test_key__same_prefix_other_secret__401(cast: Cast, sam: Api) -> None:
    assert Api(sam.key[:-1] + "x").get("/api/v1/systems").status_code == 401


@pytest.mark.parametrize(("scopes", "read", "write"), [(["read"], 200, 403), (["write"], 403, 201), (["read", "write"], 200, 201)])
def test_key__scope__what_it_may(cast: Cast, api: Key, scopes: list[str], read: int, write: int) -> None:
    caller = api(cast.sam, *scopes)
    assert caller.get("/api/v1/systems").status_code == read
    assert caller.post("/api/v1/systems", new_system()).status_code == write


def test_key__of_a_system__may_not_read_the_register(cast: Cast, system_key: Key) -> None:
    assert system_key(cast.system).get("/api/v1/systems").status_code == 403


def test_key__used__remembered_once_a_minute_and_without_an_entry(cast: Cast, sam: Api) -> None:
    now = clock.now()
    before = Entry.objects.count()
    used = []
    for seconds in (0, 30, 61):
        with clock.at(now + dt.timedelta(seconds=seconds)):
            sam.get("/api/v1/systems")
        used.append(ApiKey.objects.get(person=cast.sam).last_used_at)
    assert used == [now, now, now + dt.timedelta(seconds=61)]
    assert Entry.objects.count() == before


def test_key__issued__works_and_is_kept_as_a_digest_only(cast: Cast, sam: Api) -> None:
    answer = sam.post("/api/v1/systems/route-optimiser/keys", {"label": "Dispatch", "scopes": ["gate:read"], "days": 30})
    assert answer.status_code == 201
    text = answer.json()["key"]
    secret = text.split("_", 2)[2]
    kept = ApiKey.objects.get(prefix=answer.json()["prefix"])
    assert bytes(kept.digest) == digest_of(secret)
    assert kept.expires_at == kept.created_at + dt.timedelta(days=30)
    assert Api(text).get("/api/v1/systems").status_code == 403
    with connection.cursor() as cursor:
        cursor.execute("select string_agg(to_jsonb(t)::text, '') from portal_historicalapikey t")
        assert secret not in cursor.fetchone()[0]
    assert secret not in "".join(Payload.objects.values_list("body", flat=True))
    listed = sam.get("/api/v1/systems/route-optimiser/keys").json()["results"]
    assert [key["label"] for key in listed] == ["Dispatch"]
    assert secret not in json.dumps(listed)


@pytest.mark.parametrize(
    "body", [{"label": "x", "scopes": ["read"]}, {"label": "x", "scopes": []}, {"label": " ", "scopes": ["gate:read"]}]
)
def test_key__wrong__422(cast: Cast, sam: Api, body: dict[str, object]) -> None:
    assert sam.post("/api/v1/systems/route-optimiser/keys", body).status_code == 422


def test_key__on_the_page__shown_once(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(cast.sam)
    values = {"label": "Dispatch", "scopes": ["events:write", "gate:read"], "days": "90"}
    page = client.post("/systems/route-optimiser/keys", values).content.decode()
    key = ApiKey.objects.get()
    assert f"lm_{key.prefix}_" in page
    assert client.get("/systems/route-optimiser/keys").content.decode().count(f"lm_{key.prefix}_…") == 1
    assert client.post(f"/systems/route-optimiser/keys/{key.pk}/revoke").status_code == 302
    assert ApiKey.objects.get().revoked_at is not None


def test_own_key__issued_and_revoked__by_its_person_alone(cast: Cast, sign_in: Callable[[Person], Client]) -> None:
    page = sign_in(cast.jo).post("/keys", {"label": "My script", "scopes": ["read"], "days": "5"})
    assert page.status_code == 200
    key = ApiKey.objects.get(person=cast.jo)
    assert sign_in(cast.sam).post(f"/keys/{key.pk}/revoke").status_code == 404
    assert sign_in(cast.jo).post(f"/keys/{key.pk}/revoke").status_code == 302


# The register


def test_system__registered__in_the_list_with_its_actor(cast: Cast, sam: Api) -> None:
    answer = sam.post("/api/v1/systems", new_system())
    assert answer.status_code == 201
    assert answer.json()["unit"] == "/brightline/northfield/"
    assert [row["slug"] for row in sam.get("/api/v1/systems").json()["results"]] == ["load-planner", "route-optimiser"]
    entry = Entry.objects.filter(model="portal.aisystem", action="created").latest("id")
    assert (entry.actor, entry.channel) == (cast.sam.pk, "api")


def test_system__of_another_depot__not_seen(cast: Cast, api: Key, sam: Api) -> None:
    sam.post("/api/v1/systems", new_system())
    assert [row["slug"] for row in api(cast.outsider).get("/api/v1/systems").json()["results"]] == ["route-optimiser"]
    assert api(cast.outsider).get("/api/v1/systems/load-planner/versions").status_code == 404
    assert len(api(cast.jo).get("/api/v1/systems").json()["results"]) == 2


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"slug": "Route Optimiser"}, "/slug", "invalid"),
        ({"slug": "route-optimiser"}, "/slug", "system_exists"),
        ({"unit": "/nowhere/"}, "/unit", "unit_unknown"),
        ({"risk_tier": "none"}, "/risk_tier", "invalid_choice"),
        ({"purpose": None}, "/purpose", "null"),
    ],
)
def test_system__wrong__422_with_a_pointer(cast: Cast, sam: Api, changes: dict[str, object], pointer: str, code: str) -> None:
    answer = sam.post("/api/v1/systems", new_system(**changes))
    assert answer.status_code == 422
    problem = answer.json()
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(pointer, code)]
    assert set(problem) >= {"type", "title", "status", "detail", "code", "errors"}


def test_system__no_json__400_problem(cast: Cast, sam: Api) -> None:
    answer = sam.client.post("/api/v1/systems", b"{", content_type="application/json", headers={"Authorization": f"Bearer {sam.key}"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_method__not_taken__405_problem(cast: Cast, sam: Api) -> None:
    answer = sam.delete("/api/v1/systems")
    assert answer.status_code in {403, 405}
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/nothing", "/api/v1/systems/"])
def test_address__unknown__404_problem(cast: Cast, path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_version__declared__newest_first(cast: Cast, sam: Api) -> None:
    assert sam.post("/api/v1/systems/route-optimiser/versions", {"label": "2.5.0", "notes": "Learns roadworks"}).status_code == 201
    labels = [row["label"] for row in sam.get("/api/v1/systems/route-optimiser/versions").json()["results"]]
    assert labels == ["2.5.0", "2.4.0"]
    again = sam.post("/api/v1/systems/route-optimiser/versions", {"label": "2.5.0"})
    assert (again.status_code, again.json()["code"]) == (422, "version_exists")


def test_refusal__of_a_command__recorded_with_its_actor_and_nothing_else(cast: Cast, api: Key) -> None:
    caller = api(cast.mara)
    before = Entry.objects.count()
    assert caller.post("/api/v1/systems", new_system()).status_code == 403
    assert Entry.objects.count() == before + 1
    entry = last("audit.refused")
    assert entry.actor == cast.mara.pk
    assert "/api/v1/systems" in Payload.objects.get(entry=entry.pk).body
    assert not AISystem.objects.filter(slug="load-planner").exists()


def test_session__in_the_api__needs_the_csrf_token(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.sam)
    answer = client.post("/api/v1/systems", new_system(), content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert client.get("/api/v1/systems").status_code == 200


# Cursors


def test_cursor__followed_to_the_end__each_row_once(cast: Cast, sam: Api) -> None:
    for number in range(7):
        factories.system(f"planner-{number}", cast.company, name=f"Planner {number % 3}")
    seen: list[str] = []
    cursor = ""
    for _page in range(9):
        page = sam.get(f"/api/v1/systems?limit=3&cursor={cursor}").json()
        seen += [row["slug"] for row in page["results"]]
        cursor = page["next"]
        if cursor is None:
            break
        # A row that is added before the cursor moves nothing.
        factories.system(f"early-{len(seen)}", cast.company, name="AAA")
    assert len(seen) == len(set(seen)) == 8


def test_cursor__newest_first__falls(cast: Cast, sam: Api) -> None:
    for number in range(5):
        factories.version(cast.system, f"3.{number}", deployed_at=dt.datetime(2026, 2, 1 + number // 2, tzinfo=dt.UTC))
    first = sam.get("/api/v1/systems/route-optimiser/versions?limit=4").json()
    second = sam.get(f"/api/v1/systems/route-optimiser/versions?limit=4&cursor={first['next']}").json()
    labels = [row["label"] for row in first["results"] + second["results"]]
    assert labels == ["3.4", "3.3", "3.2", "3.1", "3.0", "2.4.0"]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["cursor=abc", "cursor=WyJhIl0:x:y", "limit=0", "limit=201", "limit=ten", "limit=²"])
def test_cursor__tampered__422(cast: Cast, sam: Api, query: str) -> None:
    answer = sam.get(f"/api/v1/systems?{query}")
    assert answer.status_code == 422
    assert answer.json()["code"] in {"cursor_invalid", "limit_invalid"}


def test_cursor__of_another_list__422(cast: Cast, sam: Api) -> None:
    factories.version(cast.system, "3.0")
    cursor = sam.get("/api/v1/systems/route-optimiser/versions?limit=1").json()["next"]
    assert sam.get(f"/api/v1/systems?cursor={cursor}").status_code == 422


# ETag


def test_etag__unchanged__304_then_200_after_a_change(cast: Cast, sam: Api, api: Key) -> None:
    tag = sam.get("/api/v1/systems")["ETag"]
    assert sam.get("/api/v1/systems", If_None_Match=tag).status_code == 304
    assert sam.get("/api/v1/systems", If_None_Match=f'"x", {tag}').status_code == 304
    assert api(cast.jo).get("/api/v1/systems", If_None_Match=tag).status_code == 200
    AISystem.objects.update(name="Router")
    assert sam.get("/api/v1/systems", If_None_Match=tag).status_code == 200


# Idempotency


def test_idempotency__repeated__one_effect_and_the_same_answer(cast: Cast, sam: Api) -> None:
    first = sam.post("/api/v1/systems", new_system(), Idempotency_Key="k1")
    second = sam.post("/api/v1/systems", new_system(), Idempotency_Key="k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert AISystem.objects.filter(slug="load-planner").count() == 1


def test_idempotency__other_body__422(cast: Cast, sam: Api) -> None:
    sam.post("/api/v1/systems", new_system(), Idempotency_Key="k1")
    answer = sam.post("/api/v1/systems", new_system(slug="other"), Idempotency_Key="k1")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_idempotency__refused__may_be_tried_again(cast: Cast, sam: Api) -> None:
    assert sam.post("/api/v1/systems", new_system(unit="/nowhere/"), Idempotency_Key="k1").status_code == 422
    assert sam.post("/api/v1/systems", new_system(), Idempotency_Key="k1").status_code == 201


def test_idempotency__same_key_of_another_caller__is_another_key(cast: Cast, sam: Api, api: Key) -> None:
    sam.post("/api/v1/systems", new_system(), Idempotency_Key="k1")
    assert api(cast.sam).post("/api/v1/systems", new_system(), Idempotency_Key="k1").status_code == 422


def test_idempotency__after_a_day__forgotten(cast: Cast, sam: Api) -> None:
    sam.post("/api/v1/systems/route-optimiser/versions", {"label": "3.0"}, Idempotency_Key="k1")
    IdempotencyKey.objects.update(created_at=clock.now() - dt.timedelta(hours=25))
    assert sam.post("/api/v1/systems/route-optimiser/versions", {"label": "3.1"}, Idempotency_Key="k1").status_code == 201


def test_idempotency__twenty_at_once__one_effect(committed_db: object, cast: Cast, api: Key) -> None:
    key = api(cast.sam).key

    def declare(_turn: int) -> tuple[int, str]:
        try:
            answer = Api(key).post("/api/v1/systems/route-optimiser/versions", {"label": "9.9"}, Idempotency_Key="once")
            return answer.status_code, answer.json()["deployed_at"]
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(declare, range(20)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 201
    assert SystemVersion.objects.filter(label="9.9").count() == 1


@pytest.mark.parametrize(("who", "scopes", "status"), [("tom", ["audit:read"], 200), ("tom", ["write"], 403), ("sam", ["audit:read"], 403)])
def test_key__of_a_person__reads_the_trail_by_scope_and_role(cast: Cast, api: Key, who: str, scopes: list[str], status: int) -> None:
    assert api(getattr(cast, who), *scopes).get("/api/v1/audit/entries").status_code == status


def test_key__of_a_person__cannot_sign(cast: Cast, api: Key) -> None:
    from tests.governance import scene

    pilot = scene.propose(cast)
    request = scene.ask_to_start(cast, pilot)
    body = {"decision": "approve", "digest": "0" * 64, "meaning": "approval", "reason": "Fine"}
    answer = api(cast.helen).post(f"/api/v1/expansion-requests/{request.pk}/signatures", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
