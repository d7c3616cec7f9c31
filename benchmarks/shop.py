"""The benchmark's shop: items and people that are a pure function of their number, so that processes agree on them."""

import numpy as np

KINDS = (
    *("Lamps", "Mugs", "Plates", "Candles", "Cushions", "Clocks", "Frames", "Baskets", "Bowls", "Vases"),
    *("Rugs", "Towels", "Boxes", "Hooks", "Mirrors", "Trays", "Bags", "Toys", "Cards", "Ribbons"),
    *("Kettles", "Jugs", "Spoons", "Stools", "Shelves", "Bunting", "Wreaths", "Doorstops", "Lanterns", "Teapots"),
)
STYLES = ("Vintage", "Retro", "Nordic", "Rustic", "Floral", "Striped", "Velvet", "Copper", "Ivory", "Crimson", "Azure")
MATERIALS = ("Glass", "Tin", "Oak", "Linen", "Cotton", "Ceramic", "Steel", "Wicker", "Paper", "Felt", "Slate", "Bamboo")
BRANDS = ("Hawthorn & Co", "Lund", "Maison Vert", "Penrose", "Kittiwake", "Alder Lane", "Studio Nine", "Bramble")
COUNTRIES = ("DE", "AT", "CH", "SE", "NO", "DK", "FI", "GB", "FR", "NL", "US", "ES")
PLANS = ("free", "plus")


def kind_of(item: int) -> str:
    """The category of item number ``item``."""
    return KINDS[item * 7919 % len(KINDS)]


def price_of(item: int) -> float:
    """Its price: 1.50 to 81.49."""
    return round(1.5 + (item * 2654435761 % 8000) / 100, 2)


def name_of(item: int) -> str:
    """Its name; a few items share one, as in a real shop."""
    style, material = STYLES[item * 31 % len(STYLES)], MATERIALS[item * 17 % len(MATERIALS)]
    return f"{style} {material} {kind_of(item).removesuffix('s')} No. {item % 997}"


def item_id(item: int) -> str:
    """The id that events, the catalog and slates use."""
    return f"sku-{item:06d}"


def catalog_item(item: int) -> dict[str, object]:
    """One item as ``POST /v1/items`` takes it."""
    return {
        "id": item_id(item),
        "name": name_of(item),
        "category": kind_of(item),
        "price": price_of(item),
        "available": item % 50 != 49,
        "attributes": {
            "brand": BRANDS[item % len(BRANDS)],
            "description": f"{name_of(item)}, {MATERIALS[item * 5 % len(MATERIALS)].lower()} and "
            f"{STYLES[item * 3 % len(STYLES)].lower()}, for the {('kitchen', 'hall', 'garden', 'bath')[item % 4]}",
        },
    }


def anonymous_id(person: int) -> str:
    """A uuid-shaped id of person number ``person``."""
    return f"{person * 2654435761 & 0xFFFFFFFF:08x}-5eed-4000-8000-{person:012x}"


def user_id(person: int) -> str | None:
    """The account of a person; three in ten have one."""
    return f"user-{person:07d}" if person % 10 < 3 else None


def draw_items(rng: np.random.Generator, items: int, size: int) -> np.ndarray:
    """Draw ``size`` item numbers (int64, shape ``(size,)``) by Zipf's law with exponent 0.8.

    Inverse of the continuous distribution function, ``rank = (1 + u (N^(1-s) - 1))^(1/(1-s))`` with ``s = 0.8``: of
    100,000 items the first gets 1.7 % of the views and the first thousand a third.
    """
    uniform = rng.random(size)
    rank: np.ndarray = (1 + uniform * (items**0.2 - 1)) ** 5
    return np.clip(rank.astype(np.int64), 1, items) - 1
