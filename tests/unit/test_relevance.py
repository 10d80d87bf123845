import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.calibration import Calibration
from indexer.types import Hit, Modality, Part, Reason
from search_api.grammar import parse_query
from search_api.query import Sort, Target
from search_api.relevance import Verdict, judge
from search_api.searcher import Answer, Searcher
from tests.fakes import FakeCatalog, FakeEmbedder, FakeIndex, caption, picture, unit

STEEP = Calibration(cosine=20, words=2, offset=-12)


def hits(*scores: float, said: dict[int, str] | None = None) -> list[Hit]:
    return [
        Hit(
            picture(id),
            score,
            (Reason(Part.CAPTION, 1.0, (said or {})[id], 99, literal=True),)
            if id in (said or {})
            else (Reason(Part.PICTURE, score),),
        )
        for id, score in enumerate(scores)
    ]


def test_near_hits_make_a_strong_answer_and_far_ones_nothing() -> None:
    assert judge(hits(0.9, 0.85, 0.8), "a dog", STEEP, 100).verdict is Verdict.STRONG
    assert judge(hits(0.52, 0.52, 0.51), "a dog", STEEP, 100).verdict is Verdict.WEAK
    assert judge(hits(0.3, 0.2), "a dog", STEEP, 100).verdict is Verdict.NOTHING
    assert judge([], "a dog", STEEP, 100).verdict is Verdict.NOTHING


def test_longer_texts_need_a_lower_cosine() -> None:
    found = hits(0.45, 0.45)
    assert judge(found, "dog", STEEP, 100).verdict is Verdict.NOTHING
    assert judge(found, "brown dog runs across wet green grass", STEEP, 100).verdict is Verdict.WEAK


def test_words_that_tell_nothing_do_not_count() -> None:
    assert STEEP.probability(0.5, "dog", 9) == STEEP.probability(0.5, "the dog on a", 9)


def test_best_of_many_must_lie_nearer_than_the_best_of_few() -> None:
    grown = Calibration(cosine=20, words=0, offset=0, size=-2, sizes=(10, 1_000))
    found = [grown.probability(0.5, "dog", size) for size in (1, 10, 100, 1_000, 10**6)]
    assert found[0] == found[1] > found[2] > found[3] == found[4]
    assert found[1] == pytest.approx(1 / (1 + np.exp(-(10 - 2 * np.log(10)))))


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30), st.text(max_size=40))
def test_probability_is_a_share_and_never_rises_as_the_score_falls(
    scores: list[float], text: str
) -> None:
    found = [hit.probability for hit in judge(hits(*sorted(scores)), text, STEEP, 100).hits]
    assert found == sorted(found)
    assert 0 <= found[0] <= found[-1] <= 1


def test_likely_hits_are_the_first_of_which_most_fit() -> None:
    assert judge(hits(0.9, 0.8, 0.7, 0.1, 0.1), "dog", STEEP, 100).likely == 3
    assert judge(hits(0.9, 0.1, 0.8, 0.7, 0.1), "dog", STEEP, 100).likely == 4
    assert judge(hits(0.1, 0.1), "dog", STEEP, 100).likely == 0


def test_words_about_a_hit_are_evidence() -> None:
    found = hits(0.1, 0.1, said={0: "A brown dog at the lake"})
    judged = judge(found, "brown dog", STEEP, 100)
    assert (judged.verdict, judged.likely) == (Verdict.STRONG, 1)
    assert judge(found, "brown cat", STEEP, 100).verdict is Verdict.NOTHING


def test_without_a_calibration_nothing_is_said() -> None:
    judged = judge(hits(0.9), "dog", None, 100)
    assert (judged.verdict, judged.likely, judged.hits[0].probability) == (None, None, None)


@pytest.fixture
def answer():
    """Answers queries over a red and a green picture, with a model that was measured."""
    embedder = FakeEmbedder({"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)})
    indexes = {
        Modality.IMAGE: FakeIndex([1, 2], unit([1, 0, 0.1], [0, 1, 0])),
        Modality.TEXT: FakeIndex([3], unit([1, 0, 0])),
    }
    catalog = FakeCatalog([picture(1), picture(2), caption(3, "x", about=1)])
    made = Searcher(catalog, indexes, embedder, calibration=lambda: STEEP)

    def ask(**query: object) -> Answer:
        return made.search(parse_query(**query))

    return ask


def test_answers_to_a_text_bear_a_verdict(answer) -> None:
    assert answer(text="blue").verdict is Verdict.NOTHING
    found = answer(text="red")
    assert (found.verdict, found.likely) == (Verdict.WEAK, 1)
    assert [round(hit.probability or 0, 3) for hit in found.hits] == [
        round(STEEP.probability(hit.score, "red", 2), 3) for hit in found.hits
    ]


def test_later_pages_bear_no_verdict(answer) -> None:
    first = answer(text="red", k=1)
    second = answer(text="red", k=1, cursor=first.next)
    assert (first.verdict, second.verdict) == (Verdict.STRONG, None)
    assert second.hits[0].probability is not None


@pytest.mark.parametrize(
    "query",
    [
        {"like": 1},
        {"text": "+red +green"},
        {"text": "red", "target": Target.TEXT},
        {"text": "red", "target": Target.ALL},
        {"text": "red", "more": (1,)},
        {"text": "red", "sort": Sort.NEWEST},
        {"text": "kind:picture"},
    ],
)
def test_what_was_not_measured_bears_none(answer, query: dict[str, object]) -> None:
    found = answer(**query)
    assert (found.verdict, found.likely) == (None, None)
    assert {hit.probability for hit in found.hits} <= {None}


def test_scores_that_are_no_python_floats_are_taken() -> None:
    assert judge(hits(float(np.float32(0.9))), "dog", STEEP, 100).likely == 1
