"""The *Online Retail* data set (UCI, D. Chen 2015, CC BY 4.0) as what a shop would send: items and Segment events.

DuckDB reads the packaged Parquet and groups its 541,909 lines into invoices; Python only dresses them as events. What
is left out, and why: lines that are no product (postage, manual corrections, bank charges) are never items, and what
they cost stands in the order's ``shipping`` and ``discount``; invoices without a single priced product line (stock
corrections, write-offs, bad debt) are not orders. Times of the data set have no zone; they are taken as UTC.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from tailorbird.catalog.items import Item
from tailorbird.demo.kinds import kind_of
from tailorbird.recommend.interactions import Interactions, from_columns

PARQUET = Path(__file__).parent / "data" / "online-retail.parquet"
CURRENCY = "GBP"

# Products are five digits and up to three letters; DCGS... and gift_... are the shop's own oddities that are products
# too.
_LINES = """
    SELECT InvoiceNo AS invoice, upper(trim(StockCode)) AS code, trim(Description) AS description, Quantity AS quantity,
           UnitPrice AS price, InvoiceDate AS moment, CustomerID AS customer, Country AS country,
           regexp_matches(upper(trim(StockCode)), '^([0-9]{5}[A-Z]{0,3}|DCGS.+|GIFT_.+)$')
             AND NOT regexp_matches(coalesce(lower(Description), ''), 'carriage|packing charge|postage|high resolution')
             AS product
    FROM read_parquet(?)
"""

_ITEMS = f"""
    SELECT code, mode(description ORDER BY description), median(price)
    FROM ({_LINES}) WHERE product AND price > 0 AND quantity > 0 AND description IS NOT NULL
    GROUP BY code ORDER BY code
"""  # noqa: S608 - only this file's own text is put together

_INVOICES = f"""
    WITH lines AS (SELECT *, product AND price >= 0 AND quantity <> 0 AS sold FROM ({_LINES})),
    invoices AS (
      SELECT invoice, min(moment) AS moment, any_value(customer) AS customer, any_value(country) AS country,
             list(code ORDER BY code, price, quantity) FILTER (sold) AS codes,
             list(price ORDER BY code, price, quantity) FILTER (sold) AS prices,
             list(abs(quantity) ORDER BY code, price, quantity) FILTER (sold) AS quantities,
             round(sum(abs(quantity) * price) FILTER (product), 2) AS revenue,
             round(coalesce(sum(abs(quantity) * price) FILTER (code IN ('POST', 'DOT', 'C2')), 0), 2) AS shipping,
             round(coalesce(sum(abs(quantity) * price) FILTER (code = 'D'), 0), 2) AS discount
      FROM lines GROUP BY invoice
      HAVING count(*) FILTER (product AND price > 0 AND (quantity > 0 OR invoice LIKE 'C%')) > 0
    )
    SELECT moment, invoice, customer, country, codes, prices, quantities, revenue, shipping, discount,
           customer IS NOT NULL AND row_number() OVER (PARTITION BY customer ORDER BY moment, invoice) = 1 AS first
    FROM invoices ORDER BY moment, invoice
"""  # noqa: S608

_SMALL_WORDS = frozenset(
    {"a", "and", "at", "by", "de", "du", "for", "from", "in", "of", "on", "or", "the", "to", "with"}
)
_WORD = re.compile(r"[A-Za-z][A-Za-z']*")


def clean_name(description: str) -> str:
    """A description as a shop would print it: ``"BAG OF SILVER STONES ."`` -> ``"Bag of Silver Stones"``."""
    text = " ".join(description.replace("*", " ").split()).strip(" .,")

    def cased(match: re.Match[str]) -> str:
        word = match[0].lower()
        if text[match.start() - 1 : match.start()] == "'":  # the s of 50's
            return word
        return word if word in _SMALL_WORDS and match.start() > 0 else word[0].upper() + word[1:]

    return _WORD.sub(cased, text)


@lru_cache(maxsize=1)
def _catalog() -> dict[str, Item]:
    with duckdb.connect() as connection:
        rows = connection.execute(_ITEMS, [str(PARQUET)]).fetchall()
    return {
        code: Item(id=code, name=clean_name(description), category=kind_of(description), price=round(price, 2))
        for code, description, price in rows
    }


def items() -> list[Item]:
    """The 3,798 products by id: the most frequent description as name, its kind as category, the median unit price."""
    return list(_catalog().values())


def person_of(customer: int | None, invoice: str) -> dict[str, str]:
    """The Segment id of who ordered: the customer, or an anonymous id for an invoice without one."""
    return {"anonymousId": f"invoice-{invoice}"} if customer is None else {"userId": str(customer)}


LAST_DAY = date(2011, 12, 9)
"""The day of the last invoice."""


def weeks_until(today: date) -> int:
    """By how many whole weeks the history must be moved to end within the week before ``today``; weekdays stay."""
    return (today - LAST_DAY).days // 7


def events(weeks: int = 0) -> Iterator[dict[str, Any]]:
    """The data set as Segment events (JSON-ready) in order of time, moved forward by ``weeks`` whole weeks.

    ``identify`` with the country when a customer first appears, ``Order Completed`` for each invoice, ``Order
    Refunded`` for each cancelled one. Message ids are the invoice numbers', so sending all of it twice changes
    nothing.
    """
    catalog, shift = _catalog(), timedelta(weeks=weeks)
    with duckdb.connect() as connection:
        cursor = connection.execute(_INVOICES, [str(PARQUET)])
        while rows := cursor.fetchmany(2048):
            for (
                moment,
                invoice,
                customer,
                country,
                codes,
                prices,
                quantities,
                revenue,
                shipping,
                discount,
                first,
            ) in rows:
                who = person_of(customer, invoice)
                timestamp = _iso(moment + shift)
                if first:
                    yield {
                        "type": "identify",
                        "messageId": f"online-retail-customer-{customer}",
                        **who,
                        "timestamp": timestamp,
                        "traits": {"country": country},
                    }
                yield {
                    "type": "track",
                    "messageId": f"online-retail-{invoice}",
                    **who,
                    "event": "Order Refunded" if invoice.startswith("C") else "Order Completed",
                    "timestamp": timestamp,
                    "properties": {
                        "order_id": invoice,
                        "revenue": revenue,
                        "shipping": shipping,
                        "discount": discount,
                        "currency": CURRENCY,
                        "products": [
                            _product(catalog, code, price, quantity)
                            for code, price, quantity in zip(codes, prices, quantities, strict=True)
                        ],
                    },
                }


def _product(catalog: dict[str, Item], code: str, price: float, quantity: int) -> dict[str, Any]:
    item = catalog.get(code)
    known = {"name": item.name, "category": item.category} if item is not None else {}
    return {"product_id": code, **known, "price": price, "quantity": quantity}


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def history_interactions() -> Interactions:
    """The orders as columns, for offline evaluation: each item of an order once, people as ``user:ID`` or
    ``anonymous:ID``.

    Equal to what the feed holds after the events were replayed, except that there people are internal ids.
    """
    catalog = _catalog()
    people: dict[bytes, int] = {}
    codes = {item_id: code for code, item_id in enumerate(catalog)}
    user: list[int] = []
    item: list[int] = []
    at: list[int] = []
    with duckdb.connect() as connection:
        rows = connection.execute(_INVOICES, [str(PARQUET)]).fetchall()
    for moment, invoice, customer, _, products, *_ in rows:
        if invoice.startswith("C"):
            continue
        person = f"anonymous:invoice-{invoice}" if customer is None else f"user:{customer}"
        number = people.setdefault(person.encode(), len(people))
        found = [codes[product] for product in dict.fromkeys(products) if product in codes]
        user += [number] * len(found)
        item += found
        at += [round(moment.replace(tzinfo=UTC).timestamp() * 1000)] * len(found)
    columns = (np.array(user), np.array(item), np.array(at))
    return from_columns(*columns, None, list(people), list(codes))
