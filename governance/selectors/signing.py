"""The live content of a request, and which signatures count: computed when read, never stored as a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch

from governance import policies, workflow
from governance.digests import Change, changes, digest_of
from governance.models import ExpansionRequest, Pilot, Signature
from portal import clock
from portal.models import Person, RoleAssignment


def criteria_of(pilot: Pilot) -> list[dict[str, Any]]:
    """Success criteria and stop rules in the words and numbers that are signed."""
    return [
        {
            "id": rule.pk,
            "kind": rule.kind,
            "name": rule.name,
            "figure": rule.figure,
            "comparator": rule.comparator,
            "threshold": f"{rule.threshold:.2f}",
            "window_days": rule.window_days,
            "minimum": rule.minimum,
            "effect": rule.effect,
        }
        for rule in sorted(pilot.criteria.all(), key=lambda rule: rule.pk)
    ]


def content_of(request: ExpansionRequest) -> dict[str, Any]:
    """Everything that is signed: while it is open as it stands in the rows now, afterwards as it was submitted."""
    if settled(request):
        frozen: dict[str, Any] = request.submissions.get(revision=request.revision).content
        return frozen
    stage = request.stage
    return {
        "v": 1,
        "request": request.pk,
        "revision": request.revision,
        "pilot": request.pilot.slug,
        "kind": request.kind,
        "light": request.light,
        "requester": str(request.requester_id),
        "stage": {"place": stage.place, "kind": stage.kind, "name": stage.name, "size": stage.size},
        "cohort": {name: sorted(str(one) for one in request.cohort.get(name, ())) for name in ("units", "people", "excluded")},
        "ceiling": request.ceiling,
        "window": {"ends_at": request.ends_at.isoformat()},
        "version_rule": request.version_rule,
        "version": request.version,
        "recommendation": request.recommendation,
        "conditions": request.conditions,
        "cause": request.cause,
        "fix": request.fix,
        "answers": request.answers_id,
        "criteria": criteria_of(request.pilot),
        "policy": request.policy,
        "base_version": request.base_version,
        "evidence": request.brief,
    }


def settled(request: ExpansionRequest) -> bool:
    """Decided or taken back: what the pilot does later no longer touches what was signed."""
    return request.state not in workflow.OPEN and bool(request.digest)


def live_digest(request: ExpansionRequest) -> str:
    """What a signature must equal to count (R3)."""
    return request.digest if settled(request) else digest_of(content_of(request))


def difference(request: ExpansionRequest, digest: str) -> list[Change]:
    """What changed since the submission with `digest`; empty when no such submission exists."""
    shown = request.submissions.filter(digest=digest).order_by("-revision").first()
    return changes(shown.content, content_of(request)) if shown else []


@dataclass(frozen=True)
class SlotState:
    """A slot, the signature that fills it (None while open), and who could."""

    name: str
    meaning: str
    holders: tuple[str, ...]
    signature: Signature | None


def counts(signature: Signature, request: ExpansionRequest, digest: str) -> bool:
    """True when this approval counts: same digest, and, until it is settled, a signer still eligible and apart (R1, R3, R7)."""
    slot = next((one for one in request.policy.get("slots", ()) if one["name"] == signature.slot), None)
    if signature.decision != Signature.Decision.APPROVE or signature.digest != digest or slot is None:
        return False
    if settled(request):
        return True
    return not policies.separated(signature.signer, request) and policies.fills(signature.signer, slot, request)


def slots_of(request: ExpansionRequest, signatures: Iterable[Signature] | None = None) -> list[SlotState]:
    """Every slot of the frozen policy with the signature that counts for it now.

    A list of many requests hands in `signatures` that it has fetched together (`with_signers`).
    """
    counting = _counting(request, live_digest(request), _signatures(request) if signatures is None else signatures)
    return [
        SlotState(slot["name"], slot["meaning"], tuple(slot["holders"]), counting.get(slot["name"]))
        for slot in request.policy.get("slots", ())
    ]


def _signatures(request: ExpansionRequest) -> Iterable[Signature]:
    return request.signatures.select_related("signer__unit")


def _counting(request: ExpansionRequest, digest: str, signatures: Iterable[Signature]) -> dict[str, Signature]:
    """Slot -> its signature. Two in one slot: while it is open the first that counts; settled, the last, which replaced it."""
    counting: dict[str, Signature] = {}
    for signature in signatures:
        if counts(signature, request, digest) and (signature.slot not in counting or settled(request)):
            counting[signature.slot] = signature
    return counting


def complete(request: ExpansionRequest) -> bool:
    """True when every slot is filled by a different person."""
    slots = slots_of(request)
    signers = {slot.signature.signer_id for slot in slots if slot.signature}
    return bool(slots) and len(signers) == len(slots)


def with_signers() -> list[str | Prefetch]:  # type: ignore[type-arg]
    """What to prefetch of many requests, so that `slots_of` asks nothing more: signatures, signers, their roles today."""
    roles = RoleAssignment.objects.in_force(clock.now().date()).select_related("unit")
    return [
        "contributors",
        "pilot__oversights",
        "pilot__criteria",
        "signatures__signer",
        Prefetch("signatures__signer__roles", queryset=roles, to_attr="current_roles"),
    ]


def open_slot_for(person: Person, request: ExpansionRequest, signatures: Iterable[Signature] | None = None) -> SlotState | None:
    """The first open slot that `person` may fill; None when there is none, or when they have signed this digest.

    That holds too when their signature no longer counts: one person signs one digest once (R2).
    """
    digest, signatures = live_digest(request), list(_signatures(request) if signatures is None else signatures)
    if any(signature.signer_id == person.pk and signature.digest == digest for signature in signatures):
        return None
    for slot in slots_of(request, signatures):
        if slot.signature is None and policies.fills(person, {"holders": slot.holders}, request):
            return slot
    return None
