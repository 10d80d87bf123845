"""What looks, captions and words are worth beside one another."""

import numpy as np
import pytest

from indexer.types import Modality
from indexer.wording import held
from search_api.evidence import SAID, together, worth_of_words
from search_api.grammar import parse_query
from search_api.searcher import Searcher
from tests.fakes import FakeCatalog, FakeEmbedder, FakeIndex, caption, picture, unit

ASKED = {"giraffe": (1, 0, 0), "dog": (0, 1, 0), "img 1234": (0, 0, 1), "red barn": (0, 0.6, 0.8)}


@pytest.mark.parametrize(
    ("asked", "text", "share"),
    [
        ("a red barn", "the RED barn at night", 1.0),
        ("a red barn", "a red car", 0.5),
        ("two dogs", "two happy dog", 1.0),
        ("dog", "hotdogs", 1.0),
        ("the", "the end", 1.0),
        ("cat", "dog", 0.0),
        ("", "dog", 0.0),
        ("猫", "黒い猫がいる", 1.0),
    ],
)
def test_a_text_holds_a_share_of_the_telling_words(asked: str, text: str, share: float) -> None:
    assert held(asked, [text, "x"]) == [share, 0.0]


def test_a_caption_helps_what_looks_right_and_brings_up_nothing_alone() -> None:
    alone, agreed, poor, only = together(
        np.array([3.0, 3.0, 3.0, 0.0]), np.array([-np.inf, 4.0, 1.0, 4.0])
    )
    assert alone == 3.0
    assert agreed > 3.0
    assert poor == 3.0
    assert only < 3.0


def test_all_words_are_worth_more_the_fewer_items_have_them() -> None:
    many = dict.fromkeys(range(150), 1.0)
    rare = worth_of_words({0: 1.0}, 10_000, cut=False)
    common = worth_of_words(many, 1_000, cut=False)
    most = worth_of_words(many, 1_000, cut=True)
    assert rare[0] > 5 > common[0] > most[0] == SAID


def test_a_part_of_the_words_is_worth_less_than_its_share() -> None:
    worth = worth_of_words({0: 1.0, 1: 0.5}, 1_000, cut=False)
    assert worth[0] > SAID
    assert 0 < worth[1] < 0.5 * SAID


@pytest.fixture
def searcher() -> Searcher:
    """A giraffe without a caption among two hundred pictures of dogs with one each, and a scan."""
    dogs = range(100, 300)
    random = np.random.default_rng(0)

    def around(x: float, y: float, n: int) -> np.ndarray:
        rows = np.stack([np.full(n, x), np.full(n, y), np.full(n, 0.3)], axis=1)
        return unit(*(rows + random.normal(0, 0.05, (n, 3))))

    items = [picture(id, f"dogs/{id}.jpg") for id in dogs]
    items += [caption(id + 1000, f"a dog on grass {id}", about=id) for id in dogs]
    items += [picture(1, "zoo.jpg"), picture(2, "scans/IMG_1234.jpg")]
    pictures = FakeIndex(
        [1, 2, *dogs],
        np.concatenate([unit([0.9, 0.1, 0.3], [0.2, 0.9, 0.3]), around(0.2, 0.9, 200)]),
    )
    captions = FakeIndex([id + 1000 for id in dogs], around(0.2, 0.9, 200))
    indexes = {Modality.IMAGE: pictures, Modality.TEXT: captions}
    return Searcher(FakeCatalog(items), indexes, FakeEmbedder(ASKED))


def found(searcher: Searcher, text: str) -> list[int]:
    return [hit.item.id for hit in searcher.search(parse_query(text=text, k=5)).hits]


def test_a_picture_without_a_caption_comes_before_captions_of_something_else(
    searcher: Searcher,
) -> None:
    assert found(searcher, "giraffe")[0] == 1


def test_captions_are_heard_where_they_fit(searcher: Searcher) -> None:
    assert all(id >= 100 for id in found(searcher, "dog"))


def test_a_name_that_one_file_has_finds_it_whatever_it_shows(searcher: Searcher) -> None:
    # the fake looks for the words as they stand
    items = searcher._catalog.items  # type: ignore[attr-defined]
    items[2] = picture(2, "scans/img 1234.jpg")
    assert found(searcher, "img 1234")[0] == 2


def test_few_results_are_the_first_of_many(searcher: Searcher) -> None:
    for text in ASKED:
        many = [hit.item.id for hit in searcher.search(parse_query(text=text, k=200)).hits]
        for k in (1, 3, 10, 50):
            few = [hit.item.id for hit in searcher.search(parse_query(text=text, k=k)).hits]
            assert few == many[:k], (text, k)


def test_hidden_pictures_do_not_let_what_words_found_take_their_places(
    searcher: Searcher,
) -> None:
    # Nearest are five that the catalogue does not know, then one that no words speak for.
    searcher._view.indexes[Modality.IMAGE].add(
        np.arange(3, 9), unit((1, 0, 0.02), *([1, 0, 0] for _ in range(5)))
    )
    items = searcher._catalog.items  # type: ignore[attr-defined]
    items[3] = picture(3, "x.jpg")
    for id in range(100, 106):
        items[id] = picture(id, f"dogs/no giraffe {id}.jpg")
    ids = found(searcher, "giraffe")
    assert ids[:2] == [3, 1]
    assert min(ids[2:]) >= 100
