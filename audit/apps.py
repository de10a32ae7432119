from django.apps import AppConfig
from django.db.backends.signals import connection_created


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit.context import install  # at call time: settings must be there

        connection_created.connect(install, dispatch_uid="audit.context")
