"""Register AI systems and declare their versions."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from portal import clock
from portal.models import AISystem, Person, RiskTier, SystemVersion, Unit, VersionRule
from portal.policies import require_over

CHANGEABLE = ("name", "unit", "purpose", "supplier", "risk_tier", "version_rule", "reason_required", "switch_off")


def register(
    *,
    actor: Person | None,
    slug: str,
    name: str,
    unit: Unit,
    purpose: str,
    supplier: str = "",
    risk_tier: str = RiskTier.LIMITED,
    version_rule: str = VersionRule.EXACT,
    reason_required: bool = False,
    switch_off: str = "",
) -> AISystem:
    """A new AI system in the register. Its slug stays for ever: keys, pilots and programs name it."""
    require_over(actor, "systems.manage", unit)
    system = AISystem(
        slug=slug,
        name=name.strip(),
        unit=unit,
        purpose=purpose.strip(),
        supplier=supplier.strip(),
        risk_tier=risk_tier,
        version_rule=version_rule,
        reason_required=reason_required,
        switch_off=switch_off.strip(),
    )
    with transaction.atomic():
        system.clean_fields()
        if AISystem.objects.filter(slug=slug).exists():
            raise ValidationError({"slug": ValidationError(_("Another system has this short name."), code="system_exists")})
        system.save()
    return system


def change(system: AISystem, *, actor: Person, **values: Any) -> AISystem:
    """Change what the register says of a system (any of CHANGEABLE)."""
    unknown = set(values) - set(CHANGEABLE)
    if unknown:
        raise TypeError(f"not changeable: {', '.join(sorted(unknown))}")
    with transaction.atomic():
        system = AISystem.objects.select_for_update(of=("self",)).select_related("unit").get(pk=system.pk)
        require_over(actor, "systems.manage", system.unit)
        require_over(actor, "systems.manage", values.get("unit", system.unit))
        for name, value in values.items():
            setattr(system, name, value)
        system.clean_fields()
        system.save()
    return system


def declare_version(
    system: AISystem, *, actor: Person | None, label: str, notes: str = "", deployed_at: dt.datetime | None = None
) -> SystemVersion:
    """A version of the system that is deployed now (or since `deployed_at`); its label is unique in the system."""
    require_over(actor, "systems.manage", system.unit)
    version = SystemVersion(system=system, label=label.strip(), notes=notes.strip(), deployed_at=deployed_at or clock.now())
    with transaction.atomic():
        AISystem.objects.select_for_update().get(pk=system.pk)
        version.clean_fields()
        if SystemVersion.objects.filter(system=system, label=version.label).exists():
            raise ValidationError({"label": ValidationError(_("This version is declared already."), code="version_exists")})
        version.save()
    return version
