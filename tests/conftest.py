"""What every test may ask for."""

import pytest

from audit import services as audit
from tests.cast import api, cast, sign_in, stage, system_key
from tests.services import committed_db, django_db_setup, pytest_configure, transactional_db

__all__ = ["api", "cast", "committed_db", "django_db_setup", "pytest_configure", "sign_in", "stage", "system_key", "transactional_db"]


@pytest.fixture(autouse=True)
def _nobody_named_yet() -> None:
    """A process remembers which system actors its database knows; each test has a database of its own."""
    audit._named.clear()
