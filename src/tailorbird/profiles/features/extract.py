"""Values out of an event's properties: only what has the right type, everything else is passed over."""

from collections.abc import Callable
from typing import Any

from tailorbird.conditions import Kind, list_text

Extract = Callable[[dict[str, Any], int], Any]
"""(properties, timestamp) -> the value, None for none; a list of values where the path goes through a list."""

TEXT_KEPT = 256
"""Characters of a text that a feature keeps: a state per person must stay bounded."""
LARGEST = 1e37
"""Numbers beyond it are passed over: no sum of them may overflow, and every whole one must fit DuckDB's largest integer."""


def number(value: object) -> float | None:
    """A JSON number as a double, else None; booleans and numerals in text are no numbers."""
    if type(value) is float or type(value) is int:
        return float(value) if -LARGEST <= value <= LARGEST else None
    return None


def text(value: object) -> str | None:
    """A JSON scalar as text (7, 7.0 and "7" are the same item), else None."""
    if type(value) is str:
        return value[:TEXT_KEPT] or None
    return list_text(value)[:TEXT_KEPT] if number(value) is not None else None


def boolean(value: object) -> bool | None:
    """A JSON boolean, else None."""
    return value if type(value) is bool else None


def present(value: object) -> bool | None:
    """True for whatever is there, None for JSON's null."""
    return None if value is None else True


_CONVERSIONS: dict[Kind | None, Callable[[object], Any]] = {
    None: present, Kind.NUMBER: number, Kind.BOOLEAN: boolean, Kind.TIMESTAMP: lambda value: value,
}  # fmt: skip


def extractor(path: tuple[str, ...], kind: Kind | None) -> Extract:
    """A function that takes the value at ``path``. ``kind`` of a list is that of its members, text; None only asks for presence."""
    convert = _CONVERSIONS.get(kind, text)
    if path == ("timestamp",):
        return lambda properties, at: convert(at)
    if len(path) == 1 and not path[0].endswith("[]"):
        name = path[0]
        return lambda properties, at: convert(properties.get(name))
    if any(part.endswith("[]") for part in path):
        return lambda properties, at: [
            value for found in _walk(properties, path) if (value := convert(found)) is not None
        ]

    def single(properties: dict[str, Any], at: int) -> Any:
        for found in _walk(properties, path):
            return convert(found)
        return None

    return single


def _walk(value: object, path: tuple[str, ...]) -> list[object]:
    found = [value]
    for part in path:
        key, many = part.removesuffix("[]"), part.endswith("[]")
        inner: list[object] = []
        for each in found:
            if isinstance(each, dict) and key in each:
                if not many:
                    inner.append(each[key])
                elif isinstance(each[key], list):
                    inner.extend(each[key])
        found = inner
    return found
