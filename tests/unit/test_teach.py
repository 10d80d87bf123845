"""Teaching a space: what is gained goes live, what is not is refused, and the judge is held out."""

import numpy as np
import pytest

from indexer.embedders.adapted import Adapter
from indexer.errors import ConfigError
from indexer.evaluation.pairs import Pairs
from indexer.evaluation.verdict import LEAST_PICTURES, judge, split
from indexer.training.adapter import Recipe, teach
from indexer.types import Modality, Vectors

DIM, PICTURES = 16, 400
QUICK = Recipe(hidden=64, epochs=60, learning_rate=1e-3)


def unit(rows: np.ndarray) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def space(*, shuffled: bool = False, turned: bool = True) -> Pairs:
    """Captions that say what their picture shows, in a space where they are turned elsewhere."""
    draw = np.random.default_rng(0)
    images = unit(draw.normal(size=(PICTURES, DIM)))
    about = np.repeat(np.arange(PICTURES), 2)
    texts = images[about] + 0.05 * draw.normal(size=(len(about), DIM))
    if turned:
        texts = texts @ np.linalg.qr(draw.normal(size=(DIM, DIM)))[0]
    if shuffled:
        texts = texts[draw.permutation(len(texts))]
    return Pairs(images, unit(texts), about, np.arange(len(about)))


def through(adapter: Adapter, pairs: Pairs) -> Pairs:
    return Pairs(
        adapter.residuals[Modality.IMAGE](pairs.images),
        adapter.residuals[Modality.TEXT](pairs.texts),
        pairs.about,
        pairs.words,
    )


def taught(pairs: Pairs, seed: int = 0) -> tuple[Adapter, Pairs]:
    parts = split(np.arange(PICTURES), pairs.images, seed=seed)
    adapter = teach(pairs.of(parts.train), pairs.of(parts.stop), seed=seed, recipe=QUICK)
    return adapter, pairs.of(parts.judge)


def test_a_space_that_its_captions_do_not_fit_is_taught() -> None:
    adapter, held = taught(space())
    verdict = judge(held, through(adapter, held), seed=0)
    assert verdict.accepted
    assert verdict.gain > 0.3
    assert (verdict.pictures, verdict.captions) == (80, 160)


@pytest.mark.parametrize("pairs", [space(shuffled=True), space(turned=False)])
def test_shuffled_captions_and_a_perfect_space_are_refused(pairs: Pairs) -> None:
    adapter, held = taught(pairs)
    assert not judge(held, through(adapter, held), seed=0).accepted


def test_the_same_seed_gives_the_same_adapter() -> None:
    one, two, other = taught(space())[0], taught(space())[0], taught(space(), seed=1)[0]
    assert one.fingerprint("") == two.fingerprint("") != other.fingerprint("")


def test_what_judges_never_teaches() -> None:
    pairs = space()
    parts = split(np.arange(PICTURES), pairs.images, seed=0)
    every = np.concatenate([parts.train, parts.stop, parts.judge])
    assert sorted(every.tolist()) == list(range(PICTURES))
    assert (len(parts.judge), len(parts.stop)) == (80, 40)
    spoiled = Pairs(pairs.images.copy(), pairs.texts.copy(), pairs.about, pairs.words)
    spoiled.images[parts.judge] = np.nan
    spoiled.texts[np.isin(pairs.about, parts.judge)] = np.nan
    same = teach(spoiled.of(parts.train), spoiled.of(parts.stop), seed=0, recipe=QUICK)
    assert same.fingerprint("") == taught(pairs)[0].fingerprint("")


def test_most_pictures_keep_their_part_when_the_library_grows() -> None:
    images = space().images
    before = split(np.arange(300), images[:300], seed=0)
    after = split(np.arange(PICTURES), images, seed=0)
    assert np.isin(before.judge, after.judge).mean() > 0.8


def test_copies_of_a_picture_go_to_one_part() -> None:
    images = np.tile(space().images, (2, 1))
    parts = split(np.arange(len(images)), images, seed=0)
    for part in (parts.train, parts.stop, parts.judge):
        assert np.isin((part + PICTURES) % (2 * PICTURES), part).all()


def test_too_few_pictures_are_refused_with_the_number_needed() -> None:
    with pytest.raises(ConfigError, match=f"least {LEAST_PICTURES}.*Caption 10 more"):
        split(np.arange(LEAST_PICTURES - 10), space().images[: LEAST_PICTURES - 10], seed=0)


def test_equal_captions_count_as_one_right_answer() -> None:
    """Twenty classes of ten pictures each, captioned with the class alone."""
    draw = np.random.default_rng(0)
    classes = unit(draw.normal(size=(20, DIM)))
    about = np.arange(200)
    words = about % 20
    images = unit(classes[words] + 0.01 * draw.normal(size=(200, DIM)))
    right = Pairs(images, classes[words], about, words)
    wrong = Pairs(images, classes[(words + 1) % 20], about, words)
    verdict = judge(wrong, right, seed=0)
    assert (verdict.k, verdict.captions) == (2, 20)
    assert (verdict.text_after, verdict.image_after) == (1, 1)
    assert verdict.accepted
    assert not judge(right, wrong, seed=0).accepted


def test_a_space_where_all_is_one_finds_nothing() -> None:
    held = space()
    one = np.zeros_like(held.images)
    one[:, 0] = 1
    collapsed = Pairs(one, one[held.about], held.about, held.words)
    verdict = judge(held, collapsed, seed=0)
    assert (verdict.text_after, verdict.image_after) == (0, 0)


def test_chance_alone_is_accepted_at_most_about_once_in_twenty() -> None:
    accepted = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        about = np.repeat(np.arange(60), 2)

        def noise(about: np.ndarray = about, draw: np.random.Generator = draw) -> Pairs:
            texts = unit(draw.normal(size=(len(about), DIM)))
            return Pairs(unit(draw.normal(size=(60, DIM))), texts, about, np.arange(len(about)))

        accepted += judge(noise(), noise(), seed=seed).accepted
    assert accepted <= 15
