"""Form widgets of the shell: one tap each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.widgets import ChoiceWidget


class _Cards(ChoiceWidget):
    """Options as cards, each with a line of explanation under its word (`hints` by value)."""

    template_name = "components/choices.html"
    use_fieldset = True
    one_column = False
    hints: Mapping[Any, object]

    def __init__(self, *args: Any, hints: Mapping[Any, object] | None = None, one_column: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hints = {str(value): hint for value, hint in (hints or {}).items()}
        self.one_column = one_column

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["one_column"] = self.one_column
        return context

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(*args, **kwargs)
        option["hint"] = self.hints.get(str(option["value"]), "")
        option["wrap_label"] = False
        return option

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return "" if index is None else super().id_for_label(id_, index)


class ChoiceCards(_Cards, forms.RadioSelect):
    """One of a few: radio buttons as cards."""


class CheckCards(_Cards, forms.CheckboxSelectMultiple):
    """Any of a few: check boxes as cards."""
