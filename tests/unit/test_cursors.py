import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import BadQuery
from search_api.grammar import parse_query
from search_api.pages import MAX_SEEN, cursor_of, seen_in
from search_api.query import MAX_ID, Target

DOG = parse_query(text="dog -cat taken:2019")


@given(st.frozensets(st.integers(0, MAX_ID), max_size=60))
def test_cursor_gives_back_what_was_seen(seen: frozenset[int]) -> None:
    cursor = cursor_of(DOG, seen)
    assert cursor is not None
    assert seen_in(cursor, DOG) == seen


def test_cursor_of_a_thousand_results_fits_an_address() -> None:
    cursor = cursor_of(DOG, range(0, 1_000_000, 1_000))
    assert cursor is not None
    assert len(cursor) < 2_800


def test_cursor_ends_where_it_would_hold_too_much() -> None:
    assert cursor_of(DOG, range(MAX_SEEN)) is not None
    assert cursor_of(DOG, range(MAX_SEEN + 1)) is None


def test_cursor_goes_with_any_number_of_results() -> None:
    cursor = cursor_of(DOG, {3})
    assert cursor is not None
    again = parse_query(text="dog -cat taken:2019", k=7, cursor=cursor)
    assert (again.seen, again.k) == ({3}, 7)


@pytest.mark.parametrize(
    "other", [{"text": "dogs -cat taken:2019"}, {"text": "dog -cat"}, {"target": Target.TEXT}]
)
def test_cursor_of_another_query_is_refused(other: dict[str, object]) -> None:
    cursor = cursor_of(DOG, {3})
    with pytest.raises(BadQuery, match="belongs to another query"):
        parse_query(**{"text": "dog -cat taken:2019", "cursor": cursor, **other})


@given(st.text(max_size=30))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadQuery, match="cursor"):
        seen_in(text, DOG)


def test_cut_off_cursor_is_refused() -> None:
    cursor = cursor_of(DOG, {300})
    assert cursor is not None
    data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    cut = base64.urlsafe_b64encode(data[:-1]).decode().rstrip("=")
    with pytest.raises(BadQuery, match="no cursor"):
        seen_in(cut, DOG)
