"""Query parameters that several routes share."""

from typing import Annotated

from litestar.params import QueryParameter

LARGEST = 2**63 - 1

After = Annotated[int, QueryParameter(ge=0, le=LARGEST, description="Go on after this number.")]
Before = Annotated[int | None, QueryParameter(ge=0, le=LARGEST, description="Only what stands before this offset.")]
Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="How many at most.")]
