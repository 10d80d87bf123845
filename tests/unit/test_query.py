import pytest
from PIL import Image

from indexer.errors import BadQuery
from search_api.grammar import parse_query
from search_api.query import MAX_K, MAX_TEXT, Like, Picture, Query, Target, Term, Text, clean


def test_all_given_terms_are_asked_together() -> None:
    image = Image.new("RGB", (2, 2))
    query = parse_query(text="dog", image=image, like=7, k=3, target=Target.TEXT)
    terms = (Term(Text("dog")), Term(Picture(image)), Term(Like(7)))
    assert query == Query(terms, k=3, target=Target.TEXT)


def test_blank_text_beside_another_term_counts_as_not_given() -> None:
    assert parse_query(text=" \t", like=7).terms == (Term(Like(7)),)


@pytest.mark.parametrize("text", [None, "", "  ", "\n\u00a0\u2003"])
def test_query_without_any_term_is_refused(text: str | None) -> None:
    with pytest.raises(BadQuery, match="is empty: give"):
        parse_query(text=text)


@pytest.mark.parametrize("k", [0, -1, MAX_K + 1, 10**30])
def test_k_outside_its_bounds_is_refused_with_the_bounds(k: int) -> None:
    with pytest.raises(BadQuery, match=rf"k is {k}: ask for 1 to {MAX_K}"):
        parse_query(text="dog", k=k)


@pytest.mark.parametrize("id", [-1, 2**63])
def test_id_that_no_database_can_hold_is_refused(id: int) -> None:
    with pytest.raises(BadQuery, match="no item id"):
        parse_query(like=id)


def test_text_is_accepted_up_to_its_limit_and_refused_beyond() -> None:
    assert parse_query(text="ñ" * MAX_TEXT).terms == (Term(Text("ñ" * MAX_TEXT)),)
    with pytest.raises(BadQuery, match="1,001 characters"):
        parse_query(text="ñ" * (MAX_TEXT + 1))


def test_white_space_does_not_make_another_query() -> None:
    assert clean("  a\n dog \t runs ") == "a dog runs"


def test_bytes_that_were_no_text_become_question_marks() -> None:
    assert clean(b"caf\xe9".decode("utf-8", "surrogateescape")) == "caf?"


def test_emoji_and_other_scripts_pass_unchanged() -> None:
    assert clean("🐕‍🦺 собака 犬") == "🐕‍🦺 собака 犬"
