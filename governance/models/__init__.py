"""Everything governance keeps."""

from governance.models.gate import GateClient
from governance.models.pilots import Criterion, Departure, HeldMember, Oversight, Pilot, ReadinessAction, Stage, Transition
from governance.models.promises import Measurement, Promise
from governance.models.requests import Contributor, ExpansionRequest, Grant, Submission
from governance.models.signatures import Signature

__all__ = [
    "Contributor",
    "Criterion",
    "Departure",
    "ExpansionRequest",
    "GateClient",
    "Grant",
    "HeldMember",
    "Measurement",
    "Oversight",
    "Pilot",
    "Promise",
    "ReadinessAction",
    "Signature",
    "Stage",
    "Submission",
    "Transition",
]
