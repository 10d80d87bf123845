"""A calibration is fitted where scores tell something, and refused where they do not."""

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from indexer.calibration import Calibration, Figures, Fitted
from indexer.commands.calibrating import Held, is_due
from indexer.evaluation.asking import Kind, ask, growth
from indexer.evaluation.calibrating import area, calibrate, calibration_error, fit, judge, sized
from indexer.evaluation.pairs import Pairs, words
from indexer.spaces import own_space
from indexer.types import Vectors
from indexer.wording import words_of

DIM = 48
NOUNS = [f"{first}{last}" for first in ("ba", "ko", "mi", "ru") for last in "lmnoprstvwxz"]


def unit(rows: np.ndarray) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def meaning(word: str) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(word.encode())).normal(size=DIM)


def embed(texts: Sequence[str]) -> Vectors:
    """A model whose texts are the sums of their words, each a direction of its own."""
    told = [[word for word in words_of(text) if word != "photo"] or ["photo"] for text in texts]
    return unit(np.array([sum(meaning(word) for word in some) for some in told]))


def library(count: int = 300, noise: float = 0.7, seed: int = 0) -> tuple[Pairs, list[str]]:
    """Pictures that show two things each, under noise, and captions that name them."""
    random = np.random.default_rng(seed)
    shown = [random.choice(NOUNS, 2, replace=False).tolist() for _ in range(count)]
    said = [" near the ".join(some) for some in shown]
    seen = np.array([sum(meaning(word) for word in some) for some in shown])
    images = unit(seen + noise * np.sqrt(2) * random.normal(size=seen.shape))
    return Pairs(images, embed(said), np.arange(count), words(said)), said


def fitted(pairs: Pairs, said: list[str], before: Calibration | None = None):
    return calibrate(pairs, said, embed, drawn=pairs.images, total=len(pairs.images), before=before)


def test_a_space_whose_scores_tell_gets_honest_verdicts() -> None:
    pairs, said = library()
    outcome = fitted(pairs, said)
    assert outcome.refused is None
    made = outcome.calibration
    assert made is not None
    assert outcome.figures.right_side > 0.85
    assert outcome.figures.strong_right is not None
    assert outcome.figures.strong_right > 0.9
    found = np.sort(embed(["bal", "polecat"]) @ pairs.images.T)[:, -3:].mean(axis=1)
    assert made.probability(float(found[0]), "bal", 300) > 0.7
    assert made.probability(float(found[1]), "polecat", 300) < 0.2


@pytest.mark.parametrize("how", ["drawn", "shuffled"])
def test_a_space_whose_scores_tell_nothing_is_refused_with_the_figures(how: str) -> None:
    pairs, said = library()
    random = np.random.default_rng(1)
    if how == "drawn":
        images = unit(random.normal(size=pairs.images.shape))
    else:
        images = pairs.images[random.permutation(len(pairs.images))]
    outcome = fitted(replace(pairs, images=images), said)
    assert outcome.calibration is None
    assert outcome.refused is not None
    assert "chance is 50 %" in outcome.refused
    assert outcome.figures.auc < 0.62


def test_what_comes_with_the_model_stays_unless_it_is_worse() -> None:
    pairs, said = library()
    made = fitted(pairs, said).calibration
    again = fitted(pairs, said, before=made)
    assert again.calibration is None
    assert "no better" in (again.refused or "")
    assert fitted(pairs, said, before=Calibration(1.0, 0.0, 0.0)).calibration == made


def test_each_query_with_an_answer_stands_beside_itself_without() -> None:
    pairs, said = library()
    asked = ask(pairs, said, embed)
    for kind in (Kind.CAPTION, Kind.WORD):
        there = {
            (one.subject, one.text): one.cosine for one in asked if one.kind is kind and one.right
        }
        gone = {
            (one.subject, one.text): one.cosine
            for one in asked
            if one.kind is kind and not one.right
        }
        assert there.keys() == gone.keys()
        assert all(there[key] >= gone[key] for key in there)
        assert np.mean([there[key] > gone[key] for key in there]) > 0.8
    strange = [one for one in asked if one.kind is Kind.STRANGE]
    assert strange
    assert not any(one.right for one in strange)


def test_what_a_caption_names_is_not_strange() -> None:
    pairs, said = library()
    named = ["a walrus near the igloos", *said[1:]]
    texts = [one.text for one in ask(pairs, named, embed) if one.kind is Kind.STRANGE]
    assert not any("walrus" in text or "igloo" in text for text in texts)
    assert any("kangaroo" in text for text in texts)


def test_the_same_seed_asks_the_same() -> None:
    pairs, said = library(250)
    assert ask(pairs, said, embed, seed=3) == ask(pairs, said, embed, seed=3)
    assert ask(pairs, said, embed, seed=3) != ask(pairs, said, embed, seed=4)


def test_captions_that_all_say_the_same_ask_for_nothing() -> None:
    pairs, said = library(250)
    alike = ["a bal"] * len(said)
    outcome = fitted(replace(pairs, texts=embed(alike), words=words(alike)), alike)
    assert (outcome.calibration, outcome.figures) == (None, None)
    assert "too much alike" in (outcome.refused or "")


def test_a_larger_library_takes_nearer_pictures() -> None:
    pairs, said = library()
    grows = growth(embed(["polecat", "sextant", "anvil"]), pairs.images)
    assert 0 < grows < 0.2
    made = fit(ask(pairs, said, embed))
    wide = sized(made, 300, 10_000, grows)
    assert wide.probability(0.5, "bal", 300) == pytest.approx(made.probability(0.5, "bal", 300))
    nearer = 0.5 + grows * np.log(10_000 / 300)
    assert wide.probability(nearer, "bal", 10_000) == pytest.approx(
        made.probability(0.5, "bal", 300)
    )
    assert wide.sizes == (150, 20_000)


def test_figures_of_a_calibration_that_knows_nothing() -> None:
    pairs, said = library()
    figures = judge(Calibration(1e-9, 0.0, 0.0), ask(pairs, said, embed))
    assert figures.strong_right is None
    assert (figures.strong_given, figures.nothing_given) == (0, 0)
    assert figures.error == pytest.approx(0, abs=1e-6)


def test_area_and_error_of_known_cases() -> None:
    right = np.array([True, True, False, False])
    assert area(np.array([4.0, 2.0, 2.0, 1.0]), right, np.ones(4)) == pytest.approx(3.5 / 4)
    said = np.array([1.0, 1.0, 0.0, 1.0])
    assert calibration_error(said, right, np.ones(4)) == pytest.approx(0.25)


def test_when_a_fit_is_due() -> None:
    space = own_space("model", "weights", 4)
    figures = Figures(1, 0, 0, 0, 0, 0, None, 0, None, 0)
    before = Fitted("weights", "2026", 1_000, 500, 500, figures)
    assert not is_due(space, None, Held(1_000, 100))
    assert is_due(space, None, Held(1_000, 200))
    assert not is_due(space, before, Held(1_900, 900))
    assert is_due(space, before, Held(2_000, 500))
    assert is_due(space, before, Held(1_000, 1_000))
    assert is_due(space, before, Held(500, 400))
    pocket = own_space("pocket", "131c5ea7670afe4a", 4)
    assert not is_due(pocket, None, Held(1_000, 500))
