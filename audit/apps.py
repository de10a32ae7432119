from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit.context import install  # at call time: settings must be there
        from audit.keeping.rules import write_after_migrate

        connection_created.connect(install, dispatch_uid="audit.context")
        post_migrate.connect(write_after_migrate, sender=self, dispatch_uid="audit.rules")
