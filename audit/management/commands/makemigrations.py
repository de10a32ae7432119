"""Django's makemigrations, which also writes the capture of governed models."""

from django.core.management.commands import makemigrations

from audit.capture.autodetector import CaptureAutodetector


class Command(makemigrations.Command):
    autodetector = CaptureAutodetector
