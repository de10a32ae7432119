"""File without a name, and read what became of it. Reached through feedback.anonymity alone: the request knows nobody."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import RequestDataTooBig, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from feedback import receipts
from feedback.forms import AddWordsForm, AnonymousForm, ReceiptForm
from feedback.models import Item, Receipt, Reply
from feedback.selectors.items import timeline, we_did
from feedback.services import intake
from feedback.tones import tone
from portal import strict_json
from portal.api.errors import problem_response
from portal.permissions import public
from portal.refusals import Refusal, refusal_of, title_of
from portal.views.submitting import done

MAX_BYTES = 64 * 1024


@public
def new(request: HttpRequest) -> HttpResponse:
    """The form. It says what anonymity protects from, and what not."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse(status=405, headers={"Allow": "GET"})
    initial = {"system": request.GET.get("system", ""), "recommendation": request.GET.get("recommendation", "")[:200]}
    return render(request, "feedback/anonymous_new.html", {"form": AnonymousForm(initial=initial)})


@csrf_exempt
@public
def file(request: HttpRequest) -> HttpResponse:
    """POST a filing, as JSON or as the form; the receipt stands in this answer and nowhere else."""
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    if _is_json(request):
        return answer_json(request, _file_json)
    form = AnonymousForm(request.POST)
    codes: list[str] = []
    if not done(form, lambda **given: codes.append(_file(given))):
        return render(request, "feedback/anonymous_new.html", {"form": form}, status=422)
    at_once = form.cleaned_data["at_once"] and form.cleaned_data["kind"] == Item.Kind.INCIDENT
    context = {"code": receipts.spaced(codes[0]), "at_once": at_once}
    return render(request, "feedback/anonymous_filed.html", context, status=201)


@csrf_exempt
@public
def look_up(request: HttpRequest) -> HttpResponse:
    """What became of a filing: `{code}`; with `reply`, words to add. GET shows the form that asks for the code."""
    if request.method in {"GET", "HEAD"}:
        return render(request, "feedback/anonymous_receipt.html", {"form": ReceiptForm()})
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "GET, POST"})
    if _is_json(request):
        return answer_json(request, _look_up_json)
    form = ReceiptForm(request.POST)
    if not form.is_valid():
        return render(request, "feedback/anonymous_receipt.html", {"form": form}, status=422)
    try:
        return _receipt_page(request, form.cleaned_data["code"])
    except Receipt.DoesNotExist:
        form.add_error("code", _("There is no filing with this code. It has 16 letters and digits."))
        return render(request, "feedback/anonymous_receipt.html", {"form": form}, status=404)


def _receipt_page(request: HttpRequest, code: str) -> HttpResponse:
    item = intake.by_receipt(code)
    form, added = AddWordsForm(initial={"code": code}), False
    if request.POST.get("reply", "").strip():
        posted = AddWordsForm(request.POST)
        added = done(posted, lambda code, reply: intake.add_words(code=code, text=reply))
        form = form if added else posted
    happenings = timeline(item) if item else []
    context = {
        "item": item,
        "tone": tone(item.status) if item else "",
        "timeline": happenings,
        "we_did": we_did(item, happenings) if item else None,
        "form": form,
        "added": added,
    }
    return render(request, "feedback/anonymous_receipt.html", context, status=422 if form.is_bound else 200)


def _file_json(given: dict[str, Any]) -> JsonResponse:
    code = _file(given)
    at_once = given.get("kind") == Item.Kind.INCIDENT and bool(given.get("at_once"))
    visible = "now" if at_once else "tomorrow"
    return JsonResponse({"receipt": receipts.spaced(code), "visible": visible, "detail": _told(visible)}, status=201)


def _look_up_json(given: dict[str, Any]) -> JsonResponse:
    code = text_of(given, "code")
    if given.get("reply") is not None:
        intake.add_words(code=code, text=text_of(given, "reply"))
    item = intake.by_receipt(code)
    if item is None:
        return JsonResponse({"status": "received", "visible": "tomorrow", "replies": [], "history": []})
    happenings = list(reversed(timeline(item)))
    return JsonResponse(
        {
            "ref": item.ref,
            "system": item.system.slug,
            "kind": item.kind,
            "text": item.text,
            "status": item.status,
            "voices": item.voice_count,
            "reply_due": item.reply_due.isoformat(),
            "answered": item.is_answered,
            "replies": [{"side": one.side, "text": one.text, "at": one.at} for one in item.replies.exclude(side=Reply.Side.NOTE)],
            "history": [{"what": one.what, "who": one.who, "words": one.words, "at": one.at} for one in happenings],
        }
    )


def _file(given: dict[str, Any]) -> str:
    return intake.file(
        client_id=client_id(given),
        system=text_of(given, "system"),
        kind=text_of(given, "kind"),
        text=text_of(given, "text"),
        severity=text_of(given, "severity"),
        recommendation=text_of(given, "recommendation"),
        at_once=bool(given.get("at_once")),
    )


def client_id(given: dict[str, Any]) -> uuid.UUID:
    """The random number that the sender gave the filing, or a new one."""
    found = given.get("id") or uuid.uuid4()
    try:
        return found if isinstance(found, uuid.UUID) else uuid.UUID(str(found))
    except ValueError as error:
        raise ValidationError({"id": ValidationError(_("A random UUID of your own."), code="invalid")}) from error


def text_of(given: dict[str, Any], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or "\x00" in value:
        raise ValidationError({name: ValidationError(_("This is text."), code="invalid")})
    return value


def _told(visible: str) -> str:
    return _("It can be seen now.") if visible == "now" else _("It can be seen tomorrow. Keep the receipt: nobody can look it up for you.")


def _is_json(request: HttpRequest) -> bool:
    return request.content_type == "application/json"


def answer_json(request: HttpRequest, act: Any) -> HttpResponse:
    """Read the body, act, and answer problems as the API does, without recording anything about them."""
    try:
        given = strict_json.decode(request.body) if len(request.body) <= MAX_BYTES else None
    except (strict_json.NotJSON, RequestDataTooBig):
        given = None
    if not isinstance(given, dict):
        return problem_response(Refusal(400, "not_json", title_of(400), _("Send one JSON object of at most 64 KiB.")))
    try:
        response: HttpResponse = act(given)
    except Exception as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        return problem_response(refusal)
    return response
