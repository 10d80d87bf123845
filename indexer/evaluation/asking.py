"""Queries with and without an answer, made of a library's own captions, to fit a calibration by.

    caption   of a picture: the picture is there; then it is left out, with whatever looks like it
              and whatever is told in like words
    word      that stands in captions, bare and in "a photo of a ...": there; then all pictures that
              have it in a caption are left out
    strange   things that few libraries hold, where no caption names them: not there

Asked of the pictures with captions alone, since only of these it is known what they lack. People
ask by words more than by sentences, and for what is not there at all: fitted by captions alone, a
calibration calls too much strong (`make bench-relevance`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log

import numpy as np

from indexer.calibration import TOP
from indexer.evaluation.pairs import Numbers, Pairs
from indexer.phrases import strange_texts
from indexer.types import Vectors
from indexer.wording import words_of

Embed = Callable[[Sequence[str]], Vectors]

_CAPTIONS = 600
_WORDS = 200
_PUT = ("{}", "a photo of a {}")
_LIKE = 0.1
"""So much of a library counts as like a picture, by looks; as much again by what captions say."""
_RAREST, _COMMONEST = 3, 0.3
"""A word is asked for if so many pictures have it, and no more than this share of them."""
_AT_ONCE = 64


class Kind(StrEnum):
    """Where a query comes from."""

    CAPTION = "caption"
    WORD = "word"
    STRANGE = "strange"


@dataclass(frozen=True, slots=True)
class Asked:
    """A query and its answer.

    Attributes:
        kind: Where the query comes from.
        subject: Queries of a kind with the same number are about the same.
        text: What was asked.
        cosine: The mean cosine of the best pictures.
        searched: How many pictures there were to find.
        right: Whether one of them is what was asked for.
    """

    kind: Kind
    subject: int
    text: str
    cosine: float
    searched: int
    right: bool


def ask(pairs: Pairs, said: Sequence[str], embed: Embed, *, seed: int = 0) -> Sequence[Asked]:
    """Returns queries of all kinds, in an order drawn by the seed, with what they find.

    Args:
        pairs: Pictures and their captions; rows of `images` that no caption names are searched too.
        said: What the captions say, one for each row of `texts`.
        embed: Turns texts into float32 (n, dim), rows of unit length.
        seed: Decides which captions and words ask.
    """
    random = np.random.default_rng(seed)
    pictures = _pictures_of_words(pairs.about, said)
    return [
        *_captions(pairs, said, random),
        *_words(pairs, pictures, embed, random),
        *_strange(pairs, pictures, embed),
    ]


def growth(queries: Vectors, images: Vectors, *, seed: int = 0) -> float:
    """Returns by how much the best cosine for unrelated queries grows with ln(pictures), from 0 on.

    Args:
        queries: float32 (q, dim).
        images: float32 (n, dim); they are compared with quarters of them.
        seed: Decides which quarters.
    """
    quarters = np.array_split(np.random.default_rng(seed).permutation(len(images)), 4)
    if len(quarters[-1]) < TOP:
        return 0.0
    of_all = _best(queries, images).mean()
    of_few = np.mean([_best(queries, images[rows]).mean() for rows in quarters])
    return max(float(of_all - of_few) / log(4), 0.0)


def _captions(pairs: Pairs, said: Sequence[str], random: np.random.Generator) -> Iterator[Asked]:
    """Yields a caption of each of some pictures, with what it finds with and without it."""
    order = random.permutation(len(pairs.about))
    pictures, first = np.unique(pairs.about[order], return_index=True)
    drawn = random.permutation(len(pictures))[:_CAPTIONS]
    rows = order[first[drawn]]
    like = [_like(pairs, int(row)) for row in rows]
    yield from _both(
        Kind.CAPTION,
        [said[row] for row in rows.tolist()],
        pairs.texts[rows],
        pairs.images,
        like,
        range(len(rows)),
    )


def _like(pairs: Pairs, row: int) -> Numbers:
    """Returns the caption's picture, what looks like it, and what is told in like words."""
    own = pairs.about[row]
    looks = pairs.images @ pairs.images[own]
    words = pairs.texts @ pairs.texts[row]
    return np.unique(
        np.concatenate(
            [
                pairs.about[pairs.words == pairs.words[row]],
                np.argsort(-looks)[: _part(len(looks))],
                pairs.about[np.argsort(-words)[: _part(len(words))]],
            ]
        )
    )


def _part(count: int) -> int:
    return max(1, int(_LIKE * count))


def _words(
    pairs: Pairs, pictures: dict[str, Numbers], embed: Embed, random: np.random.Generator
) -> Iterator[Asked]:
    """Yields words of captions, with what they find with and without pictures told by them."""
    most = _COMMONEST * len(pairs.images)
    known = sorted(
        word
        for word, rows in pictures.items()
        if _RAREST <= len(rows) <= most and word.isalpha() and len(word) > 1
    )
    drawn = [known[at] for at in random.permutation(len(known))[:_WORDS].tolist()]
    if not drawn:
        return
    texts = [put.format(word) for word in drawn for put in _PUT]
    without = [pictures[word] for word in drawn for _ in _PUT]
    subjects = [at // len(_PUT) for at in range(len(texts))]
    yield from _both(Kind.WORD, texts, embed(texts), pairs.images, without, subjects)


def _strange(pairs: Pairs, pictures: dict[str, Numbers], embed: Embed) -> Iterator[Asked]:
    """Yields texts for things that no caption names, with what they find."""
    texts = [
        text
        for text in strange_texts()
        if not any(_plain(word) in pictures for word in words_of(text) if word != "photo")
    ]
    if not texts:
        return
    found = _best(embed(texts), pairs.images)
    for subject, (text, cosine) in enumerate(zip(texts, found, strict=True)):
        yield Asked(Kind.STRANGE, subject, text, float(cosine), len(pairs.images), right=False)


def _both(
    kind: Kind,
    texts: Sequence[str],
    vectors: Vectors,
    images: Vectors,
    without: Sequence[Numbers],
    subjects: Sequence[int],
) -> Iterator[Asked]:
    """Yields each query twice, with and without an answer, where enough is left without."""
    there, gone = _best(vectors, images), _best(vectors, images, without)
    count = len(images)
    for text, subject, high, low in zip(texts, subjects, there, gone, strict=True):
        if np.isfinite(low):
            yield Asked(kind, subject, text, float(high), count, right=True)
            yield Asked(kind, subject, text, float(low), count, right=False)


def _best(queries: Vectors, images: Vectors, without: Sequence[Numbers] = ()) -> np.ndarray:
    """Returns the mean cosine of the best images of each query, -inf where too few are left.

    `without` are, for each query, the rows of images to leave out.
    """
    found = []
    for start in range(0, len(queries), _AT_ONCE):
        scores = queries[start : start + _AT_ONCE] @ images.T
        for row, left_out in zip(scores, without[start : start + _AT_ONCE], strict=False):
            row[left_out] = -np.inf
        best = np.partition(scores, -TOP, axis=1)[:, -TOP:]
        found.append(best.mean(axis=1, dtype=np.float64))
    return np.concatenate(found)


def _pictures_of_words(about: Numbers, said: Sequence[str]) -> dict[str, Numbers]:
    """Returns, for each telling word, the rows of the pictures that have it in a caption."""
    found: dict[str, set[int]] = defaultdict(set)
    for picture, text in zip(about.tolist(), said, strict=True):
        for word in words_of(text):
            found[_plain(word)].add(picture)
    return {word: np.array(sorted(rows), np.int64) for word, rows in found.items()}


def _plain(word: str) -> str:
    """Returns the singular of most English words, the word itself of others."""
    return word.removesuffix("s") or word
