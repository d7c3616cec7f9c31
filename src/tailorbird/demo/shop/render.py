"""From a template to a response: everything escaped, nothing from elsewhere, nothing cached."""

from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.datastructures import Cookie

from tailorbird.demo.shop.art import art_of
from tailorbird.demo.shop.shelf import kind_name, slug_of

STATIC = Path(__file__).parent.parent / "static"
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-store",
}
_STEPS = ((1_000, "s"), (60_000, "min"), (3_600_000, "h"), (86_400_000, "day"))


class Renderer:
    """The templates, compiled when first used."""

    def __init__(self) -> None:
        self._env = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._env.filters |= {"money": money, "art": art_of, "kind": kind_name, "slug": slug_of, "percent": percent}
        self._env.globals["asset"] = _assets()

    def text(self, template: str, **context: Any) -> str:
        """A template, filled."""
        return self._env.get_template(template).render(context)

    def response(
        self, template: str, *, status: int = 200, cookies: list[Cookie] | None = None, **context: Any
    ) -> Response[str]:
        """A template as an answer."""
        return Response(
            self.text(template, **context),
            status_code=status,
            media_type="text/html",
            headers=_HEADERS,
            cookies=cookies,
        )


def _assets() -> dict[str, str]:
    """The address of each static file, by its name; it changes when the file does, so browsers may keep it."""
    return {
        path.name: f"/static/{path.relative_to(STATIC).as_posix()}?v={blake2b(path.read_bytes(), digest_size=4).hexdigest()}"
        for path in STATIC.rglob("*")
        if path.is_file()
    }


def money(value: float | None) -> str:
    """Pounds, as ``£1,234.50``."""
    return "–" if value is None else f"£{value:,.2f}"


def percent(value: float) -> str:
    """A share, as ``43 %``; below one percent with a digit more."""
    return f"{100 * value:.0f} %" if value >= 0.01 or value == 0 else f"{100 * value:.2g} %"


def ago(at: int, now: int) -> str:
    """How long before ``now`` (both ms): ``just now``, ``3 min ago``, ``12 days ago``."""
    passed = max(0, now - at)
    if passed < 2_000:
        return "just now"
    length, unit = next((step for step in reversed(_STEPS) if passed >= step[0]), _STEPS[0])
    count = passed // length
    return f"{count} {unit}{'s' if unit == 'day' and count != 1 else ''} ago"


def clock(at: int) -> str:
    """An instant (ms) as ``2026-11-24 21:56:04 UTC``."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
