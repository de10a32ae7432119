"""What a scenario may use: pages in a browser's way, the API with keys, the gate. Nothing here looks into the database."""

from __future__ import annotations

import html
import io
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.test import Client

from tests.cast import Api

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

FIRST_PASSWORD = "given by an administrator"
PASSWORD = "seven lorries by noon"


@dataclass
class Browser:
    """Somebody's browser, signed in through the sign-in page. With the password they were given they choose their own."""

    login: str
    client: Client = field(default_factory=Client)

    def sign_in(self) -> Browser:
        self.send("/account/sign-in", login=self.login, password=FIRST_PASSWORD)
        self.send("/account/password", oldpassword=FIRST_PASSWORD, password1=PASSWORD, password2=PASSWORD)
        return self

    def read(self, address: str) -> str:
        """The words of a page that has to be there."""
        answer = self.client.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code}\n{text_of(answer)}"
        return text_of(answer)

    def send(self, address: str, **fields: Any) -> str:
        """Post a form that has to be taken; where it leads to."""
        answer = self.client.post(address, fields)
        assert answer.status_code == 302, f"{address}: {answer.status_code}\n{text_of(answer)}"
        return str(answer["Location"])

    def refused(self, address: str, expected: int, /, **fields: Any) -> str:
        """Post a form that has to be refused with status `expected`; what is said about it."""
        answer = self.client.post(address, fields)
        assert answer.status_code == expected, f"{address}: {answer.status_code}\n{text_of(answer)}"
        return text_of(answer)

    def option(self, address: str, label: str) -> str:
        """The value of a choice on a form, by what a person reads there."""
        page = self.client.get(address).content.decode()
        found: dict[str, str] = {
            html.unescape(text).strip(): value for value, text in re.findall(r'<option value="([^"]*)"[^>]*>([^<]*)</option>', page)
        }
        found |= {html.unescape(text).strip(): value for value, text in re.findall(r'<input[^>]*value="([^"]*)"[^>]*>\s*([^<]+)<', page)}
        return found[label]

    def link(self, address: str, label: str) -> str:
        """Where the first link that begins with these words leads."""
        page = self.client.get(address).content.decode()
        links = re.findall(r'(?s)<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', page)
        return next(str(href) for href, text in links if html.unescape(re.sub(r"<[^>]+>", "", text)).strip().startswith(label))

    def sign(self, request: str, **changes: str) -> str:
        """Approve what the page of a request shows, with the password."""
        return self.send(f"{request}/sign", **(self.signature(request) | changes))

    def signature(self, request: str) -> dict[str, str]:
        """What the form of a request posts when it is signed as it is shown."""
        page = self.client.get(request).content.decode()
        found = re.search(r'name="digest"[^>]*value="([0-9a-f]{64})"|value="([0-9a-f]{64})"[^>]*name="digest"', page)
        digest = next(filter(None, found.groups())) if found else "0" * 64
        return {"digest": digest, "decision": "approve", "reason": "", "password": PASSWORD}


@dataclass
class Gate:
    """An AI system that asks whether somebody may have it."""

    api: Api

    def ask(self, pilot: str, who: str) -> tuple[bool, str]:
        """(value, reason) for one person."""
        answer = self.api.post(f"/ofrep/v1/evaluate/flags/{pilot}", {"context": {"targetingKey": who}})
        assert answer.status_code == 200, answer.content
        said = json.loads(answer.content)
        return said["value"], said["reason"]

    def all_for(self, who: str) -> dict[str, bool]:
        answer = self.api.post("/ofrep/v1/evaluate/flags", {"context": {"targetingKey": who}})
        assert answer.status_code == 200, answer.content
        return {flag["key"]: flag["value"] for flag in json.loads(answer.content)["flags"]}


def text_of(answer: Answer) -> str:
    """The words of a page, without its markup."""
    page = re.sub(r"(?s)<(script|style).*?</\1>", "", answer.content.decode())
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def said_by(command: str) -> str:
    """What a command prints; one that finds something wrong exits, and fails the test."""
    out = io.StringIO()
    call_command(command, stdout=out)
    return out.getvalue()
