"""A small byte-pair tokenizer: learned from captions, saved as readable JSON, pure Python.

Words are lower-cased and split into bytes, then the learned merges are applied in order of rank
(Sennrich et al. 2016). All 256 bytes are in the vocabulary, so no text is out of it.
"""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PAD = 0
BYTES = 256
_WORD = re.compile(r"[^\W\d_]+|\d", re.UNICODE)

Pair = tuple[int, int]


def words(text: str) -> list[str]:
    """Returns lower-case words and single digits; signs are dropped, accents kept."""
    return _WORD.findall(unicodedata.normalize("NFC", text).lower())


class Tokenizer:
    """Turns texts into int64 token ids. Id 0 pads, 1 to 256 are bytes, then one id per merge.

    The last byte of each word is marked by an id of its own kind: a word is spelled as its UTF-8
    bytes followed by one end-of-word sign (byte 0x20), so `car` and `cargo` share a prefix only.
    """

    def __init__(self, merges: Sequence[Pair], context_length: int = 32) -> None:
        self.merges = [(int(a), int(b)) for a, b in merges]
        self.context_length = context_length
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._word_ids = lru_cache(maxsize=65536)(self._merge_word)

    def __len__(self) -> int:
        """Number of ids, padding included."""
        return 1 + BYTES + len(self.merges)

    def encode(self, text: str) -> list[int]:
        """Returns at most `context_length` ids, without padding; a space for an empty text."""
        ids = [i for word in words(text) for i in self._word_ids(word)]
        return ids[: self.context_length] or [1 + 0x20]

    def batch(self, texts: Iterable[str]) -> NDArray[np.int64]:
        """Returns int64 (n, longest), padded with zeros on the right."""
        return pad([self.encode(text) for text in texts])

    def save(self, path: Path) -> None:
        """Writes the vocabulary file."""
        content = {"context_length": self.context_length, "merges": self.merges}
        path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Returns the tokenizer that `save` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(content["merges"], content["context_length"])

    def _merge_word(self, word: str) -> tuple[int, ...]:
        ids = spell(word)
        while len(ids) > 1:
            pairs = pairwise(ids)
            best = min(pairs, key=lambda pair: self._ranks.get(pair, len(self.merges)))
            rank = self._ranks.get(best)
            if rank is None:
                break
            ids = merge(ids, best, 1 + BYTES + rank)
        return tuple(ids)


def spell(word: str) -> list[int]:
    """Returns the ids of the word's bytes and of the end-of-word sign."""
    return [1 + byte for byte in f"{word} ".encode()]


def merge(ids: list[int], pair: Pair, new: int) -> list[int]:
    """Returns the ids with each occurrence of the pair, from the left, replaced by `new`."""
    out: list[int] = []
    position = 0
    while position < len(ids):
        if position + 1 < len(ids) and (ids[position], ids[position + 1]) == pair:
            out.append(new)
            position += 2
        else:
            out.append(ids[position])
            position += 1
    return out


def pad(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Returns int64 (n, longest), zeros on the right."""
    out = np.full((len(rows), max(map(len, rows), default=1)), PAD, np.int64)
    for row, ids in zip(out, rows, strict=True):
        row[: len(ids)] = ids
    return out


def train(
    texts: Iterable[str], *, size: int, minimum: int = 2, context_length: int = 32
) -> Tokenizer:
    """Returns a tokenizer of at most `size` ids learned from the texts.

    Stops early when no pair occurs `minimum` times. Ties go to the smaller ids, so the same texts
    always give the same vocabulary.
    """
    counts = Counter(word for text in texts for word in words(text))
    spelled = [(spell(word), count) for word, count in sorted(counts.items())]
    pairs: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for index, (ids, count) in enumerate(spelled):
        for pair in pairwise(ids):
            pairs[pair] += count
            where[pair].add(index)
    merges: list[Pair] = []
    while pairs and 1 + BYTES + len(merges) < size:
        best = max(pairs, key=lambda pair: (pairs[pair], -pair[0], -pair[1]))
        if pairs[best] < minimum:
            break
        new = 1 + BYTES + len(merges)
        merges.append(best)
        for index in where.pop(best):
            ids, count = spelled[index]
            for pair in pairwise(ids):
                pairs[pair] -= count
            ids = merge(ids, best, new)
            spelled[index] = (ids, count)
            for pair in pairwise(ids):
                pairs[pair] += count
                where[pair].add(index)
        del pairs[best]
    return Tokenizer(merges, context_length)
