"""What feedback keeps about a person, for their own page "What is kept about me" and nowhere else."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from feedback.models import Item, Outcome, Recommendation, Voice
from portal.kept import Part
from portal.models import Person


def about(person: Person) -> list[Part]:
    """Counts, and where to read all of it. Anonymous filings are not counted: nothing here knows whose they are."""
    decided = Outcome.objects.filter(person=person)
    return [
        Part(
            _("What the AI recommended to you, and what you decided"),
            [(_("Recommendations"), Recommendation.objects.of(person).count()), (_("Decisions"), decided.count())],
            _("To say how well the AI works. Others see figures of five people and more, never yours."),
            _("as long as the pilot's evidence."),
            url=reverse("recommendations"),
        ),
        Part(
            _("What you filed with your name, and where you added your voice"),
            [
                (_("Items"), Item.objects.filter(author=person).count()),
                (_("Confidential items"), Item.objects.filter(confidential_author__person=person).count()),
                (_("Voices"), Voice.objects.filter(person=person).count()),
            ],
            _("So that you hear back."),
            _("as long as the item."),
            url=reverse("items"),
        ),
    ]
