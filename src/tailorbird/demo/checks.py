"""What the demonstration proves about itself, each number against an independent computation."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import duckdb
import msgspec

from tailorbird.app import Tailorbird
from tailorbird.consent.purposes import PERSONALIZATION
from tailorbird.decide.decider import DecideRequest, Who
from tailorbird.demo import dataset
from tailorbird.demo.load import Loaded
from tailorbird.engine.rebuild import Difference, Progress
from tailorbird.errors import TailorbirdError
from tailorbird.events.model import EventType
from tailorbird.profiles.store import TABLE as PROFILES
from tailorbird.recommend.evaluate import HYBRID, Report


class Check(NamedTuple):
    """One check: what was asked, whether it held, and the figures."""

    name: str
    held: bool
    detail: str


def checks_of_replay(installation: Tailorbird, loaded: Loaded) -> Iterator[Check]:
    """Everything arrived, once, and sums up to what DuckDB reads in the raw file."""
    yield Check(
        "every event was accepted, none quarantined or refused",
        loaded.accepted == loaded.sent and loaded.quarantined == loaded.refused == 0,
        f"{loaded.accepted:,} of {loaded.sent:,}",
    )
    orders, people, spent = _truth()
    known = _people(installation)
    yield Check("one profile per customer and per anonymous invoice", known == people, f"{known:,} of {people:,}")
    wrong, checked = [], 0
    for customer, (count, total) in list(spent.items())[::7]:
        profile = installation.find_profile(Who(user_id=customer), PERSONALIZATION)
        features = profile.features if profile else {}
        checked += 1
        if features.get("orders") != count or abs(features.get("spent", -1.0) - total) > 0.01:
            wrong.append(customer)
    yield Check(
        "orders and money per customer equal DuckDB's sums over the raw rows",
        not wrong and checked > 500,
        f"{checked - len(wrong):,} of {checked:,} customers compared; {orders:,} orders in all",
    )


def check_of_rebuild(installation: Tailorbird, progress: Progress | None = None) -> Check:
    """A rebuild from the log equals the state byte by byte."""
    outcome = installation.verify(progress)
    if isinstance(outcome, Difference):
        return Check("state rebuilt from the log is equal byte by byte", False, f"differs in table {outcome.table}")
    return Check("state rebuilt from the log is equal byte by byte", True, f"through offset {outcome:,}")


def check_of_models(report: Report) -> Check:
    """The blend is better than each of its parts, on weeks that nothing was tuned on."""
    rows = [row for row in report.rows if row.target == report.rows[0].target]
    blend = next(row for row in rows if row.model == HYBRID)
    best = max((row for row in rows if row.model != HYBRID), key=lambda row: row.ndcg)
    return Check(
        "the hybrid's NDCG@20 is above every single model's",
        blend.ndcg > best.ndcg,
        f"{blend.ndcg:.4f}, next is {best.model} with {best.ndcg:.4f}",
    )


async def checks_of_decisions(installation: Tailorbird, key: str) -> Iterator[Check]:
    """A visitor's doings change their next slate; one who refuses is not stored; every slate explains itself."""
    found: list[Check] = []
    kind, viewed = _three_of_a_kind(installation)
    who = Who(anonymous_id="demo-check")
    before = installation.decide(DecideRequest("home", who))
    for item in viewed:
        await installation.collect(_view("demo-check", item, kind, granted=True), EventType.TRACK, key)
    after = installation.decide(DecideRequest("home", who))
    shown = [installation.item(slot.item) for slot in after.slate]
    of_kind = sum(item is not None and item.category == kind for item in shown)
    found.append(
        Check(
            "after three views of a kind the next slate shows it",
            of_kind * 2 >= len(shown) > 0 and [s.item for s in before.slate] != [s.item for s in after.slate],
            f"{of_kind} of {len(shown)} are {kind}",
        )
    )
    why = await installation.await_decision(after.id)
    told = sum(bool(slot.reasons) for slot in after.slate)
    found.append(
        Check(
            "every item of the slate has a reason, and the decision is in the log",
            why is not None and why[0].slate == after.slate and told == len(after.slate) > 0,
            f"{told} of {len(after.slate)}",
        )
    )
    offset = installation.log.last_offset()
    for item in viewed:
        await installation.collect(_view("demo-refused", item, kind, granted=False), EventType.TRACK, key)
    stored = installation.log.last_offset() - offset
    nobody = installation.find_profile(Who(anonymous_id="demo-refused"), PERSONALIZATION) is None
    found.append(Check("of a visitor who refuses nothing is stored", stored == 0 and nobody, f"{stored} records"))
    return iter(found)


def run_check(name: str, check: Callable[[], Check]) -> Check:
    """``check``'s outcome; an error it meets is a check that did not hold."""
    try:
        return check()
    except TailorbirdError as error:
        return Check(name, False, str(error))


def _truth() -> tuple[int, int, dict[str, tuple[int, float]]]:
    """From the data set alone: orders, people, and per customer (orders, money)."""
    with duckdb.connect() as connection:
        # By another way than dataset.events(): plain aggregation over lines, not over grouped invoices.
        rows = connection.execute(
            """
            WITH lines AS (
              SELECT InvoiceNo AS invoice, CustomerID AS customer, Quantity AS quantity, UnitPrice AS price,
                     regexp_matches(upper(trim(StockCode)), '^([0-9]{5}[A-Z]{0,3}|DCGS.+|GIFT_.+)$')
                     AND NOT regexp_matches(coalesce(lower(Description), ''),
                                            'carriage|packing charge|postage|high resolution') AS product
              FROM read_parquet(?)),
            real AS (SELECT DISTINCT invoice FROM lines
                     WHERE product AND price > 0 AND (quantity > 0 OR invoice LIKE 'C%'))
            SELECT customer, invoice, round(coalesce(sum(abs(quantity) * price) FILTER (product), 0), 2)
            FROM lines SEMI JOIN real USING (invoice) GROUP BY ALL ORDER BY customer, invoice
            """,
            [str(dataset.PARQUET)],
        ).fetchall()
    spent: dict[str, tuple[int, float]] = {}
    people = set()
    orders = 0
    for customer, invoice, money in rows:
        people.add(f"i{invoice}" if customer is None else f"c{customer}")
        completed = not invoice.startswith("C")
        orders += completed
        if customer is not None:
            count, total = spent.get(str(customer), (0, 0.0))
            spent[str(customer)] = (count + 1, total + money) if completed else (count, total)
    return orders, len(people), spent


def _people(installation: Tailorbird) -> int:
    """Profiles that came from the history (visitors of the shop have other ids)."""
    with installation.read() as txn, txn.lmdb.cursor(db=txn.tables[PROFILES]) as cursor:
        return sum(value[:1] == b"P" and (b"a:invoice-" in value or b"u:1" in value) for _, value in cursor)


def _three_of_a_kind(installation: Tailorbird) -> tuple[str, list[str]]:
    """A kind with enough products, and three of them."""
    by_kind: dict[str, list[str]] = {}
    for item in installation.items():
        if item.category and item.category != "Other":
            by_kind.setdefault(item.category, []).append(item.id)
    kind = sorted(by_kind, key=lambda name: (-len(by_kind[name]), name))[3]
    return kind, by_kind[kind][:3]


def _view(person: str, item: str, kind: str, *, granted: bool) -> bytes:
    purposes = dict.fromkeys(("personalization", "analytics", "marketing"), granted)
    return msgspec.json.encode(
        {
            "anonymousId": person,
            "event": "Product Viewed",
            "properties": {"product_id": item, "category": kind},
            "context": {"consent": {"categoryPreferences": purposes}},
        }
    )
