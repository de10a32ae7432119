"""What the database itself refuses: moves that are not in governance/workflow.py, and widening by SQL as the app role."""

from __future__ import annotations

import re

import pytest
from django.db import IntegrityError, connection, transaction

from governance import workflow
from governance.models import ExpansionRequest, Pilot
from tests import factories
from tests.cast import Cast
from tests.governance import scene


def guarded(function: str) -> set[tuple[str, str]]:
    """The moves that a guard of the database lets through."""
    with connection.cursor() as cursor:
        cursor.execute("select prosrc from pg_proc where proname = %s", [function])
        return set(re.findall(r"\('(\w+)', '(\w+)'\)", cursor.fetchone()[0]))


def test_guards__the_moves_of_the_database__are_those_of_the_tables(db: None) -> None:
    assert guarded("governance_pilot_guard") == workflow.legal_pairs(workflow.PILOT_MOVES)
    requests_ = workflow.legal_pairs(workflow.REQUEST_MOVES)
    assert guarded("governance_request_guard") - {("approved", "applied")} == requests_ - {("approved", "applied")}
    assert {one for pair in workflow.legal_pairs(workflow.PILOT_MOVES) for one in pair} == set(Pilot.Condition.values)
    assert {one for pair in requests_ for one in pair} == set(ExpansionRequest.State.values)


RISE = {"stage_id": "(select max(id) from governance_stage)", "base_version": "base_version + 1", "eval_version": "eval_version + 1"}
GRANT = """
insert into governance_grant (request_id, pilot_id, stage_id, units, people, excluded, listed, ceiling, starts_at, ends_at, version_rule,
                              version, digest, gate_version, revoke_reason)
select id, pilot_id, stage_id, cohort -> 'units', cohort -> 'people', cohort -> 'excluded', {listed}, ceiling, now(), ends_at, version_rule,
       version, digest, 9, '' from governance_expansionrequest where id = {request}
"""


def as_app(*statements: str) -> None:
    """Run by the application's role, all in one transaction."""
    with transaction.atomic(), factories.by_test(), connection.cursor() as cursor:
        cursor.execute("select current_user")
        assert cursor.fetchone() == ("lm_app",)
        for statement in statements:
            cursor.execute(statement)


def signed_once(cast: Cast) -> ExpansionRequest:
    """Submitted for two signatures, of which the sponsor's is there."""
    request = scene.ask_to_widen(cast, scene.complete(cast, scene.started(cast)))
    scene.sign(cast.priya, request)
    return ExpansionRequest.objects.get(pk=request.pk)


def change(request: ExpansionRequest, what: str) -> str:
    return f"update governance_expansionrequest set {what} where id = {request.pk}"


ONE_SLOT = """policy = '{"slots": [{"name": "sponsor", "holders": ["sponsor"], "meaning": "approval"}]}'"""


def test_guards__a_signature_moved_under_other_content__is_refused(cast: Cast) -> None:
    request = signed_once(cast)
    revised = change(request, "state = 'draft', revision = 2")
    other = change(request, f'ceiling = 20000, cohort = \'{{"units": [1], "people": [], "excluded": []}}\', {ONE_SLOT}')
    with pytest.raises(IntegrityError, match="of its own"):
        as_app(revised, other, change(request, "state = 'submitted'"))
    with pytest.raises(IntegrityError, match="of its own"):
        as_app(revised, change(request, "revision = 1, state = 'submitted', digest = repeat('a', 64)"))
    with pytest.raises(IntegrityError, match="not what was submitted"):
        as_app(revised, other, change(request, "state = 'submitted', digest = repeat('a', 64)"), change(request, "state = 'approved'"))


def test_guards__an_approval__needs_another_person_in_every_slot_of_this_revision(cast: Cast) -> None:
    request = signed_once(cast)
    with pytest.raises(IntegrityError, match="a signature is missing"):
        as_app(change(request, "state = 'approved'"))
    again = f"""
    insert into governance_signature (request_id, revision, digest, slot, decision, meaning, signer_id, printed_name, signed_at, reason,
                                      step_up_method, step_up_at)
    select request_id, revision, digest, slot, decision, meaning, '{cast.helen.pk}', 'x', now(), '', step_up_method, now()
    from governance_signature where request_id = {request.pk}"""
    with pytest.raises(IntegrityError, match="a signature is missing"):
        as_app(again, change(request, "state = 'approved'"))
    moved = (
        change(request, "state = 'draft', revision = 2"),
        change(request, f"state = 'submitted', digest = repeat('a', 64), {ONE_SLOT}"),
        (
            f"insert into governance_submission (request_id, revision, digest, content, by_id, at) "
            f"values ({request.pk}, 2, repeat('a', 64), '{{}}', '{cast.mara.pk}', now())"
        ),
    )
    with pytest.raises(IntegrityError, match="a signature is missing"):
        as_app(*moved, change(request, "state = 'approved'"))


@pytest.mark.parametrize(
    "what", ["expires_at = expires_at + interval '1 year'", "submitted_at = now()", ONE_SLOT, "digest = repeat('a', 64)", "revision = 7"]
)
def test_guards__what_was_submitted__is_frozen(cast: Cast, what: str) -> None:
    request = signed_once(cast)
    with pytest.raises(IntegrityError, match="not edited"):
        as_app(change(request, what))


@pytest.mark.parametrize(
    "beyond",
    [
        RISE,
        {"ends_at": "'2099-01-01'", "base_version": "base_version + 1"},
        {"stage_id": "{asked}", "ends_at": "'2099-01-01'", "base_version": "base_version + 1"},
        {"stage_id": "{asked}"},
    ],
)
def test_guards__a_pilot__gets_what_the_applied_request_says_and_once(cast: Cast, beyond: dict[str, str]) -> None:
    request = signed_once(cast)
    with transaction.atomic(), factories.by_test():
        # Signed by both, and not yet carried out: the moment at which a wider pilot could be slipped in.
        signature = request.signatures.get()
        signature.pk, signature.slot, signature.signer, signature._state.adding = None, "executive", cast.helen, True
        signature.save()
    as_app(change(request, "state = 'approved'"), change(request, "state = 'applied', applied_at = now()"))
    wider = ", ".join(f"{name} = {value.format(asked=request.stage_id)}" for name, value in beyond.items())
    with pytest.raises(IntegrityError, match="only an applied request widens a pilot"):
        as_app(f"update governance_pilot set {wider} where id = {request.pilot_id}")
    with pytest.raises(IntegrityError, match="nothing else"):
        as_app(GRANT.format(request=request.pk, listed=f"'[\"{cast.sam.pk}\"]'"))
    as_app(
        f"update governance_pilot set stage_id = {request.stage_id}, base_version = base_version + 1 where id = {request.pilot_id}",
        GRANT.format(
            request=request.pk, listed=f"(select brief #> '{{people,listed}}' from governance_expansionrequest where id = {request.pk})"
        ),
    )


def test_guards__every_trigger_of_governance__fires_always(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select count(*), bool_and(tgenabled = 'A') from pg_trigger where tgname like %s", ["governance%"])
        count, always = cursor.fetchone()
    assert always
    assert count > 20
