"""Which clients of the gate have seen a change: the receipt of a Stop."""

from __future__ import annotations

from dataclasses import dataclass

from governance.models import GateClient, Pilot
from portal import clock
from portal.models import ApiKey


@dataclass(frozen=True)
class Receipt:
    """Of the live gate keys of a system: how many have fetched `version` or a later one."""

    version: int
    seen: int
    keys: int
    silent: list[str]
    slowest_seconds: int | None

    @property
    def confirmed(self) -> bool:
        return self.keys > 0 and self.seen == self.keys


def receipt(pilot: Pilot, version: int) -> Receipt:
    """Who has seen gate version `version` of `pilot`, since the moment a halt made it where there was one. Two queries."""
    keys = [key for key in ApiKey.objects.live(clock.now()).filter(system_id=pilot.system_id) if "gate:read" in key.scopes]
    clients = {client.key_id: client for client in GateClient.objects.filter(pilot=pilot)}
    seen = [client for key in keys if (client := clients.get(key.pk)) and client.seen_version >= version]
    reached = [client.key_id for client in seen]
    waits = [int((client.version_since - pilot.halted_at).total_seconds()) for client in seen if pilot.halted_at]
    return Receipt(
        version=version,
        seen=len(seen),
        keys=len(keys),
        silent=[key.label for key in keys if key.pk not in reached],
        slowest_seconds=max((wait for wait in waits if wait >= 0), default=None),
    )
