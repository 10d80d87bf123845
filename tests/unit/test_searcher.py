from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import numpy as np
import pytest
from PIL import Image

from indexer.errors import BadQuery, NotFound
from indexer.types import Facts, Modality, Place, Vectors
from search_api.query import parse_query
from search_api.searcher import Searcher
from search_api.view import TextCache
from tests.fakes import FakeCatalog, FakeEmbedder, FakeIndex, caption, film, moment, picture, unit

TEXTS = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "not red": (-1, 0, 0),
}


class Library:
    """Pictures 1 red, 2 green, 3 blue; caption 11 "red one" of picture 1, 12 about nothing."""

    def __init__(self) -> None:
        self.catalog = FakeCatalog(
            [
                picture(1),
                picture(2),
                picture(3),
                caption(11, "red one", about=1),
                caption(12, "a green thought"),
            ]
        )
        self.images = FakeIndex([1, 2, 3], unit([1, 0, 0.1], [0, 1, 0], [0, 0.1, 1]))
        self.captions = FakeIndex([11, 12], unit([1, 0.1, 0], [0, 1, 0.1]))
        self.embedder = FakeEmbedder(TEXTS)
        self.searcher = Searcher(
            self.catalog,
            {Modality.IMAGE: self.images, Modality.TEXT: self.captions},
            self.embedder,
        )

    def ids(self, **query: object) -> list[int]:
        return [hit.item.id for hit in self.searcher.search(parse_query(**query)).hits]


@pytest.fixture
def library() -> Library:
    return Library()


def test_text_finds_the_pictures_that_it_means_best_first(library: Library) -> None:
    assert library.ids(text="red") == [1, 2, 3]
    assert library.ids(text="blue", k=2) == [3, 1]


def test_score_is_the_cosine(library: Library) -> None:
    best = library.searcher.search(parse_query(text="red", k=1)).hits[0]
    assert best.score == pytest.approx(1 / np.sqrt(1.01), abs=1e-6)


def test_target_text_finds_captions_and_brings_their_pictures(library: Library) -> None:
    answer = library.searcher.search(parse_query(text="red", target=Modality.TEXT))
    assert [hit.item.id for hit in answer.hits] == [11, 12]
    assert answer.pictures == {1: picture(1)}
    assert answer.searched == 2


def test_picture_finds_its_own_colour(library: Library) -> None:
    assert library.ids(image=Image.new("RGB", (9, 5), (0, 200, 0)), k=1) == [2]


def test_picture_and_text_together_find_what_is_like_both() -> None:
    library = Library()
    library.catalog.items[4] = picture(4)
    library.images.add(np.array([4]), unit([1, 1, 0]))
    found = library.ids(image=Image.new("RGB", (9, 5), (255, 0, 0)), text="green", k=1)
    assert found == [4]


def test_like_finds_neighbours_but_never_the_item_itself(library: Library) -> None:
    assert library.ids(like=3) == [2, 1]
    assert library.ids(like=3, k=1) == [2]


def test_like_a_picture_finds_its_captions(library: Library) -> None:
    assert library.ids(like=1, target=Modality.TEXT, k=1) == [11]


def test_like_a_caption_finds_its_picture(library: Library) -> None:
    assert library.ids(like=11, k=1) == [1]


@pytest.mark.parametrize("id", [99, 2**63 - 1])
def test_like_an_unknown_item_is_not_found(library: Library, id: int) -> None:
    with pytest.raises(NotFound, match=f"Item {id} is not in this library"):
        library.ids(like=id)


def test_like_a_hidden_item_is_not_found(library: Library) -> None:
    del library.catalog.items[2]
    with pytest.raises(NotFound, match="Item 2"):
        library.ids(like=2)


def test_like_an_item_whose_vector_is_lost_is_not_found(library: Library) -> None:
    library.images.remove(np.array([2]))
    with pytest.raises(NotFound, match="index its folder again"):
        library.ids(like=2)


def test_terms_that_cancel_out_are_refused(library: Library) -> None:
    library.images.rows[1] = unit([-1, 0, 0])[0]
    with pytest.raises(BadQuery, match="cancel"):
        library.ids(text="red", like=1)


def test_hidden_items_are_not_shown_and_do_not_cost_places() -> None:
    library = Library()
    ids = np.arange(100, 400)
    library.images.add(ids, np.repeat(unit([1, 0, 0]), len(ids), axis=0))
    assert library.ids(text="red", k=3) == [1, 2, 3]
    assert library.images.asked == [3, 6, 12, 24, 48, 96, 192, 303]


def test_search_asks_once_where_all_may_be_shown(library: Library) -> None:
    library.ids(text="red", k=2)
    assert library.images.asked == [2]


def test_equal_scores_come_in_the_order_of_ids(library: Library) -> None:
    for id in (9, 5, 7):
        library.catalog.items[id] = picture(id)
        library.images.add(np.array([id]), unit([1, 0, 0]))
    assert library.ids(text="red", k=4) == [5, 7, 9, 1]


def test_more_results_than_items_gives_all_items(library: Library) -> None:
    assert library.ids(text="red", k=200) == [1, 2, 3]


def test_empty_library_answers_with_nothing() -> None:
    searcher = Searcher(
        FakeCatalog(),
        {Modality.IMAGE: FakeIndex(), Modality.TEXT: FakeIndex()},
        FakeEmbedder(TEXTS),
    )
    answer = searcher.search(parse_query(text="red"))
    assert (list(answer.hits), answer.searched) == ([], 0)


def test_new_items_are_found_without_a_restart(library: Library) -> None:
    assert 5 not in library.ids(text="red")
    library.catalog.items[5] = picture(5)
    library.images.others = {5: unit([1, 0, 0])[0]}
    assert library.ids(text="red", k=1) == [5]


def test_same_text_is_embedded_once(library: Library) -> None:
    library.ids(text="red")
    library.ids(text="  red ", target=Modality.TEXT)
    assert library.embedder.asked == ["red"]


def test_only_the_texts_used_last_are_kept() -> None:
    made: list[str] = []

    def make(text: str) -> Vectors:
        made.append(text)
        return unit([1, 0])

    cache = TextCache(2)
    for text in ["a", "b", "a", "c", "a", "b"]:
        cache.get(text, make)
    assert made == ["a", "b", "c", "b"]


def test_model_is_never_called_from_two_threads_at_once(library: Library) -> None:
    busy = Lock()

    class Fragile(FakeEmbedder):
        def embed_texts(self, texts: list[str]) -> Vectors:
            assert busy.acquire(blocking=False), "called while busy"
            try:
                return unit(*([len(text), 1, 1] for text in texts))
            finally:
                busy.release()

    searcher = Searcher(
        library.catalog,
        {Modality.IMAGE: library.images, Modality.TEXT: library.captions},
        Fragile({}),
    )
    queries = [parse_query(text="x" * n) for n in range(1, 60)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(searcher.search, queries))
    assert all(len(answer.hits) == 3 for answer in answers)


def test_warming_up_searches_every_index_once(library: Library) -> None:
    library.embedder.texts = TEXTS | {"warm": (1, 1, 1)}
    library.searcher.warm_up()
    assert (library.images.asked, library.captions.asked) == ([1], [1])


def test_detail_of_a_picture_has_its_captions(library: Library) -> None:
    detail = library.searcher.detail(1)
    assert [item.id for item in detail.captions] == [11]
    assert detail.picture is None


def test_copies_of_pictures_are_told(library: Library) -> None:
    places = [Place("/other", "copy of 1.jpg")]
    library.catalog.places = {1: places}
    assert library.searcher.detail(1).copies == places
    answer = library.searcher.search(parse_query(like=11, k=5, target=Modality.IMAGE))
    assert answer.copies == {1: places}
    captions = library.searcher.search(parse_query(like=1, k=5, target=Modality.TEXT))
    assert captions.copies == {}


def test_detail_of_a_caption_has_its_picture(library: Library) -> None:
    assert library.searcher.detail(11).picture == picture(1)
    assert library.searcher.detail(12).picture is None


def test_detail_of_an_unknown_item_is_not_found(library: Library) -> None:
    with pytest.raises(NotFound, match="Item 4"):
        library.searcher.detail(4)


def test_generations_follow_what_was_saved(library: Library) -> None:
    assert library.searcher.generations() == {Modality.IMAGE: 0, Modality.TEXT: 0}
    library.images.others = {5: unit([1, 0, 0])[0]}
    assert library.searcher.generations() == {Modality.IMAGE: 1, Modality.TEXT: 0}


@pytest.fixture
def films() -> Library:
    """Film 20 with the red moment 21 and the longer blue one 22; film 30 with the green 31."""
    library = Library()
    for item in [
        film(20, "a.mp4"),
        moment(21, "a.mp4", 0, 1_000, 500),
        moment(22, "a.mp4", 1_000, 9_000, 2_000),
        film(30, "b.mp4"),
        moment(31, "b.mp4", 0, 1_000, 500),
    ]:
        library.catalog.items[item.id] = item
    library.images.add(np.array([21, 22, 31]), unit([1, 0, 0], [0, 0, 1], [0, 1, 0]))
    index = FakeIndex([20, 30], unit([1, 0, 1], [0, 1, 0]))
    library.searcher = Searcher(
        library.catalog,
        {Modality.IMAGE: library.images, Modality.TEXT: library.captions, Modality.VIDEO: index},
        library.embedder,
    )
    return library


def test_target_video_finds_films(films: Library) -> None:
    assert films.ids(text="green", target=Modality.VIDEO) == [30, 20]
    films.catalog.told[30] = Facts(duration_ms=1_000)
    answer = films.searcher.search(parse_query(text="green", target=Modality.VIDEO))
    assert answer.durations == {30: 1_000}


def test_found_moments_bring_their_films(films: Library) -> None:
    answer = films.searcher.search(parse_query(text="red", k=2))
    assert [hit.item.id for hit in answer.hits] == [21, 1]
    assert {id: item.id for id, item in answer.films.items()} == {21: 20}


def test_like_a_film_leaves_its_own_moments_out(films: Library) -> None:
    assert films.ids(like=20, k=2) == [1, 3]
    assert films.ids(like=20, target=Modality.VIDEO) == [30]


def test_like_a_moment_leaves_its_own_film_out(films: Library) -> None:
    assert films.ids(like=22, target=Modality.VIDEO) == [30]
    assert films.ids(like=22, k=2) == [3, 1]


@pytest.mark.parametrize(
    ("at_ms", "id", "best_ms"),
    [(None, 22, 2_000), (0, 21, 0), (999, 21, 999), (1_000, 22, 1_000), (10**12, 22, 8_999)],
)
def test_film_is_pictured_by_a_moment(
    films: Library, at_ms: int | None, id: int, best_ms: int
) -> None:
    shown = films.searcher.pictured(20, at_ms)
    assert shown.span is not None
    assert (shown.id, shown.span.best_ms) == (id, best_ms)


def test_film_without_moments_is_pictured_by_itself(films: Library) -> None:
    films.catalog.items[40] = film(40, "empty.mp4")
    assert films.searcher.pictured(40, 5).id == 40
