"""The command line. It holds no logic of the domain, and imports the rest only when a command needs it."""

import json as json_lib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tailorbird.app import Tailorbird
    from tailorbird.collect.keys import KeyRing
    from tailorbird.engine.rebuild import Progress

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Real-time personalization from one durable log.",
    pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
keys = typer.Typer(
    no_args_is_help=True, help="Write keys: who may send, and what holds for people who have said nothing."
)
app.add_typer(keys, name="keys")

Data = Annotated[Path | None, typer.Option(help="Folder that holds everything (TAILORBIRD_DATA).")]
DefinitionsFile = Annotated[Path | None, typer.Option(help="YAML file of features, segments and placements.")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


def main() -> None:
    """Run the command line; a user's mistake is one line, without a traceback."""
    from tailorbird.errors import TailorbirdError

    try:
        app()
    except TailorbirdError as error:
        print(f"tailorbird: {error}", file=sys.stderr)
        raise SystemExit(2) from None


@app.command()
def serve(
    data: Data = None,
    definitions: DefinitionsFile = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8700,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes; as many as there are cores unless given.")
    ] = None,
) -> None:
    """Serve the API: collect events, keep profiles, decide."""
    from tailorbird.serve import serve as run

    installation = _open(data, definitions)
    if not installation.keys.all():
        source = installation.keys.add("default")
        print(f"Made the write key {source.key} for the source 'default' (see `tailorbird keys list`).")
    _prepare(installation, "Catching up with the log")
    installation.close()
    run(installation.settings, host, port, workers or os.cpu_count() or 1)


@app.command()
def demo(
    check: Annotated[
        bool, typer.Option("--check", help="Do everything but serve; exit 1 unless every check held.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help="Folder to keep it in (.tailorbird/demo).")] = None,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8700,
) -> None:
    """A shop with a year of real orders: replay, profiles, recommenders, an evaluation, and pages to try it on."""
    from tailorbird.demo.run import run

    if not run(data, port, check=check):
        raise SystemExit(1)


@app.command()
def train(data: Data = None, seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0) -> None:
    """Train recommenders on what has been collected, tune them, and publish them to the running server."""
    from tailorbird.recommend.interactions import from_feed
    from tailorbird.recommend.train import train as run

    installation = _open(data, None)
    _prepare(installation, "Catching up with the log")
    rows, last = installation.interactions()
    bar = _bar("Training")
    manifest = run(
        from_feed(rows), installation.items(), installation.data / "models", seed=seed, now=installation.clock.now(),
        feed_offset=last, progress=lambda _, share: bar(round(share * 1000), 1000),
    )  # fmt: skip
    installation.close()
    print(f"Published the models {manifest.version}.")


@app.command()
def evaluate(data: Data = None, json: Json = False) -> None:
    """Judge the recommenders on the last weeks of what has been collected, split by time."""
    import msgspec

    from tailorbird.recommend.evaluate import evaluate as run
    from tailorbird.recommend.interactions import from_feed

    installation = _open(data, None)
    _prepare(installation, "Catching up with the log")
    rows, _ = installation.interactions()
    bar = _bar("Evaluating")
    report = run(from_feed(rows), installation.items(), progress=lambda _, share: bar(round(share * 1000), 1000))
    installation.close()
    if json:
        print(msgspec.json.encode(report).decode())
        return
    print(f"{'target':12}{'model':14}{'Recall':>8}{'NDCG':>8}{'MAP':>8}{'coverage':>10}   (at {report.k})")
    for row in report.rows:
        print(f"{row.target:12}{row.model:14}{row.recall:8.4f}{row.ndcg:8.4f}{row.map:8.4f}{row.coverage:10.4f}")


@app.command()
def rebuild(
    data: Data = None,
    definitions: DefinitionsFile = None,
    check: Annotated[bool, typer.Option("--check", help="Rebuild beside the state and compare byte by byte.")] = False,
    switch: Annotated[
        bool, typer.Option("--switch", help="Build what the definitions file says now, and put it in force.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Make the state anew from the log (and the archive)."""
    from tailorbird.engine.rebuild import Difference

    installation = _open(data, definitions)
    progress = None if quiet else _bar("Rebuilding")
    try:
        if switch or not check:
            installation.build(installation.read_source(), progress)
            print(f"The state is rebuilt and in force (definitions {installation.state.current_name()}).")
        if check:
            _prepare(installation, "Catching up with the log")
            outcome = installation.verify(progress)
            if isinstance(outcome, Difference):
                print(f"DIFFERENT: table {outcome.table}, key {outcome.key.hex()}", file=sys.stderr)
                raise SystemExit(1)
            print(f"Equal, byte by byte, through offset {outcome}.")
    finally:
        installation.close()


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A definitions file.")]) -> None:
    """Check a definitions file: say what is wrong and where, or what is in it."""
    from tailorbird.config import load_settings
    from tailorbird.definitions import load_definitions
    from tailorbird.errors import InvalidInput

    if not file.exists():
        raise InvalidInput(f"there is no file {file}")
    found = load_definitions(file.read_text(), load_settings(), where=file.name)
    print(
        f"{file}: good. {len(found.plan.features)} features, {len(found.membership.segments)} segments, "
        f"{len(found.placements)} placements; version {found.version}."
    )


@keys.command("add")
def keys_add(
    name: Annotated[str, typer.Argument(help="Name of the source.")],
    key: Annotated[str | None, typer.Option(help="The key itself; drawn at random unless given.")] = None,
    purposes: Annotated[
        str,
        typer.Option(help="What holds for people who have said nothing: any of personalization,analytics,marketing."),
    ] = "",
    data: Data = None,
) -> None:
    """Add a source and print its write key."""
    from tailorbird.consent.purposes import mask_of

    ring = _keys(data)
    print(ring.add(name, key=key, purposes=mask_of(each for each in purposes.split(",") if each)).key)


@keys.command("list")
def keys_list(data: Data = None, json: Json = False) -> None:
    """List the sources and their write keys."""
    from tailorbird.consent.purposes import names_of

    rows = [{"name": each.name, "key": each.key, "purposes": names_of(each.purposes)} for each in _keys(data).all()]
    if json:
        print(json_lib.dumps(rows))
        return
    for row in rows:
        print(f"{row['name']}\t{row['key']}\t{','.join(row['purposes']) or '-'}")


def _keys(data: Path | None) -> "KeyRing":
    from tailorbird.collect.keys import KeyRing
    from tailorbird.config import data_path, load_settings

    return KeyRing(data_path(load_settings(data=None if data is None else str(data))) / "keys.json")


def _open(data: Path | None, definitions: Path | None) -> "Tailorbird":
    from tailorbird.app import Tailorbird
    from tailorbird.config import load_settings

    return Tailorbird(
        load_settings(
            data=None if data is None else str(data), definitions=None if definitions is None else str(definitions)
        )
    )


def _prepare(installation: "Tailorbird", title: str) -> None:
    from tailorbird.errors import DefinitionError

    try:
        installation.prepare(_bar(title))
    except DefinitionError as error:
        if installation.state.current_name() is None:
            raise
        print(f"tailorbird: {error}\nThe last good definitions stay in force.", file=sys.stderr)


def _bar(title: str) -> "Progress":
    """A progress bar that appears only when there is something to wait for."""
    from rich.progress import Progress as Bar

    bar = Bar(transient=True)
    task = bar.add_task(title, total=None)

    def show(done: int, total: int) -> None:
        if done < total:
            bar.start()
        bar.update(task, completed=done, total=total)
        if done >= total:
            bar.stop()

    return show
