from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import BadQuery, ConfigError, NotFound
from indexer.types import Modality
from search_api.grammar import parse_query
from search_api.query import Target
from search_api.searcher import Answer, Searcher
from search_api.vocabulary import OWN, read_vocabulary
from tests.fakes import FakeCatalog, FakeEmbedder, FakeIndex, caption, picture, unit

WORDS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "grey": (1, 1, 1)}


def searcher(embedder: FakeEmbedder, pictures: list[tuple[float, ...]]) -> Searcher:
    """Pictures 1, 2, ... of these vectors, and caption 90."""
    ids = list(range(1, len(pictures) + 1))
    catalog = FakeCatalog([*map(picture, ids), caption(90, "red one", about=1)])
    images = FakeIndex(ids, unit(*pictures) if pictures else None)
    captions = FakeIndex([90], unit([1, 0, 0]))
    return Searcher(
        catalog,
        {Modality.IMAGE: images, Modality.TEXT: captions},
        embedder,
        vocabulary=list(WORDS),
    )


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder(WORDS)


@pytest.fixture
def three(embedder: FakeEmbedder) -> Searcher:
    return searcher(embedder, [(1, 0.1, 0), (0, 1, 0.1), (0.1, 0, 1)])


def texts(answer: Answer) -> list[str]:
    return [label.text for label in answer.labels]


def test_words_for_a_picture_come_best_first(three: Searcher) -> None:
    assert [label.text for label in three.labels(1, 2)] == ["red", "grey"]
    assert three.labels(2)[0].text == "green"
    assert len(three.labels(2)) == len(WORDS)


def test_word_that_fits_every_picture_comes_after_one_that_fits_this(
    embedder: FakeEmbedder,
) -> None:
    pictures = [(2, 1, 0.9), *[(1, 1, 1)] * 20]
    labels = searcher(embedder, pictures).labels(1)
    cosines = {label.text: label.score for label in labels}
    assert cosines["grey"] > cosines["red"]
    assert labels[0].text == "red"


def test_score_and_what_is_usual_are_told(three: Searcher) -> None:
    label = three.labels(1, 1)[0]
    cosines = unit((1, 0.1, 0), (0, 1, 0.1), (0.1, 0, 1))[:, 0]
    assert label.score == pytest.approx(cosines[0])
    assert label.usual == pytest.approx(cosines.mean())


def test_words_become_vectors_once(three: Searcher, embedder: FakeEmbedder) -> None:
    for id in (1, 2, 3):
        three.labels(id)
    assert embedder.asked == list(WORDS)


def test_caption_has_no_words_and_unknown_items_are_not_found(three: Searcher) -> None:
    with pytest.raises(BadQuery, match="is a caption"):
        three.labels(90)
    with pytest.raises(NotFound):
        three.labels(4711)


def test_captions_asked_for_by_a_picture_come_with_words(three: Searcher) -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    answer = three.search(parse_query(image=red, target=Target.TEXT))
    assert [hit.item.id for hit in answer.hits] == [90]
    assert texts(answer)[0] == "red"
    assert texts(three.search(parse_query(like=2, target=Target.TEXT)))[0] == "green"


@pytest.mark.parametrize(
    "asked",
    [
        {"like": 1},
        {"like": 1, "target": Target.ALL},
        {"like": 90, "target": Target.TEXT},
        {"like": 1, "text": "red", "target": Target.TEXT},
        {"text": "red", "target": Target.TEXT},
        {"more": (1,), "target": Target.TEXT},
        {"text": "kind:caption", "target": Target.TEXT},
    ],
)
def test_other_answers_have_no_words(three: Searcher, asked: dict[str, object]) -> None:
    assert texts(three.search(parse_query(**asked))) == []


def test_library_without_pictures_and_one_without_words(embedder: FakeEmbedder) -> None:
    empty = searcher(embedder, [])
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    assert texts(empty.search(parse_query(image=red, target=Target.TEXT)))[0] == "red"
    bare = Searcher(
        FakeCatalog([picture(1)]),
        {Modality.IMAGE: FakeIndex([1], unit((1, 0, 0)))},
        embedder,
    )
    assert bare.labels(1) == ()
    assert embedder.asked == list(WORDS)


def test_own_vocabulary_is_several_hundred_words_each_once() -> None:
    words = read_vocabulary()
    assert len(words) > 500
    assert len({word.casefold() for word in words}) == len(words)
    written = [line for line in OWN.read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert list(words) == written


def test_vocabulary_of_a_user_takes_its_place(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeff# mine\n\n  Aunt  Ada\nñandú\naunt ada\n", encoding="utf-8")
    assert read_vocabulary(file) == ("Aunt Ada", "ñandú")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"# nothing\n\n", "no words"),
        (b"a\xff\n", "not text in UTF-8"),
        (b"a\n" + b"b" * 201, "201 characters in line 2"),
        ("\n".join(map(str, range(20_001))).encode(), "20,001 words"),
        (None, "cannot be read"),
    ],
)
def test_vocabulary_that_cannot_be_used_says_why(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    file = tmp_path / "words.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=says) as caught:
        read_vocabulary(file)
    assert str(file) in str(caught.value)
    assert "ATISBO_VOCABULARY" in str(caught.value)


def test_mean_of_scores_is_that_of_the_pictures(three: Searcher) -> None:
    usual = {label.text: label.usual for label in three.labels(1)}
    rows = unit((1, 0.1, 0), (0, 1, 0.1), (0.1, 0, 1))
    expected = (rows @ unit(*WORDS.values()).T).mean(axis=0)
    assert [usual[word] for word in WORDS] == pytest.approx(expected.tolist())
    assert np.isfinite(list(usual.values())).all()
