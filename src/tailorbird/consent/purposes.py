"""Purposes as a set of three, kept in one small integer so that the gate is a single AND."""

from collections.abc import Iterable, Mapping

from tailorbird.errors import InvalidInput

PERSONALIZATION, ANALYTICS, MARKETING = 1, 2, 4
ALL = PERSONALIZATION | ANALYTICS | MARKETING
BY_NAME: Mapping[str, int] = {"personalization": PERSONALIZATION, "analytics": ANALYTICS, "marketing": MARKETING}


def mask_of(names: Iterable[str]) -> int:
    """The purposes named, as a mask. Raises ``InvalidInput`` for a name that is none."""
    mask = 0
    for name in names:
        if name not in BY_NAME:
            raise InvalidInput(f"unknown purpose {name!r}: use {', '.join(BY_NAME)}")
        mask |= BY_NAME[name]
    return mask


def needed(names: object) -> int:
    """The purposes that something declares to need, as a mask. Raises ``InvalidInput``: there must be one, default is no."""
    if not isinstance(names, (list, tuple)) or not names:
        raise InvalidInput(f"purposes are a list of at least one of {', '.join(BY_NAME)}")
    return mask_of(str(name) for name in names)


def names_of(mask: int) -> list[str]:
    """The names in ``mask``, in the order of ``BY_NAME``."""
    return [name for name, bit in BY_NAME.items() if mask & bit]
