from itertools import pairwise

import numpy as np
import pytest

from indexer.types import Item, Span
from search_api.scenes import scenes, smoothed, timeline
from tests.fakes import moment


def film(*lengths_s: int) -> list[Item]:
    """Moments of these lengths, one after the other, with ids from 1."""
    moments, start = [], 0
    for id, length in enumerate(lengths_s, start=1):
        end = start + 1_000 * length
        moments.append(moment(id, "a.mp4", start, end, (start + end) // 2))
        start = end
    return moments


def line(moments: list[Item], *scores: float) -> list[tuple[int, float]]:
    return [(one.moment.id, one.smooth) for one in timeline(moments, np.array(scores))]


def test_lone_moment_keeps_its_score() -> None:
    assert line(film(5), 0.3) == [(1, pytest.approx(0.3))]


def test_equal_scores_stay_as_they_are() -> None:
    assert line(film(1, 9, 2), 0.2, 0.2, 0.2) == [(id, pytest.approx(0.2)) for id in (1, 2, 3)]


def test_flash_counts_less_than_what_stays() -> None:
    moments = film(3, 3, 3, 3, 3, 3, 3)
    smooth = dict(line(moments, 0.1, 0.5, 0.1, 0.1, 0.4, 0.4, 0.4))
    assert smooth[2] < smooth[6]


def test_smoothing_never_leaves_the_range_of_the_scores() -> None:
    generator = np.random.default_rng(3)
    for _ in range(20):
        lengths = generator.integers(1, 200, 12)
        scores = generator.normal(size=12)
        spans = [one.span for one in film(*lengths.tolist()) if one.span is not None]
        smooth = smoothed(spans, scores)
        assert scores.min() - 1e-9 <= smooth.min()
        assert smooth.max() <= scores.max() + 1e-9


def test_far_neighbours_do_not_count() -> None:
    moments = [moment(1, "a.mp4", 0, 1_000, 1), moment(2, "a.mp4", 60_000, 61_000, 60_000)]
    assert line(moments, 0.5, -0.5) == [(1, pytest.approx(0.5)), (2, pytest.approx(-0.5))]


def test_moments_come_in_order_of_time_and_without_a_score_not_at_all() -> None:
    moments = film(2, 2, 2)
    found = timeline(moments[::-1], np.array([0.1, np.nan, 0.3]))
    assert [one.moment.id for one in found] == [1, 3]


def test_scene_spans_all_neighbours_that_fit() -> None:
    moments = film(2, 2, 2, 2, 2, 2)
    found = scenes(timeline(moments, np.array([0.0, 0.5, 0.6, 0.5, 0.0, 0.0])))
    assert (found[0].start_ms, found[0].end_ms) == (2_000, 8_000)
    assert (found[0].moment, found[0].best_ms) == (3, 5_000)


def test_scenes_come_best_first_and_never_touch() -> None:
    moments = film(*[4] * 10)
    scores = np.array([0, 0.4, 0, 0, 0, 0.9, 0.8, 0, 0, 0.5])
    found = scenes(timeline(moments, scores))
    assert found[0].moment in (6, 7)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    spans = sorted((one.start_ms, one.end_ms) for one in found)
    assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_film_that_is_alike_all_over_is_one_scene() -> None:
    found = scenes(timeline(film(2, 3, 4), np.array([0.2, 0.2, 0.2])))
    assert [(one.start_ms, one.end_ms) for one in found] == [(0, 9_000)]


def test_nothing_scored_has_no_scene() -> None:
    assert scenes(timeline([], np.array([]))) == []


def test_span_of_no_length_is_no_fault() -> None:
    spans = [Span(0, 0, 0), Span(0, 0, 0)]
    assert np.isfinite(smoothed(spans, np.array([0.1, 0.4]))).all()
