"""The table of the spine: ingest, visibility, decisions, growth, memory, starts; a naive peer in the same run.

python -m benchmarks.spine            # a million profiles, a quarter of an hour
python -m benchmarks.spine --quick    # a smoke run; its figures mean nothing
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks import machine, measure, prototype, report
from benchmarks.files import QUICK, Bar, Load, Sizes, render
from benchmarks.measure import Measured
from benchmarks.peers import Baseline, Peer, Tailorbird
from benchmarks.report import Figure, Report, Row
from benchmarks.server import Server

OUT = Path(__file__).parent.parent / "docs" / "reference" / "performance.md"


class Findings(msgspec.Struct, frozen=True):
    """What was found out about one peer."""

    few_batches: Measured
    few_decisions: Measured
    batches: Measured
    singles: Measured
    decisions: Measured
    highest: float
    """Decisions a second with p99 within the limit."""
    seen: int
    memory: machine.Memory
    start: float
    """Seconds."""
    details: list[str]


def examine(peer: Peer, folder: Path, sizes: Sizes, few: Load, many: Load, bar: Bar) -> Findings:
    """Ask one peer everything, first with few profiles, then with many. Its data is gone afterwards."""
    data = folder / "data"
    details: list[str] = []

    def note(what: str, measured: Measured) -> Measured:
        details.append(f"{peer.name}, {what}: {measured}")
        return measured

    def step(what: str, total: int) -> Callable[[int], None]:
        return bar(f"{peer.name}: {what}", total)

    def fill(load: Load) -> None:
        shutil.rmtree(data, ignore_errors=True)
        peer.prepare(data)
        what = f"fill {load.profiles:,} profiles"
        if filled := peer.fill(data, load, sizes, step(what, len(load.history))):
            note(f"{what} over HTTP", filled)

    def ingest(running: Server, load: Load) -> Measured:
        what = f"batches over {load.profiles:,} profiles"
        return note(what, measure.ingest(running, load.batches, sizes.seconds, step(what, len(load.batches))))

    def decide(running: Server, load: Load) -> Measured:
        measure.decide(running, load.decisions, sizes.decide_rate / 2, sizes.seconds / 5)
        what = f"decisions at {sizes.decide_rate:,}/s over {load.profiles:,} profiles"
        tick = step(what, int(sizes.decide_rate * sizes.seconds))
        return note(what, measure.decide(running, load.decisions, sizes.decide_rate, sizes.seconds, tick))

    fill(few)
    with peer.start(data) as running:
        few_batches, few_decisions = ingest(running, few), decide(running, few)
    fill(many)
    with peer.start(data) as running:
        batches = ingest(running, many)
        tick = step("single events", len(many.singles))
        singles = note("single events", measure.track(running, many.singles, sizes.seconds, tick))
        decisions = decide(running, many)
        tick = step("highest rate of decisions", measure.RATE_STEPS + 1)
        highest, best = measure.highest_rate(running, many.decisions, sizes.seconds / 3, tick)
        if best:
            note("decisions at the highest rate", best)
        seen = measure.views_seen(running, sizes.views, sizes.items, peer.saw, step("views seen", sizes.views))
        memory = measure.worker_memory(running)
    start = measure.start_seconds(lambda: peer.start(data))
    shutil.rmtree(data)
    return Findings(few_batches, few_decisions, batches, singles, decisions, highest, seen, memory, start, details)


def rows(ours: Findings, theirs: Findings | None, help_seconds: float, yardstick: float, sizes: Sizes) -> list[Row]:
    """The table of issue 2."""
    many, few = f"{sizes.profiles:,}", f"{sizes.few_profiles:,}"

    def row(work: str, reach: str, figure: Callable[[Findings], Figure], more_is_better: bool = True) -> Row:
        return Row(work, reach, figure(ours), figure(theirs) if theirs else Figure("-"), more_is_better)

    return [
        row(
            f"ingest, `/v1/batch` of 100 events of 1 KB, over {many} profiles, 20 features, 20 segments",
            ">= 30,000 events/s",
            lambda f: Figure(f"{f.batches.rate:,.0f} events/s", f.batches.rate),
        ),
        row(
            "single `/v1/track`, 64 connections: throughput",
            ">= 6,000/s",
            lambda f: Figure(f"{f.singles.rate:,.0f}/s", f.singles.rate),
        ),
        row("the same: p99", "<= 20 ms", lambda f: _milliseconds(f.singles, 99), more_is_better=False),
        row(
            "event acknowledged -> seen by the next decision, on another worker",
            "always",
            lambda f: Figure(f"{f.seen:,} of {sizes.views:,}"),
        ),
        row(
            f"`/v1/decide` at {sizes.decide_rate:,}/s, {many} profiles, {sizes.items:,} items: p99",
            "<= 5 ms",
            lambda f: _milliseconds(f.decisions, 99),
            more_is_better=False,
        ),
        row(
            "highest rate of decisions with p99 <= 10 ms",
            "printed",
            lambda f: Figure(f"{f.highest:,.0f}/s", f.highest),
        ),
        row(
            f"cost of an event, {few} -> {many} profiles",
            "<= 1.3 times",
            lambda f: _growth(f.few_batches, f.batches),
        ),
        row(
            f"cost of a decision, {few} -> {many} profiles",
            "<= 1.3 times",
            lambda f: _growth(f.few_decisions, f.decisions),
        ),
        row(
            f"memory of a worker with {many} profiles, mapped pages aside",
            "<= 400 MB",
            lambda f: Figure(f"{f.memory.anonymous * 1.048576:.0f} MB", f.memory.anonymous),
            more_is_better=False,
        ),
        row(
            "server start to first answer",
            "<= 2 s",
            lambda f: Figure(f"{f.start:.2f} s", f.start),
            more_is_better=False,
        ),
        Row("`tailorbird --help`", "<= 0.3 s", Figure(f"{help_seconds:.2f} s")),
        Row(
            f"yardstick: the bare prototype of decode, log and fold, one process, {many} profiles, nothing else running",
            "55,700 events/s where these aims were set",
            Figure(f"{yardstick:,.0f} events/s"),
        ),
    ]


def _milliseconds(measured: Measured, q: float) -> Figure:
    value = measured.result.percentile(q)
    failed = f" ({measured.result.errors:,} refused)" if measured.result.errors else ""
    return Figure(f"{value:,.1f} ms{failed}", value)


def _growth(few: Measured, many: Measured) -> Figure:
    """Server processor time of one unit, with many profiles against few."""
    return Figure(f"{many.cost / few.cost:.2f} times ({few.cost:,.0f} -> {many.cost:,.0f} us)")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes; writes only where --out says")
    parser.add_argument(
        "--out", type=Path, help=f"Markdown file that keeps the table (default: {OUT.name} in the docs)"
    )
    parser.add_argument("--work", type=Path, help="folder on the disk to measure (default: the system's temporary one)")
    parser.add_argument("--profiles", type=int)
    parser.add_argument("--no-baseline", action="store_true", help="leave the naive peer out")
    asked = parser.parse_args()
    sizes = QUICK if asked.quick else Sizes()
    if asked.profiles:
        sizes = msgspec.structs.replace(sizes, profiles=asked.profiles)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-", dir=asked.work) as name, progress(console) as shown:
        folder = Path(name)

        def bar(what: str, total: int) -> Callable[[int], None]:
            task = shown.add_task(what, total=total)

            def tick(n: int) -> None:
                shown.update(task, advance=n)
                shown.refresh()

            return tick

        few = render(folder / "load", "few", sizes, sizes.few_profiles, 2 * sizes.few_profiles, bar)
        many = render(folder / "load", "many", sizes, sizes.profiles, sizes.ingest_events, bar)
        ours = examine(Tailorbird(), folder, sizes, few, many, bar)
        theirs = None if asked.no_baseline else examine(Baseline(), folder, sizes, few, many, bar)
        help_seconds = measure.help_seconds()
        yardstick = prototype.rate(profiles=sizes.profiles, folder=folder)
    details = ours.details + (theirs.details if theirs else [])
    result = Report(rows(ours, theirs, help_seconds, yardstick, sizes), machine.describe(), details)
    report.show(result, console)
    out = asked.out or (None if asked.quick else OUT)
    if out:
        report.write(result, out)
        console.print(f"kept in {out}")


def progress(console: Console) -> Progress:
    """Bars that are drawn only when told, so that drawing takes no time from the server."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, auto_refresh=False)


if __name__ == "__main__":
    main()
