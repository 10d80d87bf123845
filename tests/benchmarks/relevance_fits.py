"""Ways to calibrate a space by its own library, judged by what is known to be there.

What is judged has no part in the fits: captions of photos, names of classes and words that judge
neither ask nor stand in what asks.

    captions    captions with and without their pictures
    background  the best cosines for things that few libraries hold; by how much an answer lies
                above them was learned from labelled queries of the other libraries of this run
    all         captions, words of captions and such things: what `atisbo calibrate` does; with all
                captioned photos, and as if few had captions
    labels      labelled queries of the same library, the half that is not judged: what could be
    built-in    the calibration that comes with the model, where one does
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from bench_fusion import SAME, WORDS, Photos
from numpy.typing import NDArray
from rich.table import Table

from indexer.calibration import BUILT_IN, NOTHING, STRONG
from indexer.evaluation.asking import Asked, Kind, ask, growth
from indexer.evaluation.calibrating import (
    LEAST_AUC,
    area,
    calibration_error,
    fit,
    judge,
    sized,
    weights,
)
from indexer.evaluation.pairs import Pairs, words
from indexer.phrases import strange_texts
from indexer.types import Modality
from indexer.wording import words_of

Numbers = NDArray[np.float64]
FEW = (200, 100)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A library: what is said of its photos, queries with known answers, and what must not ask."""

    name: str
    photos: Photos
    said: Mapping[int, Sequence[str]]
    asked: Sequence[Asked]
    judging_texts: frozenset[str]
    judging_words: frozenset[str]

    @property
    def judged(self) -> list[Asked]:
        return [one for one in self.asked if one.subject % 2]

    @property
    def other(self) -> list[Asked]:
        return [one for one in self.asked if one.subject % 2 == 0]


def captioned(
    photos: Photos, said: Mapping[int, Sequence[str]], asked: Sequence[Asked]
) -> Labelled:
    """Returns the library of captioned photos."""
    odd = [
        photos.ids[one.subject] for one in asked if one.kind == "caption, small" and one.subject % 2
    ]
    texts = frozenset(text for id in odd for text in said[id])
    return Labelled("captioned photos", photos, said, asked, texts, frozenset([*WORDS, *SAME]))


def classed(name: str, photos: Photos, asked: Sequence[Asked]) -> Labelled:
    """Returns a library of classed photos, whose captions are the names of their classes."""
    said = {id: [called] for called, ids in photos.true.items() for id in ids}
    names = frozenset(list(photos.true)[1::2])
    told = frozenset(word for called in names for word in words_of(called))
    return Labelled(name, photos, said, asked, names, told)


def told(libraries: Sequence[Labelled], seed: int = 0) -> Table:
    """Returns what each way is worth in each library."""
    table = Table(
        "library", "fitted by", "AUC", "right side", "error", "strong: right / given",
        "nothing: right / given", title="Calibrations, judged by labels", title_justify="left",
    )  # fmt: skip
    for library in libraries:
        others = [one for one in libraries if one is not library]
        for way, said in ways(library, others, seed).items():
            table.add_row(library.name, way, *figures(said, library.judged))
    return table


def told_apart(libraries: Sequence[Labelled], seed: int = 0) -> Table:
    """Returns how often a query with an answer scores higher than one without, and by chance."""
    table = Table(
        "library", "pictures", "with an answer scores higher", "verdicts",
        title="What decides about verdicts", title_justify="left",
    )  # fmt: skip
    random = np.random.default_rng(seed)
    for library in libraries:
        pairs, said = material(library)
        drawn = random.normal(size=pairs.images.shape).astype(np.float32)
        for name, images in {
            "as they are": pairs.images,
            "shuffled": pairs.images[random.permutation(len(pairs.images))],
            "drawn at random": drawn / np.linalg.norm(drawn, axis=1, keepdims=True),
        }.items():
            asked = _asked(library, replace(pairs, images=images), said, seed)
            found = judge(fit(asked), [one for one in asked if one.subject % 2], seed=seed)
            told = "yes" if found.auc_low >= LEAST_AUC else "refused"
            figure = f"{found.auc:.3f} [{found.auc_low:.3f}, {found.auc_high:.3f}]"
            table.add_row(library.name, name, figure, told)
    return table


def ways(library: Labelled, others: Sequence[Labelled], seed: int) -> dict[str, Numbers]:
    """Returns the probabilities that each way gives to the queries that judge."""
    embedder = library.photos.view.embedder
    pairs, said = material(library)
    asked = _kept(library, _asked(library, pairs, said, seed))
    grows = growth(embedder.embed_texts(strange_texts()), pairs.images, seed=seed)

    def by(some: Sequence[Asked]) -> Numbers:
        made = sized(fit(some), some[0].searched, len(library.photos.ids), grows)
        return _probabilities(made, library.judged)

    made = {
        "captions": by([one for one in asked if one.kind is Kind.CAPTION]),
        "background": background(library, others),
        "all": by(asked),
    }
    for count in FEW:
        few = material(library, count, seed)
        made[f"all, {count} captioned"] = by(_kept(library, _asked(library, *few, seed)))
    made["labels"] = _probabilities(fit(library.other), library.judged)
    if (built_in := BUILT_IN.get(embedder.fingerprint)) is not None:
        made["built-in"] = _probabilities(built_in, library.judged)
    return made


def _asked(library: Labelled, pairs: Pairs, said: Sequence[str], seed: int) -> Sequence[Asked]:
    return ask(pairs, said, library.photos.view.embedder.embed_texts, seed=seed)


def _kept(library: Labelled, asked: Sequence[Asked]) -> list[Asked]:
    return [one for one in asked if not _judges(library, one)]


def material(library: Labelled, count: int | None = None, seed: int = 0) -> tuple[Pairs, list[str]]:
    """Returns the captioned photos of the library, or so many of them, with their captions."""
    ids = np.array(sorted(library.said), np.int64)
    if count is not None:
        ids = np.sort(np.random.default_rng(seed).choice(ids, count, replace=False))
    said = [(row, text) for row, id in enumerate(ids.tolist()) for text in library.said[id]]
    texts = [text for _, text in said]
    unique = list(dict.fromkeys(texts))
    vectors = library.photos.view.embedder.embed_texts(unique)
    at = {text: row for row, text in enumerate(unique)}
    images = library.photos.view.indexes[Modality.IMAGE].vectors(ids)
    about = np.array([row for row, _ in said], np.int64)
    return Pairs(images, vectors[[at[text] for text in texts]], about, words(texts)), texts


def background(library: Labelled, others: Sequence[Labelled]) -> Numbers:
    """Returns probabilities by how far a query stands above what the library does not hold."""
    steps = [(one, *_level(one)) for one in (library, *others)]
    above = [
        [Asked(q.kind, q.subject, "", (q.cosine - mean) / spread, 1, q.right) for q in one.asked]
        for one, mean, spread in steps
    ]
    made = fit([one for some in above[1:] for one in some])
    return _probabilities(made, [one for one in above[0] if one.subject % 2])


def figures(said: Numbers, judged: Sequence[Asked]) -> list[str]:
    """Returns the cells of a row."""
    right = np.array([one.right for one in judged])
    weight = weights(judged)
    strong, nothing = said >= STRONG, said < NOTHING
    cells = [
        f"{area(said, right, weight):.3f}",
        f"{np.average((said > 0.5) == right, weights=weight):.1%}",
        f"{calibration_error(said, right, weight):.3f}",
    ]
    for given, true in ((strong, right), (nothing, ~right)):
        share = f"{np.average(true[given], weights=weight[given]):.0%}" if given.any() else "none"
        cells.append(f"{share} / {np.average(given[true], weights=weight[true]):.0%}")
    return cells


def _level(library: Labelled) -> tuple[float, float]:
    """Returns median and spread of the best cosines for things that few libraries hold."""
    view = library.photos.view
    vectors = view.embedder.embed_texts(strange_texts())
    ids = np.array(sorted(library.photos.ids), np.int64)
    best = view.indexes[Modality.IMAGE].search(vectors, 3, ids).scores.mean(axis=1)
    median = float(np.median(best))
    return median, float(1.4826 * np.median(np.abs(best - median)))


def _judges(library: Labelled, one: Asked) -> bool:
    told = set(words_of(one.text)) if one.kind is Kind.WORD else set()
    return one.text in library.judging_texts or bool(told & library.judging_words)


def _probabilities(made, asked: Sequence[Asked]) -> Numbers:
    return np.array([made.probability(one.cosine, one.text, one.searched) for one in asked])
