"""``tailorbird demo``: the whole path on real data, each step checked, then a shop to try it in."""

import asyncio
import os
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tailorbird.app import Tailorbird
from tailorbird.config import Settings, load_settings
from tailorbird.consent.purposes import ALL
from tailorbird.demo import checks, dataset
from tailorbird.demo.checks import Check
from tailorbird.demo.load import Loaded, load, loaded_before
from tailorbird.demo.shop.tracking import SOURCE
from tailorbird.recommend.evaluate import Report, evaluate
from tailorbird.recommend.interactions import from_feed
from tailorbird.recommend.train import train

DEFINITIONS = Path(__file__).parent / "definitions.yaml"
FACTORY = "tailorbird.demo.asgi:create_app"
_SEED = 7


def run(data: Path | None, port: int, *, check: bool, workers: int | None = None) -> bool:
    """Replay, check, train, evaluate; serve unless ``check``. Returns whether every check held."""
    console = Console()
    if check and data is None:
        with tempfile.TemporaryDirectory(prefix="tailorbird-demo-") as folder:
            return _prepare(console, _settings(Path(folder)))
    settings = _settings(data or Path(".tailorbird/demo"))
    held = _prepare(console, settings)
    if not check:
        from tailorbird.serve import serve

        console.print(
            f"\n[bold]The shop is open at [link]http://127.0.0.1:{port}/[/link][/bold]   (end it with Ctrl-C)"
        )
        serve(settings, "127.0.0.1", port, workers or min(2, os.cpu_count() or 1), FACTORY)
    return held


def _settings(data: Path) -> Settings:
    return load_settings(data=str(data), definitions=str(DEFINITIONS))


def _prepare(console: Console, settings: Settings) -> bool:
    started = perf_counter()
    installation = Tailorbird(settings)
    with _bars(console) as bars:
        catching_up = bars.add_task("Catching up with the log", total=None, visible=False)
        installation.prepare(lambda done, total: bars.update(catching_up, completed=done, total=total, visible=True))
        bars.remove_task(catching_up)
        loaded, outcomes = asyncio.run(_replay(installation, bars))
        task = bars.add_task("Rebuilding the state beside itself")
        outcomes.append(
            checks.run_check(
                "rebuild",
                lambda: checks.check_of_rebuild(
                    installation, lambda done, total: bars.update(task, completed=done, total=total)
                ),
            )
        )
        bars.remove_task(task)
        report = _models(installation, bars)
        outcomes.append(checks.check_of_models(report))
        outcomes.extend(asyncio.run(_decisions(installation)))
    _add_key(installation, SOURCE, 0)
    installation.close(clean=True)
    _print(console, loaded, report, outcomes, perf_counter() - started)
    return all(outcome.held for outcome in outcomes)


async def _replay(installation: Tailorbird, bars: Progress) -> tuple[Loaded, list[Check]]:
    await installation.start()
    try:
        loaded = loaded_before(installation)
        if loaded is None:
            task = bars.add_task("Replaying 541,909 lines as events", total=sum(1 for _ in dataset.events()))
            loaded = await load(installation, datetime.now(UTC).date(), lambda count: bars.advance(task, count))
            bars.remove_task(task)
        return loaded, list(checks.checks_of_replay(installation, loaded))
    finally:
        await installation.stop()


def _models(installation: Tailorbird, bars: Progress) -> Report:
    task = bars.add_task("Evaluating recommenders", total=1.0)
    rows, last = installation.interactions()
    interactions, items = from_feed(rows), installation.items()
    report = evaluate(
        interactions, items, seed=_SEED,
        progress=lambda step, share: bars.update(task, completed=share, description=f"Evaluating: {step}"),
    )  # fmt: skip
    bars.update(task, completed=0.0)
    train(
        interactions, items, installation.data / "models", seed=_SEED, now=installation.clock.now(), feed_offset=last,
        progress=lambda step, share: bars.update(task, completed=share, description=f"Training: {step}"),
    )  # fmt: skip
    bars.remove_task(task)
    return report


async def _decisions(installation: Tailorbird) -> Iterable[Check]:
    key = _add_key(installation, "checks", ALL)
    await installation.start()
    try:
        while True:
            with installation.read() as txn:
                if installation.follow(txn, 10_000):
                    break
        return await checks.checks_of_decisions(installation, key)
    finally:
        await installation.stop()


def _add_key(installation: Tailorbird, name: str, purposes: int) -> str:
    known = next((source.key for source in installation.keys.all() if source.name == name), None)
    return known or installation.keys.add(name, purposes=purposes).key


def _bars(console: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def _print(console: Console, loaded: Loaded, report: Report, outcomes: list[Check], seconds: float) -> None:
    console.print(
        f"[bold]Online Retail[/bold]: {loaded.accepted:,} events, {loaded.items:,} products, moved forward by "
        f"{loaded.weeks} weeks so that the history ends now."
    )
    for target in dict.fromkeys(row.target for row in report.rows):
        table = Table(
            title=f"Next basket, {target}: the last {report.test_days:g} days, judged at {report.k}",
            title_justify="left",
        )
        table.add_column("model")
        for name in ("Recall", "NDCG", "MAP", "coverage"):
            table.add_column(f"{name}@{report.k}" if name != "coverage" else name, justify="right")
        for row in report.rows:
            if row.target == target:
                style = "bold" if row.model == "hybrid" else ""
                table.add_row(
                    row.model, *(f"{value:.4f}" for value in (row.recall, row.ndcg, row.map, row.coverage)), style=style
                )
        console.print(table)
    for outcome in outcomes:
        mark = "[green]held  [/green]" if outcome.held else "[red]FAILED[/red]"
        console.print(f"{mark} {outcome.name}: {outcome.detail}", highlight=False)
    console.print(f"{sum(outcome.held for outcome in outcomes)} of {len(outcomes)} checks held, in {seconds:.0f} s.")
