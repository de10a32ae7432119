"""Django's migrate, with the same eye for changes as makemigrations (commands.E001)."""

from django.core.management.commands import migrate

from audit.capture.autodetector import CaptureAutodetector


class Command(migrate.Command):
    autodetector = CaptureAutodetector
