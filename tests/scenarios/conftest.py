"""The scenarios stand on a log that can be sealed and verified."""

from tests.audit.conftest import log

__all__ = ["log"]
