"""The products of the shop: a copy of the installation's catalog that follows its feed, to browse and to search."""

import re
from collections import Counter
from typing import NamedTuple

from tailorbird.app import Tailorbird
from tailorbird.catalog import table as catalog_table
from tailorbird.catalog.items import Item
from tailorbird.demo.kinds import OTHER
from tailorbird.engine import feed
from tailorbird.recommend.serving import Query

PER_PAGE = 24
MOST_FOUND = 120
_STEP = 1_000
_DASHES = re.compile(r"[^a-z0-9]+")
_WORD = re.compile(r"[^\W_]+")


class Kind(NamedTuple):
    """A kind of product."""

    slug: str
    name: str
    products: int


class Page(NamedTuple):
    """Some of many products."""

    items: list[Item]
    number: int
    pages: int
    total: int


def slug_of(kind: str) -> str:
    """A kind as it stands in an address: ``"Mugs & cups"`` -> ``"mugs-cups"``."""
    return _DASHES.sub("-", kind.lower()).strip("-")


def kind_name(item: Item) -> str:
    """The kind of a product."""
    return item.category or OTHER


class Shelf:
    """The available products, as of the last ``follow``."""

    def __init__(self, app: Tailorbird) -> None:
        self._app = app
        self._seen = 0
        self._items: dict[str, Item] = {}
        self._texts: dict[str, str] = {}

    def follow(self) -> None:
        """Take in what has changed in the catalog; costs next to nothing when nothing has."""
        with self._app.read() as txn:
            if self._seen > feed.last(txn, catalog_table.FEED):  # a state that was built anew
                self._seen = 0
            while rows := feed.read(txn, catalog_table.FEED, self._seen, _STEP):
                self._seen = rows[-1][0]
                for _, value in rows:
                    self._put(catalog_table.decode(value))

    def _put(self, item: Item) -> None:
        if item.available:
            self._items[item.id] = item
            self._texts[item.id] = f"{item.name} {kind_name(item)} {item.id}".lower()
        else:
            self._items.pop(item.id, None)
            self._texts.pop(item.id, None)

    def find(self, item_id: str) -> Item | None:
        """A product by its id."""
        return self._items.get(item_id)

    def kinds(self) -> list[Kind]:
        """The kinds there are products of, by name; what fits no kind comes last."""
        counts = Counter(map(kind_name, self._items.values()))
        return [
            Kind(slug_of(name), name, counts[name]) for name in sorted(counts, key=lambda each: (each == OTHER, each))
        ]

    def kind(self, slug: str) -> Kind | None:
        """A kind by its slug."""
        return next((kind for kind in self.kinds() if kind.slug == slug), None)

    def of_kind(self, kind: str, page: int) -> Page:
        """The products of a kind, best sellers first: nobody's own doings go into that."""
        found = [item for item in self._items.values() if kind_name(item) == kind]
        query = Query([], [], PER_PAGE, self._app.clock.now(), category=kind)
        sold = [candidate.item for candidate in self._app.recommender.recommend(query, len(found))]
        rank = {item: position for position, item in enumerate(sold)}
        return _page(sorted(found, key=lambda item: (rank.get(item.id, len(rank)), item.name)), page)

    def search(self, words: str, page: int) -> Page:
        """Products that hold every word of the search, somewhere; those that hold them as whole words come first."""
        wanted = _WORD.findall(words.lower())[:8]
        if not wanted:
            return _page([], 1)
        found = [item_id for item_id, text in self._texts.items() if all(word in text for word in wanted)]
        whole = {item_id: len(set(wanted) & set(_WORD.findall(self._texts[item_id]))) for item_id in found}
        found.sort(key=lambda item_id: (-whole[item_id], len(self._texts[item_id]), item_id))
        return _page([self._items[item_id] for item_id in found[:MOST_FOUND]], page)


def _page(items: list[Item], number: int) -> Page:
    pages = max(1, -(-len(items) // PER_PAGE))
    number = min(max(number, 1), pages)
    return Page(items[(number - 1) * PER_PAGE : number * PER_PAGE], number, pages, len(items))
