"""What the numbers were measured on, and what processes cost, read from /proc."""

import os
import platform
import re
import sqlite3
import time
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

PACKAGES = ("tailorbird", "litestar", "uvicorn", "uvloop", "msgspec", "lmdb", "numpy", "fastapi", "pydantic")
CPU_CLOCK = 2
"""Linux names the clock of a process by its pid and this; see clock_getcpuclockid(3)."""


class Memory(msgspec.Struct, frozen=True):
    """Memory of one process, in MiB. ``anonymous`` is its own: heap and stacks, without pages mapped from files."""

    anonymous: float
    proportional: float
    resident: float


def describe() -> list[tuple[str, str]]:
    """Names and values: processor, cores, memory, disk, kernel, Python, packages, date."""
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    total = re.search(r"MemTotal: *(\d+) kB", Path("/proc/meminfo").read_text())
    return [
        ("Processor", cpu[1] if cpu else platform.processor()),
        ("Cores", str(len(os.sched_getaffinity(0)))),
        ("Memory", f"{int(total[1]) / 2**20:.0f} GiB" if total else "unknown"),
        ("Kernel", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        (
            "Packages",
            ", ".join(f"{name} {installed(name)}" for name in PACKAGES) + f", SQLite {sqlite3.sqlite_version}",
        ),
        ("Date", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]


@cache
def installed(package: str) -> str:
    """The version of a package, or ``-``."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def children(pid: int) -> list[int]:
    """The living children of a process, and theirs, in order of birth."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return sorted(found)


def memory(pid: int) -> Memory:
    """What a process holds now."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()

    def mib(field: str) -> float:
        line = re.search(rf"^{field}: *(\d+) kB", rollup, re.MULTILINE)
        return int(line[1]) / 1024 if line else 0.0

    return Memory(mib("Anonymous") + mib("Pss_Shmem") + mib("Swap"), mib("Pss"), mib("Rss"))


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads of a process since its start, user and kernel, to the microsecond."""
    return time.clock_gettime(~pid << 3 | CPU_CLOCK)


def owner_of(pids: list[int], server_port: int, client_port: int) -> int | None:
    """Which of ``pids`` holds the server's end of the connection from ``client_port``; None if none does yet."""
    ends = f":{server_port:04X}", f":{client_port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
            link = f"socket:[{fields[9]}]"
            for pid in pids:
                for fd in Path(f"/proc/{pid}/fd").iterdir():
                    try:
                        if str(fd.readlink()) == link:
                            return pid
                    except OSError:
                        continue
    return None
