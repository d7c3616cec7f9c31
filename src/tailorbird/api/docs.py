"""The documentation page: made here from the OpenAPI document, so that nothing is loaded from outside and no script is needed."""

import json
import re
from typing import Any

from jinja2 import Environment, PackageLoader
from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin
from markupsafe import Markup, escape

Json = dict[str, Any]
_METHODS = ("get", "post", "put", "patch", "delete")


class DocsPlugin(OpenAPIRenderPlugin):
    """Serves the page at ``/schema``."""

    def __init__(self) -> None:
        super().__init__(path="/")
        self._page: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: Json) -> bytes:
        if self._page is None:
            self._page = page(openapi_schema).encode()
        return self._page


def page(document: Json) -> str:
    """The page of an OpenAPI document."""
    environment = Environment(
        loader=PackageLoader("tailorbird.api", "."), autoescape=True, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"prose": _prose, "json": lambda value: json.dumps(value, indent=2, ensure_ascii=False)}
    environment.globals["fields"] = lambda schema: _fields(schema, document)
    environment.globals["curl"] = _curl
    return environment.get_template("docs.html").render(document=document, groups=_groups(document))


def _groups(document: Json) -> list[tuple[Json, list[Json]]]:
    operations = [
        operation | {"path": path, "method": method}
        for path, item in document["paths"].items()
        for method in _METHODS
        if (operation := item.get(method)) is not None
    ]
    known = document.get("tags", [])
    groups = [(tag, [each for each in operations if tag["name"] in each.get("tags", ())]) for tag in known]
    names = {tag["name"] for tag in known}
    rest = [each for each in operations if not names & set(each.get("tags", ()))]
    return [group for group in [*groups, ({"name": "more", "description": ""}, rest)] if group[1]]


def _prose(text: str | None) -> Markup:
    """Paragraphs and `code`, which is all of Markdown that our descriptions use."""
    paragraphs = [
        re.sub(r"`+([^`]+)`+", r"<code>\1</code>", str(escape(part)))
        for part in (text or "").split("\n\n")
        if part.strip()
    ]
    return Markup("".join(f"<p>{each}</p>" for each in paragraphs))  # noqa: S704 - escaped above


def _fields(schema: Json, document: Json, depth: int = 0) -> list[tuple[str, str, bool, str]]:
    """(name, type, required, description) of a schema's members, those of its members after them, indented."""
    schema = _resolve(schema, document)
    if schema.get("type") == "array":
        return _fields(schema.get("items", {}), document, depth)
    rows = []
    for name, member in schema.get("properties", {}).items():
        found = _resolve(member, document)
        told = found.get("description", "") if "$ref" not in member else member.get("description", "")
        rows.append(("\u2003" * depth + name, _type(found, document), name in schema.get("required", ()), told))
        if depth < 3:
            inner = found.get("items", found) if found.get("type") == "array" else found
            rows += _fields(inner, document, depth + 1)
    return rows


def _resolve(schema: Json, document: Json) -> Json:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _type(schema: Json, document: Json) -> str:
    schema = _resolve(schema, document)
    several = schema.get("anyOf") or schema.get("oneOf")
    if several:
        return " or ".join(dict.fromkeys(_type(each, document) for each in several))
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    return f"list of {_type(schema.get('items', {}), document)}" if kind == "array" else str(kind)


def _curl(operation: Json) -> str:
    parts = ["curl"]
    schemes = {name for each in operation.get("security", ()) for name in each}
    if "WriteKey" in schemes:
        parts.append("-u WRITE_KEY:")
    if "Admin" in schemes:
        parts.append("-H 'Authorization: Bearer ADMIN_TOKEN'")
    parts.append("http://localhost:8700" + operation["path"].replace("{who}", "user:u-17850"))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    if body is not None:
        parts.append("\\\n  --json '" + json.dumps(body, ensure_ascii=False) + "'")
    return " ".join(parts)
