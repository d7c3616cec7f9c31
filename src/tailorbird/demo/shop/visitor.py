"""Who is there, which only cookies say, and which cookies there may be.

Before a choice none are set but the cart's; who refuses has the choice itself until the browser closes; only who accepts gets
an identifier (ePrivacy 5(3): nothing is stored or read before consent unless it is strictly necessary).
"""

import enum
import re
import uuid
from collections.abc import Mapping
from typing import NamedTuple

from litestar.datastructures import Cookie

from tailorbird.decide.decider import Who
from tailorbird.demo.shop.cart import Cart

CONSENT, VISITOR, CUSTOMER, CART = "consent", "visitor", "customer", "cart"
_HALF_A_YEAR = 180 * 86_400
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CUSTOMER = re.compile(r"[0-9]{1,10}")


class Choice(enum.Enum):
    """What the visitor said to being known."""

    NONE = "none"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Visitor(NamedTuple):
    """A visitor as the cookies have it. There are ids only where the choice is ``ACCEPTED``."""

    choice: Choice = Choice.NONE
    anonymous_id: str | None = None
    user_id: str | None = None
    cart: Cart = Cart()
    gpc: str | None = None
    """The header ``Sec-GPC``, passed on to the collector."""

    @property
    def known(self) -> bool:
        """Whether anything may be sent, kept or used about this visitor."""
        return self.choice is Choice.ACCEPTED and self.anonymous_id is not None

    @property
    def who(self) -> Who:
        """Whom to decide for: nobody, where nobody may be known."""
        return Who(self.user_id, self.anonymous_id) if self.known else Who()


def read_visitor(cookies: Mapping[str, str], gpc: str | None = None) -> Visitor:
    """The visitor behind a request. An id without consent beside it is not looked at."""
    cart = Cart.read(cookies.get(CART))
    said = cookies.get(CONSENT, "")
    anonymous = cookies.get(VISITOR, "")
    if said == Choice.ACCEPTED.value and _UUID.fullmatch(anonymous):
        customer = cookies.get(CUSTOMER, "")
        return Visitor(Choice.ACCEPTED, anonymous, customer if _CUSTOMER.fullmatch(customer) else None, cart, gpc)
    return Visitor(Choice.REFUSED if said == Choice.REFUSED.value else Choice.NONE, None, None, cart, gpc)


def accepted(visitor: Visitor) -> Visitor:
    """The visitor once they have accepted."""
    return visitor if visitor.known else visitor._replace(choice=Choice.ACCEPTED, anonymous_id=new_id(), user_id=None)


def refused(visitor: Visitor) -> Visitor:
    """The visitor once they have refused."""
    return visitor._replace(choice=Choice.REFUSED, anonymous_id=None, user_id=None)


def as_customer(visitor: Visitor, user_id: str | None) -> Visitor:
    """The visitor as a customer, or as nobody again.

    Who was a customer before gets a new anonymous id: the old one is that customer's.
    """
    anonymous = new_id() if visitor.user_id else visitor.anonymous_id
    return visitor._replace(anonymous_id=anonymous, user_id=user_id)


def new_id() -> str:
    """An identifier that says nothing."""
    return str(uuid.uuid4())


def cookies_of(visitor: Visitor, before: Visitor, *, secure: bool) -> list[Cookie]:
    """The cookies to set, and to take away, so that the browser has ``visitor`` where it had ``before``."""

    def cookie(name: str, value: str | None, max_age: int | None) -> Cookie:
        return Cookie(
            name,
            value=value or "",
            max_age=max_age if value else 0,
            path="/",
            httponly=True,
            samesite="lax",
            secure=secure,
        )

    keep = _HALF_A_YEAR if visitor.known else None
    changed = []
    if visitor.choice is not before.choice:
        changed.append(cookie(CONSENT, visitor.choice.value, keep))
    if visitor.anonymous_id != before.anonymous_id or visitor.choice is not before.choice:
        changed.append(cookie(VISITOR, visitor.anonymous_id, keep))
    if visitor.user_id != before.user_id or visitor.choice is not before.choice:
        changed.append(cookie(CUSTOMER, visitor.user_id, keep))
    if visitor.cart.write() != before.cart.write():
        changed.append(cookie(CART, visitor.cart.write(), None))
    return changed
