"""The OpenAPI 3.1 document: what is the same for every route."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import (
    Components,
    Example,
    License,
    OpenAPIMediaType,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
    Tag,
)

import tailorbird
from tailorbird.api.docs import DocsPlugin
from tailorbird.api.problem import CONTENT_TYPE, Problem

WRITE_KEY: list[dict[str, list[str]]] = [{"WriteKey": []}]
ADMIN: list[dict[str, list[str]]] = [{"Admin": []}, {}]
"""The second, empty one: from this machine, where no token is set."""

_DESCRIPTIONS = {
    400: "The request cannot be understood, or breaks a stated limit. Do not send the same again.",
    401: "The write key or the admin token is missing or unknown.",
    404: "There is nothing by this name.",
    413: "The body is over the setting max_body.",
    422: "A definition is wrong.",
    429: "Too much is in flight: nothing of this request was kept. Send it again after Retry-After seconds.",
    503: "It could not be made durable, and nothing was acknowledged. Send it again after Retry-After seconds.",
}
_EXAMPLES = {
    400: Problem("Invalid input", 400, "the body is no JSON object: JSON is malformed: expected ':' (byte 9)"),
    401: Problem(
        "Unknown write key", 401, "no such write key: send it as Basic auth 'KEY:' or as writeKey in the body"
    ),
    404: Problem("Not found", 404, "nobody is known by this id"),
    413: Problem("Too large", 413, "the body is over 4194304 bytes: send smaller batches"),
    429: Problem("Too many requests in flight", 429, "Too much is in flight. Wait a second and send again."),
    503: Problem("Temporarily unavailable", 503, "The log could not be written: the disk or the map is full."),
}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The problem+json answers that a route may give."""
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=_DESCRIPTIONS[status],
            media_type=CONTENT_TYPE,
            examples=[Example(summary=found.title, value=msgspec.to_builtins(found))]
            if (found := _EXAMPLES.get(status))
            else None,
        )
        for status in statuses
    }


@dataclass
class _Raw(Schema):
    """A schema that stands as it is."""

    raw: dict[str, Any] = field(default_factory=dict)

    def to_schema(self) -> dict[str, Any]:
        return self.raw


def reads(kind: Any, example: Any) -> type[Operation]:
    """An operation whose JSON body is a ``kind``, though its handler takes the bytes: the doors decode for themselves."""
    body = RequestBody(
        {"application/json": OpenAPIMediaType(schema=_Raw(raw=_inlined(kind)), example=example)},
        description="JSON, as it is or with gzip (the bytes decide, whatever Content-Encoding says).",
        required=True,
    )

    @dataclass
    class Reads(Operation):
        def __post_init__(self) -> None:
            self.request_body = body

    return Reads


def _inlined(kind: Any) -> dict[str, Any]:
    (schema,), definitions = msgspec.json.schema_components([kind], ref_template="{name}")

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolve(definitions[node["$ref"]]) | {k: v for k, v in node.items() if k != "$ref"}
            return {key: resolve(value) for key, value in node.items()}
        return [resolve(each) for each in node] if isinstance(node, list) else node

    resolved: dict[str, Any] = resolve(schema)
    return resolved


def config() -> OpenAPIConfig:
    """The document's head, and where it is served."""
    return OpenAPIConfig(
        title="Tailorbird",
        version=tailorbird.__version__,
        summary="Real-time personalization from one durable log.",
        description=(
            "A 200 on a collect route means: flushed to disk, folded into the profile, and seen by the very next decision. "
            "Every error is problem+json (RFC 9457) and says what was wrong, where, and what to do."
        ),
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=[
            Tag("collect", "Events come in by Segment's HTTP tracking API, so that its clients work unchanged."),
            Tag("decide", "What to show a person, and why."),
            Tag("profiles", "What is known of a person, as may be read for a purpose."),
            Tag("catalog", "What can be recommended."),
            Tag("operation", "How the installation is."),
        ],
        components=Components(
            security_schemes={
                "WriteKey": SecurityScheme(
                    type="http", scheme="basic", description="The write key as user name, with an empty password."
                ),
                "Admin": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    description="The setting admin_token. Where it is empty, requests from this machine need none.",
                ),
            }
        ),
        use_handler_docstrings=True,
        render_plugins=[DocsPlugin(), JsonRenderPlugin(), YamlRenderPlugin()],
    )
