"""Settings, read from the environment. docs/reference/settings.md lists every name."""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal import env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("LASTMILE_DATA", str(BASE_DIR / "var"))).resolve()

DEBUG = env.boolean("DEBUG")
SECRET_KEY = env.text("SECRET_KEY")
KNOWN_KEYS = ("change-me", "changeme", "secret", "django-insecure")
if SECRET_KEY.lower().startswith(KNOWN_KEYS):
    raise ImproperlyConfigured("SECRET_KEY is a well-known one. Set a random one of 50 characters or more, or SECRET_KEY_FILE.")
# Older keys that still open what they signed, newest first: how a key is changed without signing everybody out.
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. `python3 manage.py up` makes one; elsewhere set SECRET_KEY or SECRET_KEY_FILE.")
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "governance",
    "feedback",
    "portal",
    "audit",
    "simple_history",
    "rest_framework",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "django_htmx",
    "csp",
    "lucide",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.readable.ReadableMiddleware",
    "feedback.anonymity.AnonymousWayIn",  # before anything that could know who calls
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "audit.middleware.ActingMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.refusals.RefusalMiddleware",
]

APPEND_SLASH = False
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.navigation",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# The app role serves; the owner role migrates and owns. With one URL for both `audit_check` says so.
_database = env.database("DATABASE_URL")
if _database is None:
    raise ImproperlyConfigured(
        "DATABASE_URL is not set. `python3 manage.py up` starts a database; or set postgresql://user:secret@host/name."
    )
DATABASES = {"default": _database, "owner": env.database("DATABASE_OWNER_URL") or _database}
if _sealer := env.database("DATABASE_SEALER_URL"):
    DATABASES["sealer"] = _sealer
if _eraser := env.database("DATABASE_ERASER_URL"):
    DATABASES["eraser"] = _eraser
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "portal.Person"
AUTHENTICATION_BACKENDS = ["portal.backends.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "staff_number"
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "portal.adapters.AccountAdapter"
ACCOUNT_FORMS = {"login": "portal.forms.SignInForm", "change_password": "portal.forms.OwnPasswordForm"}
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "20/m/ip,6/5m/key",
    "change_password": "5/m/user",
    "reauthenticate": "10/5m/user",
}

# Counters of sign-in tries live in PostgreSQL: sign-in works while the broker is down, and a restart forgets none.
# Django would throw counters away beyond 300, and so could whoever tries many names; `portal.tidy` removes expired ones.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    }
}

# Keys the hashes of anonymous receipts and of event bodies. Changing it makes every receipt handed out so far useless.
RECEIPT_PEPPER = env.text("RECEIPT_PEPPER") or SECRET_KEY

SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SECURE_REFERRER_POLICY = "same-origin"
# Behind a proxy that ends TLS: it must set X-Forwarded-Proto and strip the caller's own.
if PUBLIC_URL.startswith("https://"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
# How many proxies stand in front: the address that rate limits count is taken that many places from the right.
ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXY_COUNT", 0)
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "portal.views.refused.csrf_failed"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(DATA_DIR / "static")))
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "portal.finders.PackageFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.integer("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 20
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend" if EMAIL_HOST else "portal.mail.FolderBackend"
EMAIL_FILE_PATH = DATA_DIR / "mail"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Lastmile <lastmile@localhost>")

# The transparency log: who may read entries over /log (everyone, or compliance with hashes for everyone), its name, its key.
LOG_READERS = env.text("LOG_READERS", "hashes")
LOG_ORIGIN = env.text("LOG_ORIGIN", PUBLIC_URL.partition("://")[2] + "/log")
LOG_HEAD_FILE = env.text("LOG_HEAD_FILE", "")
LOG_KEY_FILE = Path(env.text("LOG_KEY_FILE", str(DATA_DIR / "secrets" / "log.key")))
LOG_SEAL_SECONDS = 5.0
# Who else vouches for the log, all optional: witnesses ("<verifier key> <address>", by commas), a time stamp authority.
LOG_WITNESSES = env.words("LOG_WITNESSES")
LOG_WITNESS_SECONDS = env.integer("LOG_WITNESS_SECONDS", 300)
LOG_STAMP_URL = env.text("LOG_STAMP_URL")
LOG_STAMP_ROOTS = env.text("LOG_STAMP_ROOTS")
# Export packs: where the worker puts them and the web server reads them, and for how many days they stay.
PACKS_DIR = Path(env.text("PACKS_DIR", str(DATA_DIR / "packs")))
PACK_DAYS = env.integer("PACK_DAYS", 7)
# Which erasures were done, outside the database: a restored backup does them again.
ERASURE_LEDGER_FILE = Path(env.text("ERASURE_LEDGER_FILE", str(DATA_DIR / "secrets" / "erasures.ledger")))
# Which modules say what a pilot, a request, an item or a person consists of (audit/subjects.py).
AUDIT_SUBJECTS = ["governance.subjects", "feedback.subjects", "portal.subjects"]
# Which modules say what erasure and retention do with their tables (audit/keeping/rules.py), who confirms passwords,
# and who keeps the answers of calls that are repeated (audit/api/once.py).
AUDIT_KEEPING = ["audit.keeping.own_rules", "portal.keeping", "feedback.keeping", "governance.keeping"]
AUDIT_STEP_UP = "portal.stepup"
AUDIT_MAILED = "portal.checkpoint_notices.was_mailed"
AUDIT_ONCE = "portal.api.idempotency"

BROKER_URL = env.text("BROKER_URL", "redis://127.0.0.1:6379/0")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.api.authentication.KeyAuthentication",
        "portal.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["portal.permissions.Allowed"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsers.Json"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.api.errors.problem",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Lastmile",
    "VERSION": "v1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "portal.logs.Line"}, "json": {"()": "portal.logs.JsonLine"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": env.text("LOG_FORMAT", "line")}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"django.request": {"level": "ERROR"}, "django.security": {"level": "ERROR"}},
}
