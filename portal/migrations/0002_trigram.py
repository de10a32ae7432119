"""Similar words, by pg_trgm: a trusted extension, which the owner of the database may add."""

from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("portal", "0001_initial")]

    operations = [TrigramExtension()]
