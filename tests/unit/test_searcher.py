from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Lock

import numpy as np
import pytest
from PIL import Image

from indexer.errors import BadQuery, NotFound
from indexer.types import Facts, Modality, Part, Place, Vectors
from search_api.grammar import parse_query
from search_api.query import Fusion, Sort, Target
from search_api.searcher import Answer, Searcher
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

    def answer(self, **query: object) -> Answer:
        """Answers by how things look alone, unless the query says otherwise."""
        return self.searcher.search(parse_query(**{"words": False, **query}))

    def ids(self, **query: object) -> list[int]:
        return [hit.item.id for hit in self.answer(**query).hits]


@pytest.fixture
def library() -> Library:
    return Library()


def test_texts_are_remembered_once_for_all_pages_where_that_is_wanted(library: Library) -> None:
    asked: list[str] = []
    embedder = FakeEmbedder({**TEXTS, "warm": (1, 1, 1)})
    parts = (library.catalog, {Modality.IMAGE: library.images}, embedder)
    searcher = Searcher(*parts, remember=asked.append)
    searcher.warm_up()
    first = searcher.search(parse_query(text="red -green", k=1, words=False))
    again = parse_query(text="red -green", k=1, words=False, cursor=first.next)
    assert searcher.search(again).hits[0].item.id != first.hits[0].item.id
    searcher.search(parse_query(like=1, words=False))
    assert asked == ["red"]


def test_text_finds_the_pictures_that_it_means_best_first(library: Library) -> None:
    assert library.ids(text="red") == [1, 2, 3]
    assert library.ids(text="blue", k=2) == [3, 1]


def test_score_is_the_cosine(library: Library) -> None:
    best = library.answer(text="red", k=1).hits[0]
    assert best.score == pytest.approx(1 / np.sqrt(1.01), abs=1e-6)


def test_target_text_finds_captions_and_brings_their_pictures(library: Library) -> None:
    answer = library.answer(text="red", target=Target.TEXT)
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
    assert library.ids(like=1, target=Target.TEXT, k=1) == [11]


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
    library.ids(text="  red ", target=Target.TEXT)
    assert library.embedder.asked == ["red"]


def test_only_the_texts_used_last_are_kept() -> None:
    made: list[str] = []

    def make(texts: Sequence[str]) -> Vectors:
        made.extend(texts)
        return unit(*([1, 0] for _ in texts))

    cache = TextCache(2)
    for text in ["a", "b", "a", "c", "a", "b"]:
        cache.get([text], make)
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
    answer = library.answer(like=11, k=5, target=Target.IMAGE)
    assert answer.copies == {1: places}
    captions = library.answer(like=1, k=5, target=Target.TEXT)
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
    assert films.ids(text="green", target=Target.VIDEO) == [30, 20]
    films.catalog.told[30] = Facts(duration_ms=1_000)
    answer = films.answer(text="green", target=Target.VIDEO)
    assert answer.durations == {30: 1_000}


def test_found_moments_bring_their_films(films: Library) -> None:
    answer = films.answer(text="red", k=2)
    assert [hit.item.id for hit in answer.hits] == [21, 1]
    assert {id: item.id for id, item in answer.films.items()} == {21: 20}


def test_like_a_film_leaves_its_own_moments_out(films: Library) -> None:
    assert films.ids(like=20, k=2) == [1, 3]
    assert films.ids(like=20, target=Target.VIDEO) == [30]


def test_like_a_moment_leaves_its_own_film_out(films: Library) -> None:
    assert films.ids(like=22, target=Target.VIDEO) == [30]
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


def test_weights_shift_what_is_found(library: Library) -> None:
    library.catalog.items[4] = picture(4)
    library.images.add(np.array([4]), unit([1, 1, 0]))
    assert library.ids(text="+red +green", k=1) == [4]
    assert library.ids(text="9:red +green", k=1) == [1]
    assert library.ids(text="+red 9:green", k=1) == [2]


def test_what_to_look_away_from_is_pushed_back_but_not_gone(library: Library) -> None:
    reds = range(4, 14)
    library.catalog.items |= {id: picture(id) for id in (*reds, 20)}
    library.images.add(np.array(reds), unit(*([1, 0, 0.3 + id / 50] for id in reds)))
    library.images.add(np.array([20]), unit([1, 0.45, 0]))
    plain, found = library.ids(text="red"), library.ids(text="red -green")
    assert plain.index(20) < plain.index(13)
    assert found.index(20) > found.index(13)
    assert sorted(found) == [1, 2, 3, *reds, 20]


def test_score_stays_the_cosine_to_what_is_to_be_found(library: Library) -> None:
    plain = {hit.item.id: hit.score for hit in library.answer(text="red").hits}
    pushed = {hit.item.id: hit.score for hit in library.answer(text="red -green").hits}
    assert pushed == pytest.approx(plain)


def test_ranks_can_be_fused_instead_of_vectors(library: Library) -> None:
    """Second for both beats first for one and last for the other."""
    blues = range(5, 40)
    library.catalog.items |= {id: picture(id) for id in (4, *blues)}
    library.images.add(np.array([4]), unit([0.5, 0.5, 1]))
    library.images.add(np.array(blues), unit(*([0.1, 0.1, 1 + id / 9] for id in blues)))
    assert library.ids(text="+red +green", fusion=Fusion.RANKS, k=1) == [4]
    assert library.ids(text="+red 99:green", fusion=Fusion.RANKS, k=1) == [2]


def test_filters_hold_for_every_result_and_cost_none(library: Library) -> None:
    library.catalog.told = {2: Facts(camera="Nikon"), 3: Facts(camera="Canon")}
    assert library.ids(text="red camera:nikon,canon") == [2, 3]
    assert library.ids(text="red -camera:nikon") == [1, 3]
    assert library.ids(text="red camera:leica") == []


def test_filters_alone_list_what_passes_newest_first(library: Library) -> None:
    library.catalog.told = {
        1: Facts(taken_at=datetime(2019, 5, 1)),
        3: Facts(taken_at=datetime(2020, 5, 1)),
    }
    assert library.ids(text="kind:picture") == [3, 1, 2]
    assert library.ids(text="kind:picture", sort=Sort.OLDEST) == [1, 3, 2]
    assert library.ids(text="taken:2019") == [1]


def test_results_can_come_in_order_of_time(library: Library) -> None:
    library.catalog.told = {
        1: Facts(taken_at=datetime(2019, 5, 1)),
        3: Facts(taken_at=datetime(2020, 5, 1)),
    }
    assert library.ids(text="red", sort=Sort.NEWEST) == [3, 1, 2]
    assert library.ids(text="red", sort=Sort.OLDEST) == [1, 3, 2]


def test_target_narrows_to_pictures_or_to_moments(films: Library) -> None:
    assert films.ids(text="red", target=Target.PICTURE)[0] == 1
    assert set(films.ids(text="red", target=Target.MOMENT)) == {21, 22, 31}


def test_one_ranking_over_all_is_not_decided_by_the_modality_gap(library: Library) -> None:
    """All captions are nearer to the text than any picture is, but one picture stands out."""

    def at(cosines: list[float]) -> Vectors:
        return unit(*([one, np.sqrt(1 - one**2), 0] for one in cosines))

    generator = np.random.default_rng(5)
    pictures, captions = range(100, 140), range(200, 240)
    library.catalog.items |= {id: picture(id) for id in pictures}
    library.catalog.items |= {id: caption(id, "x") for id in captions}
    library.images = FakeIndex(pictures, at([*generator.uniform(0.0, 0.1, 39), 0.4]))
    library.captions = FakeIndex(captions, at([*generator.uniform(0.7, 0.8, 40)]))
    library.searcher = Searcher(
        library.catalog,
        {Modality.IMAGE: library.images, Modality.TEXT: library.captions},
        library.embedder,
    )
    best = {
        target: library.answer(text="red", target=target, k=1).hits[0]
        for target in (Target.IMAGE, Target.TEXT, Target.ALL)
    }
    assert best[Target.IMAGE].score < best[Target.TEXT].score
    assert best[Target.ALL].item.id == 139


def test_one_ranking_over_all_keeps_the_order_of_each(library: Library) -> None:
    library.catalog.items[3] = picture(3, "holidays/red-square.jpg")
    library.captions.add(np.array([12]), unit([0.2, 1, 0]))
    for asked in ({"text": "red", "words": True}, {"text": "red -green"}, {"text": "blue -green"}):
        pictures = library.ids(**asked, k=3)
        both = library.ids(**asked, k=9, target=Target.ALL)
        assert [id for id in both if id in pictures] == pictures
    assert library.ids(text="red", words=True) != library.ids(text="red")


def test_few_films_are_compared_as_the_pictures_that_they_are_pooled_from(
    library: Library,
) -> None:
    library.catalog.items[20] = film(20, "film.mp4")
    searcher = Searcher(
        library.catalog,
        {
            Modality.IMAGE: library.images,
            Modality.TEXT: library.captions,
            Modality.VIDEO: FakeIndex([20], unit([1, 0, 0.05])),
        },
        library.embedder,
    )
    answer = searcher.search(parse_query(text="red", target=Target.ALL, words=False))
    found = [hit.item.id for hit in answer.hits if hit.item.modality is not Modality.TEXT]
    assert found == [20, 1, 2, 3]


def test_words_find_what_does_not_look_like_it(library: Library) -> None:
    library.catalog.items[3] = picture(3, "holidays/red-square.jpg")
    assert library.ids(text="red", words=False)[:2] == [1, 2]
    answer = library.answer(text="red", words=True)
    assert {hit.item.id for hit in answer.hits[:2]} == {1, 3}
    reasons = {hit.item.id: hit.reasons for hit in answer.hits}
    assert [(one.part, one.literal) for one in reasons[3]] == [
        (Part.NAME, True),
        (Part.PICTURE, False),
    ]
    assert [(one.part, one.literal, one.item) for one in reasons[1]] == [
        (Part.CAPTION, True, 11),
        (Part.PICTURE, False, None),
    ]
    assert [one.part for one in reasons[2]] == [Part.PICTURE]


def test_captions_that_mean_the_same_find_their_pictures(library: Library) -> None:
    others = range(30, 60)
    library.catalog.items |= {id: caption(id, "x", about=2) for id in others}
    library.catalog.items[60] = caption(60, "crimson", about=3)
    library.captions.add(np.array(others), unit(*([0, 1, id / 60] for id in others)))
    library.captions.add(np.array([60]), unit([1, 0, 0]))
    assert library.ids(text="red", words=False) == [1, 2, 3]
    answer = library.answer(text="red", words=True)
    assert [hit.item.id for hit in answer.hits] == [1, 3, 2]
    (said, looked) = answer.hits[1].reasons
    assert (said.part, said.literal, said.text, said.item) == (Part.CAPTION, False, "crimson", 60)
    assert looked.part is Part.PICTURE


def test_words_do_not_count_beside_a_picture(library: Library) -> None:
    """They are only a part of what is asked for, and would bring up what fits that part alone."""
    library.catalog.items[3] = picture(3, "red-square.jpg")
    assert library.ids(text="red", words=True).index(3) < 2
    assert library.ids(text="red", like=2, words=True) == library.ids(text="red", like=2)


def test_few_captions_do_not_come_up_whatever_is_asked(library: Library) -> None:
    assert library.ids(text="green", words=True)[0] == 2
    assert library.ids(text="blue", words=True)[0] == 3


def test_words_cannot_bring_in_what_filters_keep_out(library: Library) -> None:
    library.catalog.told = {2: Facts(camera="Nikon")}
    assert library.ids(text="red camera:nikon", words=True) == [2]


def test_quoted_words_must_stand_somewhere(library: Library) -> None:
    library.embedder.texts = TEXTS | {"red one": (1, 0, 0), "red red one": (1, 0, 0)}
    assert library.ids(text='"red one"') == [1]
    assert library.ids(text='red "red one"') == [1]
    assert library.ids(text='red -"red one"') == [2, 3]


def test_pages_neither_repeat_nor_leave_out_while_the_index_grows(library: Library) -> None:
    generator = np.random.default_rng(1)
    library.catalog.items |= {id: picture(id) for id in range(100, 160)}
    library.images.add(np.arange(100, 160), unit(*generator.normal(size=(60, 3))))
    before = set(library.ids(text="red", k=200))
    seen: list[int] = []
    cursor = None
    for page in range(40):
        answer = library.answer(text="red", k=7, cursor=cursor)
        seen += [hit.item.id for hit in answer.hits]
        if page < 5:
            new = np.array([1_000 + page])
            library.catalog.items[int(new[0])] = picture(int(new[0]))
            library.images.add(new, unit([1, 0, 0.01 * page]))
        if (cursor := answer.next) is None:
            break
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


def test_last_page_has_no_next(library: Library) -> None:
    assert library.answer(text="red", k=4).next is None
    first = library.answer(text="red", k=2)
    last = library.answer(text="red", k=2, cursor=first.next)
    assert ([hit.item.id for hit in last.hits], last.next) == ([3], None)


def test_more_and_less_move_the_search(library: Library) -> None:
    library.catalog.items |= {id: picture(id) for id in (4, 5, 6, 7)}
    rows = unit([1, 0.6, 0], [1, 0, 0.6], [1, 0.7, 0], [1, 0, 0.69])
    library.images.add(np.array([4, 5, 6, 7]), rows)
    plain = library.ids(text="red")
    assert plain.index(6) - plain.index(7) == 1
    found = library.ids(text="red", more=(4,), less=(5,))
    assert found.index(6) < found.index(7)
    found = library.ids(text="red", more=(5,), less=(4,))
    assert found.index(7) < found.index(6)
    assert library.ids(more=(4,), k=1) == [6]


def test_judged_items_do_not_come_again(library: Library) -> None:
    assert library.ids(text="red", more=(1,), less=(2,)) == [3]


def test_diverse_results_begin_with_the_best_and_then_differ(library: Library) -> None:
    library.catalog.items[4] = picture(4)
    library.images.add(np.array([4]), unit([1, 0, 0.15]))
    assert library.ids(text="red", k=2) == [1, 4]
    assert library.ids(text="red", k=2, diversity=0.8)[1] in (2, 3)
    assert library.ids(text="red", k=2, diversity=0.8)[0] == 1


def test_collapsed_films_come_once_with_their_scenes(films: Library) -> None:
    answer = films.answer(text="blue", collapse=True, k=5)
    assert 21 not in {hit.item.id for hit in answer.hits}
    assert [hit.item.id for hit in answer.groups[22]] == [22, 21]
    assert [(one.start_ms, one.end_ms) for one in answer.scenes[22]] == [(1_000, 9_000)]


def test_collapsed_near_duplicates_are_not_on_a_later_page(library: Library) -> None:
    library.catalog.items |= {id: picture(id) for id in (4, 5)}
    library.images.add(np.array([4, 5]), unit([1, 0, 0.11], [0, 1, 0.01]))
    first = library.answer(text="red", k=1, collapse=True)
    assert [hit.item.id for hit in first.groups[1]] == [1, 4]
    rest = library.answer(text="red", k=9, collapse=True, cursor=first.next)
    assert [hit.item.id for hit in rest.hits] == [2, 3]


def test_region_of_an_item_is_looked_for_alone(library: Library) -> None:
    halves = Image.new("RGB", (10, 10), (255, 0, 0))
    halves.paste((0, 255, 0), (5, 0, 10, 10))
    searcher = Searcher(
        library.catalog,
        {Modality.IMAGE: library.images, Modality.TEXT: library.captions},
        library.embedder,
        look=lambda item: halves,
    )

    def best(query: str) -> int:
        return searcher.search(parse_query(text=query, words=False, k=1)).hits[0].item.id

    assert best("like:3@0.5,0,0.5,1") == 2
    assert best("like:3@0,0,0.5,1") == 1


def test_region_of_a_caption_is_refused(library: Library) -> None:
    with pytest.raises(BadQuery, match="no picture to take a region of"):
        library.ids(text="like:11@0,0,1,1")


def test_timeline_has_all_moments_of_the_film(films: Library) -> None:
    line = films.searcher.timeline(22, parse_query(text="blue"))
    assert [one.moment.id for one in line] == [21, 22]
    assert line[1].score == pytest.approx(1)
