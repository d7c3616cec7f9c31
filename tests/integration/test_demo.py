"""``tailorbird demo --check``: the whole path on the real data set, each step with its own check."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_every_check_of_the_demo_holds(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tailorbird", "demo", "--check", "--data", str(tmp_path / "demo")],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    held = re.search(r"(\d+) of (\d+) checks held", done.stdout)
    assert held is not None
    assert held[1] == held[2]
    assert int(held[2]) >= 8
    assert done.stdout.count("FAILED") == 0
