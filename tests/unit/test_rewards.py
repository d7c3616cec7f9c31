"""Clicks and orders find their decision, whichever of the two is folded first, within the attribution window and once."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailorbird.app import Tailorbird
from tailorbird.catalog.items import Item
from tailorbird.config import load_settings
from tailorbird.decide.decider import DecideRequest, Who
from tailorbird.decide.decision import Decision
from tailorbird.engine.clock import ManualClock
from tailorbird.events.ecommerce import ORDER, VIEW
from tailorbird.events.model import EventType

DAY = 86_400_000
START = 1_790_000_000_000
WHO = Who(anonymous_id="a")


def _run(folder: Path, talk: Callable[[Tailorbird, ManualClock], Coroutine[Any, Any, None]]) -> None:
    clock = ManualClock(START)
    app = Tailorbird(load_settings(data=str(folder), map_size_gb=1, attribution_days=7), clock)
    app.keys.add("web", key="k", purposes=7)
    app.prepare()

    async def main() -> None:
        await app.start()
        await app.put_items([Item(f"i{number}", f"Item {number}", "Mugs") for number in range(12)])
        await _send(app, "Product Viewed", {"product_id": "i0"})
        try:
            await talk(app, clock)
        finally:
            await app.stop()
            app.close()

    asyncio.run(main())


async def _send(app: Tailorbird, event: str, properties: dict[str, Any]) -> None:
    body = msgspec.json.encode({"event": event, "anonymousId": "a", "properties": properties})
    await app.collect(body, EventType.TRACK, "k")


async def _decide(app: Tailorbird) -> Decision:
    decision = app.decide(DecideRequest("home", WHO))
    assert await app.await_decision(decision.id) is not None
    return decision


def _rewards(app: Tailorbird, decision: Decision) -> list[tuple[str, int, int]]:
    found = app.find_decision(decision.id)
    assert found is not None
    return [(each.item, each.kind, each.position) for each in found[1]]


def test_a_click_and_an_order_are_rewards_once_each(tmp_path: Path) -> None:
    async def talk(app: Tailorbird, clock: ManualClock) -> None:
        decision = await _decide(app)
        third = decision.slate[2].item
        clock.at += 5_000
        for _ in range(2):
            await _send(app, "Product Clicked", {"product_id": third})
        await _send(app, "Order Completed", {"products": [{"product_id": third}, {"product_id": "elsewhere"}]})
        assert _rewards(app, decision) == [(third, VIEW, 2), (third, ORDER, 2)]

    _run(tmp_path, talk)


def test_a_click_before_the_decision_is_logged_counts(tmp_path: Path) -> None:
    async def talk(app: Tailorbird, clock: ManualClock) -> None:
        decision = app.decide(DecideRequest("home", WHO), keep=False)
        first = decision.slate[0].item
        clock.at += 3
        await _send(app, "Product Clicked", {"product_id": first})
        from tailorbird.decide import decision as decisions
        from tailorbird.engine.log import NewRecord, RecordKind

        await app.committer.submit([NewRecord(RecordKind.DECISION, decisions.encode(decision), decision)])
        assert _rewards(app, decision) == [(first, VIEW, 0)]

    _run(tmp_path, talk)


@pytest.mark.parametrize(("later", "counts"), [(7 * DAY - 1, True), (7 * DAY, False)])
def test_the_window_ends_to_the_millisecond(tmp_path: Path, later: int, counts: bool) -> None:
    async def talk(app: Tailorbird, clock: ManualClock) -> None:
        decision = await _decide(app)
        clock.at += later
        await _send(app, "Product Clicked", {"product_id": decision.slate[0].item})
        assert bool(_rewards(app, decision)) is counts

    _run(tmp_path, talk)


def test_of_two_slates_the_later_one_is_rewarded(tmp_path: Path) -> None:
    async def talk(app: Tailorbird, clock: ManualClock) -> None:
        first = await _decide(app)
        clock.at += 1_000
        second = await _decide(app)
        both = {slot.item for slot in first.slate} & {slot.item for slot in second.slate}
        clock.at += 1_000
        await _send(app, "Product Clicked", {"product_id": min(both)})
        assert _rewards(app, first) == []
        assert [item for item, _, _ in _rewards(app, second)] == [min(both)]

    _run(tmp_path, talk)


def test_what_was_not_on_the_slate_is_no_reward(tmp_path: Path) -> None:
    async def talk(app: Tailorbird, clock: ManualClock) -> None:
        decision = await _decide(app)
        clock.at += 1_000
        await _send(app, "Product Clicked", {"product_id": "never-shown"})
        assert _rewards(app, decision) == []

    _run(tmp_path, talk)
