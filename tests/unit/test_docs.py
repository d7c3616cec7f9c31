"""The docs are true: README's example runs, and every setting, command and definition key is documented."""

import json
import os
import re
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import typer

from tailorbird.api.calls import Calls
from tailorbird.api.counts import Counts
from tailorbird.api.routes import build
from tailorbird.app import Tailorbird
from tailorbird.cli import app
from tailorbird.config import Settings, load_settings
from tailorbird.decide.placement import Placement
from tailorbird.profiles.features.definition import AGGREGATIONS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "reference"


def test_the_readme_example_runs(tmp_path: Path) -> None:
    block = re.search(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TAILORBIRD_DATA": str(tmp_path / "data"),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-m", "-c", block[1].replace("8700", str(port)).replace("localhost", "127.0.0.1")],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"segments":["keen"]' in done.stdout
    assert '"decisionId"' in done.stdout
    decision = next(json.loads(line) for line in done.stdout.splitlines() if '"decisionId"' in line)
    scores = {slot["item"]["id"]: slot["score"] for slot in decision["slate"]}
    # Not by position: one slate in twenty explores.
    assert scores["m3"] > scores["b1"], "the third mug is worth more than the bag to who looked at two"


def test_relative_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_setting_is_documented() -> None:
    page = (DOCS / "settings.md").read_text()
    for name in Settings.__struct_fields__:
        assert f"`{name}`" in page


def test_every_command_and_option_is_documented() -> None:
    page = (DOCS / "cli.md").read_text()
    group = typer.main.get_command(app)
    commands = dict(group.commands)  # type: ignore[attr-defined]
    commands |= {f"keys {name}": command for name, command in commands.pop("keys").commands.items()}
    for name, command in commands.items():
        assert f"`tailorbird {name}`" in page, name
        for option in command.params:
            for flag in option.opts:
                if flag.startswith("--") and flag != "--help":
                    assert f"`{flag}`" in page, f"{name} {flag}"


@pytest.mark.parametrize("word", [*AGGREGATIONS, *(name for name in Placement.__struct_fields__ if name != "name")])
def test_every_definition_key_is_documented(word: str) -> None:
    assert f"`{word}`" in (DOCS / "definitions.md").read_text()


def test_every_route_is_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILORBIRD_DATA", str(tmp_path))
    monkeypatch.setenv("TAILORBIRD_MAP_SIZE_GB", "1")
    installation = Tailorbird(load_settings())
    installation.prepare()
    calls = Calls(installation, Counts(tmp_path / "metrics"))
    schema = build(installation, calls, lambda _: nullcontext()).openapi_schema.to_schema()
    installation.close()
    assert schema["openapi"].startswith("3.1")
    page = (DOCS / "http.md").read_text()
    routes = [f"`{method.upper()} {path}`" for path, methods in schema["paths"].items() for method in methods]
    assert len(routes) > 15
    assert [route for route in routes if route not in page] == []
