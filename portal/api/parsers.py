"""How the API reads a body."""

from __future__ import annotations

from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from portal import strict_json


class Json(BaseParser):
    """JSON in UTF-8 that can be stored and shown; anything else is 400."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return strict_json.decode(stream.read())
        except strict_json.NotJSON as error:
            raise ParseError(str(error)) from error
