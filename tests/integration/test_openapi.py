"""The OpenAPI document tells the truth: schemathesis reads it, and asks the running server accordingly."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Start
from servers import AUTH

ROOT = Path(__file__).parents[2]
DEFINITIONS = "features:\n  hits: {count: Hit}\nsegments:\n  hitter: {where: hits >= 1}\nplacements:\n  home: {n: 4}\n"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,unsupported_method,use_after_free"
)


@pytest.mark.slow
def test_the_server_conforms_to_its_openapi_document(start_server: Start, tmp_path: Path) -> None:
    server = start_server(DEFINITIONS)
    items = {"items": [{"id": f"i{number}", "name": f"Item {number}", "price": 1.5} for number in range(9)]}
    assert server.ask("POST", "/v1/items", items).status == 200
    for number in range(3):
        assert server.ask("POST", "/v1/track", {"userId": f"u{number}", "event": "Hit"}).status == 200
    assert server.ask("POST", "/v1/track", {"event": "Hit"}).status == 200
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run"),
        *(f"http://127.0.0.1:{server.port}/schema/openapi.json", "--checks", CHECKS),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "40", "--header", f"Authorization: {AUTH['authorization']}"),
        *("--request-timeout", "20", "--max-failures", "20", "--no-color"),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False, env=os.environ | {"CI": "true"}
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    document = server.ask("GET", "/schema/openapi.json").json
    assert tested, done.stdout[-3_000:]
    assert int(tested[1]) == sum(len(path) for path in document["paths"].values())
    server.wait(5)
    assert "Traceback" not in server.output()
