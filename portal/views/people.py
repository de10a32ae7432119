"""People and their roles, for administrators. Looking at someone's account is an entry."""

from __future__ import annotations

import uuid
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import services as audit
from portal import clock
from portal.forms import NewPersonForm, PasswordForm, PeopleFilter, PersonForm, RoleForm, values_of_person
from portal.models import Person, RoleAssignment
from portal.permissions import SignedIn, needs
from portal.selectors.keyset import keyset
from portal.selectors.people import administered_by, found
from portal.services import people
from portal.views.submitting import done, form_page


@needs("people.manage")
@require_safe
def index(request: SignedIn) -> HttpResponse:
    asked = PeopleFilter(request.GET, person=request.user)
    narrow = asked.cleaned_data if asked.is_valid() else {}
    cursor = request.GET.get("cursor", "")
    page = keyset(found(administered_by(request.user), **narrow), order=("name", "id"), cursor=cursor)
    return render(request, "portal/people.html", {"people": page.rows, "next": page.next, "first": bool(cursor), "form": asked})


@needs("people.manage")
@require_http_methods(["GET", "POST"])
def new(request: SignedIn) -> HttpResponse:
    form = NewPersonForm(request.POST if request.method == "POST" else None, person=request.user)
    if request.method == "POST" and done(form, partial(people.add, actor=request.user)):
        messages.success(request, _("%(name)s is there.") % {"name": form.cleaned_data["name"]})
        return redirect("people")
    lead = _("They can give feedback at once. Roles come afterwards, on their own page.")
    return form_page(request, form, title=_("Add a person"), lead=lead, submit=_("Add"), back=reverse("people"))


@needs("people.manage")
@require_safe
def detail(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    """An account: particulars, roles, keys. Nothing of what this person did with an AI."""
    person = _person(request, pk)
    audit.record("portal.person-looked-at", obj=person)
    context = {
        "person": person,
        "roles": person.roles.select_related("unit").order_by("-starts_on", "id"),
        "role_form": RoleForm(person=request.user, initial={"unit": person.unit}),
        "password_form": PasswordForm(),
        "today": clock.now().date(),
    }
    return render(request, "portal/person.html", context)


@needs("people.manage")
@require_http_methods(["GET", "POST"])
def change(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    person = _person(request, pk)
    form = PersonForm(request.POST if request.method == "POST" else None, person=request.user, initial=values_of_person(person))
    if request.method == "POST" and done(form, partial(people.change, person, actor=request.user)):
        messages.success(request, _("Saved."))
        return redirect("person", pk=pk)
    return form_page(request, form, title=_("Change %(name)s") % {"name": person}, submit=_("Save"), back=reverse("person", args=[pk]))


@needs("people.manage")
@require_POST
def password(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    person = _person(request, pk)
    form = PasswordForm(request.POST)
    if done(form, partial(people.set_password, person, actor=request.user)):
        messages.success(request, _("Password set. %(name)s is signed out everywhere.") % {"name": person})
        return redirect("person", pk=pk)
    return form_page(
        request, form, title=_("Password of %(name)s") % {"name": person}, submit=_("Set password"), back=reverse("person", args=[pk])
    )


@needs("people.manage")
@require_POST
def leave(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    person = people.leave(_person(request, pk), actor=request.user)
    messages.success(request, _("%(name)s has left: signed out, roles and keys ended.") % {"name": person})
    return redirect("person", pk=pk)


@needs("people.manage")
@require_POST
def give_role(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    person = _person(request, pk)
    form = RoleForm(request.POST, person=request.user)
    if done(form, partial(people.give_role, person, actor=request.user)):
        messages.success(request, _("Role given."))
        return redirect("person", pk=pk)
    return form_page(
        request, form, title=_("A role for %(name)s") % {"name": person}, submit=_("Give role"), back=reverse("person", args=[pk])
    )


@needs("people.manage")
@require_POST
def end_role(request: SignedIn, pk: uuid.UUID, role: int) -> HttpResponse:
    held = get_object_or_404(RoleAssignment, pk=role, person=_person(request, pk))
    people.end_role(held, actor=request.user)
    messages.success(request, _("Role ended. They are signed out everywhere, and sign in again without it."))
    return redirect("person", pk=pk)


def _person(request: SignedIn, pk: uuid.UUID) -> Person:
    return get_object_or_404(administered_by(request.user), pk=pk)
