"""Settings of the tests: the portal's own, on the services that `manage.py test` started, and nothing from outside."""

from __future__ import annotations

import os

# Static tools (mypy, makemigrations --check) load this module without any service.
os.environ.setdefault("SECRET_KEY", "a key that only the tests know")
os.environ.setdefault("DATABASE_URL", "postgresql://nobody@localhost:1/none")
os.environ.setdefault("BROKER_URL", "memory://")

from portal.settings import *  # noqa: F403

PUBLIC_URL = "http://testserver"
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
CSRF_TRUSTED_ORIGINS = ["http://testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
LOGGING = {"version": 1, "disable_existing_loggers": False}
# Static files straight from where they lie: nothing was collected.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True
INSTALLED_APPS = ["tests.audit.scratch", *INSTALLED_APPS]  # noqa: F405
