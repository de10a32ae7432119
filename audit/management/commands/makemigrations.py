"""Django's makemigrations, which also writes the capture of governed models."""

from django.core.management.commands import makemigrations

from audit.autodetector import CaptureAutodetector


class Command(makemigrations.Command):
    autodetector = CaptureAutodetector
