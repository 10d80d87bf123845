"""IPTC: the words that picture agencies' programs write, from a block of records."""

from collections.abc import Mapping, Sequence

from indexer.media.texts import decoded

RESOURCE = 0x0404
"""Where the records stand among the resources of Photoshop."""

_MARK = 0x1C
_CHARSET = (1, 90)
_UTF8 = b"\x1b%G"
_LATIN1 = (b"\x1b.A", b"\x1b-A")
_MAX_RECORDS = 2_000
_LONG = 0x8000

Dataset = tuple[int, int]
"""Record and number in it: (2, 25) are keywords."""

OBJECT_NAME, KEYWORDS, DATE_CREATED, TIME_CREATED = (2, 5), (2, 25), (2, 55), (2, 60)
CITY, SUBLOCATION, STATE, COUNTRY = (2, 90), (2, 92), (2, 95), (2, 101)
HEADLINE, CAPTION = (2, 105), (2, 120)


def parsed(block: bytes) -> Mapping[Dataset, Sequence[str]]:
    """Returns the texts of each dataset, in order; a broken record ends the reading."""
    found: dict[Dataset, list[bytes]] = {}
    at = block.find(b"\x1c")
    for _ in range(_MAX_RECORDS):
        if at < 0 or at + 5 > len(block) or block[at] != _MARK:
            break
        dataset = (block[at + 1], block[at + 2])
        size = int.from_bytes(block[at + 3 : at + 5])
        at += 5
        if size & _LONG:
            more = size - _LONG
            size = int.from_bytes(block[at : at + more]) if more <= 4 else len(block)
            at += more
        if at + size > len(block):
            break
        found.setdefault(dataset, []).append(block[at : at + size])
        at += size
    charset = next(iter(found.get(_CHARSET, ())), b"")
    return {
        dataset: [_text(raw, charset) for raw in values]
        for dataset, values in found.items()
        if dataset[0] == 2
    }


def among_resources(block: bytes) -> bytes:
    """Returns the IPTC block among Photoshop's resources ("8BIM"), empty where there is none."""
    at = block.find(b"8BIM")
    while at >= 0 and at + 12 <= len(block) and block[at : at + 4] == b"8BIM":
        number = int.from_bytes(block[at + 4 : at + 6])
        at += 6 + (block[at + 6] // 2 + 1) * 2  # a name: its length, then padded to even
        size = int.from_bytes(block[at : at + 4])
        at += 4
        if number == RESOURCE:
            return block[at : at + size]
        at += size + size % 2
    return b""


def _text(raw: bytes, charset: bytes) -> str:
    raw = raw.strip(b"\0 ")
    if charset in _LATIN1:
        return raw.decode("latin-1")
    if charset == _UTF8:
        return raw.decode("utf-8", "replace")
    return decoded(raw)
