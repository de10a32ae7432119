"""People, units, AI systems, keys and notices."""

from portal.models.api import CacheEntry, IdempotencyKey
from portal.models.notices import Notice
from portal.models.people import Person, Role, RoleAssignment
from portal.models.systems import AISystem, ApiKey, RiskTier, SystemVersion, VersionRule
from portal.models.units import Unit

__all__ = [
    "AISystem",
    "ApiKey",
    "CacheEntry",
    "IdempotencyKey",
    "Notice",
    "Person",
    "RiskTier",
    "Role",
    "RoleAssignment",
    "SystemVersion",
    "Unit",
    "VersionRule",
]
