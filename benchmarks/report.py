"""The table: rows of figures, printed with rich and kept in Markdown between two markers."""

from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

BEGIN = "<!-- spine:begin: written by `make bench`, do not edit -->"
END = "<!-- spine:end -->"
HEADING = "# Performance\n\nHow these were measured: `benchmarks/README.md`.\n\n"


class Figure(msgspec.Struct, frozen=True):
    """What one server did: for reading, and as one number for the ratio."""

    text: str
    value: float | None = None


class Row(msgspec.Struct, frozen=True):
    """One line of the table. ``more_is_better`` turns the ratio so that above 1 is always Tailorbird's advantage."""

    work: str
    reach: str
    tailorbird: Figure
    baseline: Figure = Figure("-")
    more_is_better: bool = True

    @property
    def ratio(self) -> str:
        """How many times better than the baseline."""
        ours, theirs = self.tailorbird.value, self.baseline.value
        if not ours or not theirs:
            return "-"
        return f"{ours / theirs if self.more_is_better else theirs / ours:.1f}x"


class Report(msgspec.Struct, frozen=True):
    """Everything one run of the benchmark has to say."""

    rows: list[Row]
    machine: list[tuple[str, str]]
    details: list[str]
    """One line for each measurement, as the load generator saw it."""


COLUMNS = ("Work", "Reach", "Tailorbird", "FastAPI + SQLite", "Ratio")


def markdown(report: Report) -> str:
    """The report as Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.work} | {row.reach} | {row.tailorbird.text} | {row.baseline.text} | {row.ratio} |"
        for row in report.rows
    ]
    lines += ["", "| Measured on | |", "|---|---|", *(f"| {name} | {value} |" for name, value in report.machine)]
    lines += ["", "Each measurement as the load generator saw it:", "", *(f"- {line}" for line in report.details)]
    return "\n".join(lines)


def write(report: Report, path: Path) -> None:
    """Put the report between the markers of ``path``; what else stands there is kept."""
    before, after = HEADING, ""
    if path.exists():
        text = path.read_text()
        before, found, rest = text.partition(BEGIN)
        after = rest.partition(END)[2].lstrip("\n") if found else ""
        if not found:
            before = text.rstrip("\n") + "\n\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{before}{BEGIN}\n{markdown(report)}\n{END}\n{after}")


def show(report: Report, console: Console) -> None:
    """Print the report."""
    table = Table(*COLUMNS, title="The spine", title_justify="left", show_lines=True)
    for row in report.rows:
        table.add_row(row.work, row.reach, row.tailorbird.text, row.baseline.text, row.ratio)
    console.print(table)
    for name, value in report.machine:
        console.print(f"[dim]{name}:[/] {value}", highlight=False)
