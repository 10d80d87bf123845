"""Cursors: what the pages before have shown, so that the next one repeats and leaves out nothing.

A cursor holds the ids that were shown. The next page is the same search without them, so it stays
right while the index grows, whatever the ranking, and no server has to remember anything: what was
known at the first page and not shown yet still comes, once.

    1 byte format, 6 bytes of the query's digest, then the ids ascending, each as its distance to
    the one before in base 128, low bits first, the top bit saying that more follow; as base64url.
"""

import base64
import binascii
from collections.abc import Iterable
from hashlib import blake2b

from indexer.errors import BadQuery
from search_api.query import MAX_ID, Picture, Query

MAX_SEEN = 5_000
_FORMAT = 1
_DIGEST_BYTES = 6
_LONGEST_NUMBER = 10


def cursor_of(query: Query, seen: Iterable[int]) -> str | None:
    """Returns the cursor of what follows after these ids; None where that would be too much."""
    ids = sorted(set(seen))
    if len(ids) > MAX_SEEN:
        return None
    data = bytearray([_FORMAT]) + _digest(query)
    last = 0
    for id in ids:
        data += _number(id - last)
        last = id
    return base64.urlsafe_b64encode(bytes(data)).decode("ascii").rstrip("=")


def seen_in(cursor: str, query: Query) -> frozenset[int]:
    """Returns the ids that the pages before have shown.

    Raises:
        BadQuery: the cursor is none, or belongs to another query.
    """
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _no_cursor() from error
    if len(data) <= _DIGEST_BYTES or data[0] != _FORMAT:
        raise _no_cursor()
    if data[1 : 1 + _DIGEST_BYTES] != _digest(query):
        raise BadQuery(
            "The cursor belongs to another query: send it with the parameters that it came from, "
            "or leave it out to begin anew."
        )
    return _ids(data[1 + _DIGEST_BYTES :])


def _ids(data: bytes) -> frozenset[int]:
    found: list[int] = []
    last, at = 0, 0
    while at < len(data):
        number = shift = 0
        for byte in data[at : at + _LONGEST_NUMBER]:
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        else:
            raise _no_cursor()
        last += number
        found.append(last)
        if len(found) > MAX_SEEN or last > MAX_ID:
            raise _no_cursor()
    return frozenset(found)


def _number(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def _digest(query: Query) -> bytes:
    """Returns what tells queries apart; uploaded pictures count, what they show does not."""
    terms = [
        ("picture" if isinstance(term.what, Picture) else repr(term.what), term.weight)
        for term in query.terms
    ]
    told = (
        terms,
        query.target,
        query.filters,
        query.fusion,
        query.sort,
        query.words,
        query.diversity,
        query.collapse,
        query.more,
        query.less,
    )
    return blake2b(repr(told).encode(), digest_size=_DIGEST_BYTES).digest()


def _no_cursor() -> BadQuery:
    return BadQuery(
        "That is no cursor: send one as it stands in `next` of an answer, or leave it out."
    )
