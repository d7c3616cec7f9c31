"""A request's body: decompressed within a bound."""

import zlib

from tailorbird.errors import InvalidInput, TooLarge

_GZIP = b"\x1f\x8b"


def inflated(body: bytes, limit: int) -> bytes:
    """``body`` without its gzip, if it has one (some clients label it wrongly, so the bytes decide).

    Raises ``TooLarge`` over ``limit`` bytes, before more than that is ever held, and ``InvalidInput`` for broken gzip.
    """
    if body[:2] == _GZIP:
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            body = inflater.decompress(body, limit + 1)
        except zlib.error as error:
            raise InvalidInput(f"the body begins like gzip but cannot be decompressed: {error}") from error
        if len(body) <= limit and not inflater.eof:
            raise InvalidInput("the gzip body ends too early: it was cut off on the way")
    if len(body) > limit:
        raise TooLarge(f"the body is over {limit} bytes: send smaller batches, or raise the setting max_body")
    return body
