"""What a user may write under ``segments:``."""

import re
from collections.abc import Mapping

import msgspec

from tailorbird.conditions import Column, Condition, compile_condition
from tailorbird.consent.purposes import PERSONALIZATION, needed
from tailorbird.errors import DefinitionError, InvalidInput

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class Segment(msgspec.Struct, frozen=True):
    """One segment: a condition, and the purposes without which nobody is in it."""

    name: str
    where: str
    purposes: int
    condition: Condition


def parse_segment(name: str, body: object, columns: Mapping[str, Column], *, where: str = "") -> Segment:
    """A segment from its YAML: ``{where: CONDITION, purposes: [...]}`` or the condition alone. Raises ``DefinitionError``."""
    if not _NAME.fullmatch(name):
        raise DefinitionError(
            f"segment {name!r}: a name is letters, digits, _ and -, beginning with a letter", where=where
        )
    if isinstance(body, str):
        body = {"where": body}
    if isinstance(body, Mapping):
        body = _rejoined(body)
    if not isinstance(body, Mapping) or not isinstance(body.get("where"), str):
        raise DefinitionError(f"segment {name!r}: expected {{where: a condition such as orders_30d >= 2}}", where=where)
    unknown = sorted(str(key) for key in body if key not in ("where", "purposes"))
    if unknown:
        raise DefinitionError(
            f"segment {name!r}: unknown key {unknown[0]!r}: there are where and purposes", where=where
        )
    try:
        purposes = needed(body["purposes"]) if "purposes" in body else PERSONALIZATION
    except InvalidInput as error:
        raise DefinitionError(f"segment {name!r}: {error}", where=where) from error
    text = body["where"].strip()
    return Segment(name, text, purposes, compile_condition(text, columns, where=where or f"segment {name!r}"))


def _rejoined(body: Mapping[object, object]) -> Mapping[object, object]:
    """Within braces YAML takes a comma for the end of the value: of ``{where: COALESCE(a, b) > 1}`` it makes ``where: COALESCE(a``
    and a key ``b) > 1`` without a value. An open parenthesis tells that the two belong together."""
    where = body.get("where")
    if not isinstance(where, str) or where.count("(") <= where.count(")"):
        return body
    pieces = [key for key, value in body.items() if value is None and key != "purposes"]
    joined = ", ".join([where, *map(str, pieces)])
    return {key: joined if key == "where" else value for key, value in body.items() if key not in pieces}
