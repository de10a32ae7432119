from django.apps import AppConfig


class ScratchConfig(AppConfig):
    """Governed models of the tests' own, so that capture is proven apart from the product's models."""

    name = "tests.audit.scratch"
    label = "scratch"
    default_auto_field = "django.db.models.BigAutoField"
