"""A picture of a product that has no photograph: a tile in its colour, with its pattern, and the outline of its kind.

All three are read from its name, so a *Red Retrospot Mug* is a mug on red with spots; what the name does not say is drawn from
its id, always the same.
"""

import re
from typing import NamedTuple
from zlib import crc32

from tailorbird.catalog.items import Item
from tailorbird.demo.shop.shelf import kind_name, slug_of

_COLOURS = """
rose: pink rose cherry strawberry magenta blossom
red: red ruby berry christmas santa poppy
amber: orange amber gold copper honey terracotta apricot
yellow: yellow lemon sunflower daisy banana
green: green mint olive leaf garden woodland botanical
teal: turquoise teal aqua sea jade duck
blue: blue navy sky spaceboy polar denim
violet: purple lilac violet lavender amethyst mauve
stone: silver grey gray zinc metal black pewter slate steel
cream: ivory cream white natural wicker wood wooden vintage antique chocolate brown
"""
_MOTIFS = """
spots: retrospot polkadot spot spots spotty dot dots
stripes: stripe stripes stripey striped circus candy parade
gingham: gingham check tartan picnic apron
hearts: heart hearts love sweetheart valentine
stars: star stars spaceboy fairy magic party
flowers: flower flowers floral rose roses daisy blossom garden lola folkart
leaves: leaf woodland botanical fern tree garden herb
snow: christmas snow snowflake snowflakes xmas reindeer winter nordic scandinavian
waves: sea shell beach water fish bathroom seaside zinc
scrolls: paisley baroque regency lace french boudoir damask vintage antique edwardian
union: union jack london empire british
"""
_PLAIN_MOTIFS = ("rings", "rays", "hills", "dots")
_WORD = re.compile(r"[a-z]+")
_COUNT = re.compile(r"\b(?:set|pack|box)(?: of|/)? ?([0-9]{1,3})\b|\b(?:s|set)/([0-9]{1,3})\b", re.IGNORECASE)
_SMALL = frozenset({"mini", "small", "tiny", "petite", "charm", "single"})
_LARGE = frozenset({"large", "jumbo", "big", "giant", "grand", "tall"})


def _by_word(text: str) -> dict[str, str]:
    """``name: word word`` a line, turned around; a word that two lines have goes to the first."""
    named: dict[str, str] = {}
    for line in text.strip().splitlines():
        name, _, words = line.partition(": ")
        for word in words.split():
            named.setdefault(word, name)
    return named


COLOURS, MOTIFS = _by_word(_COLOURS), _by_word(_MOTIFS)
_TINTS = tuple(dict.fromkeys(COLOURS.values()))


class Art(NamedTuple):
    """What a tile shows. ``colour`` and ``motif`` name a tint of the style sheet and a symbol of ``glyphs.svg``."""

    colour: str
    motif: str
    glyph: str
    size: int
    """Width of the outline, of a tile 120 wide."""
    badge: str
    """``"x6"`` for a set of six; empty for a single piece."""

    @property
    def place(self) -> str:
        """Left and top edge of the outline."""
        return f"{(120 - self.size) / 2:g}"


def art_of(item: Item) -> Art:
    """The picture of a product; the same for the same id and name. The first word that names a colour or motif decides."""
    words = _WORD.findall(item.name.lower())
    number = crc32(item.id.encode("utf-8", "replace"))
    count = _COUNT.search(item.name)
    return Art(
        next((COLOURS[word] for word in words if word in COLOURS), _TINTS[number % len(_TINTS)]),
        next((MOTIFS[word] for word in words if word in MOTIFS), _PLAIN_MOTIFS[number // 16 % len(_PLAIN_MOTIFS)]),
        slug_of(kind_name(item)),
        54 if _SMALL & set(words) else 78 if _LARGE & set(words) else 66,
        f"×{count[1] or count[2]}" if count else "",
    )
