from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import BadQuery
from indexer.filters import (
    AnyOf,
    Between,
    Camera,
    Condition,
    Filter,
    Has,
    InFolder,
    Is,
    Known,
    Measure,
    Named,
    Near,
    Oriented,
    Says,
    Shown,
    Tagged,
    Taken,
    Within,
)
from search_api.conditions import FIELDS
from search_api.grammar import Asked, read
from search_api.query import Like, Region, Term, Text


def texts(query: str) -> list[tuple[str, float]]:
    return [(one.what.text, one.weight) for one in read(query).terms if isinstance(one.what, Text)]


def condition(query: str) -> Condition:
    asked = read(query)
    assert not asked.terms
    (only,) = asked.filters
    assert not only.excluded
    return only.condition


def refused(query: str) -> tuple[int | None, str]:
    with pytest.raises(BadQuery) as caught:
        read(query)
    return caught.value.position, str(caught.value)


def test_plain_words_are_one_text() -> None:
    assert texts("a dog  running on the beach") == [("a dog running on the beach", 1)]


def test_signs_weights_and_quotes_make_terms_and_filters() -> None:
    asked = read('beach -people 2:sunset "golden hour"')
    assert asked.terms == (
        Term(Text("beach golden hour")),
        Term(Text("people"), -1),
        Term(Text("sunset"), 2),
    )
    assert asked.filters == (Filter(Says("golden hour")),)


def test_plain_words_stay_one_text_wherever_they_stand() -> None:
    assert texts("a dog kind:film on -leash the beach") == [
        ("a dog on the beach", 1),
        ("leash", -1),
    ]


def test_parentheses_hold_words_together_and_take_them_as_they_are() -> None:
    assert texts("-(people in the street) 0.5:(a (small) car) (foo:bar)") == [
        ("people in the street", -1),
        ("a (small) car", 0.5),
        ("foo:bar", 1),
    ]


@pytest.mark.parametrize(
    "words", ["t-shirt", "10:30", "a - b", "title: a dog", ":)", "rock 'n' roll", '5" nail', "--x"]
)
def test_signs_within_words_are_words(words: str) -> None:
    assert texts(words) == [(words, 1)]


def test_weight_needs_something_other_than_a_digit_behind_it() -> None:
    assert texts("2:1 .5:x +y -3:z") == [("2:1", 1), ("x", 0.5), ("y", 1), ("z", -3)]


def test_quoted_words_to_leave_out_are_not_looked_for() -> None:
    assert read('-"golden hour"') == Asked((), (Filter(Says("golden hour"), excluded=True),))


def test_items_and_their_regions_are_terms() -> None:
    assert read("like:17 -like:3 2:like:5@0.1,0.2,0.5,0.25").terms == (
        Term(Like(17)),
        Term(Like(3), -1),
        Term(Like(5, Region(0.1, 0.2, 0.5, 0.25)), 2),
    )


def test_blank_query_asks_for_nothing() -> None:
    assert read(" \t\u3000") == Asked((), ())


DAY = datetime(2019, 7, 4)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("kind:film", Is(Shown.FILM)),
        ("KIND:Film,moment", AnyOf((Is(Shown.FILM), Is(Shown.MOMENT)))),
        ("folder:holidays/2019/", InFolder("holidays/2019")),
        ('folder:"New York"', InFolder("New York")),
        ("path:*.png", Named("*.png")),
        ("taken:2019", Taken(datetime(2019, 1, 1), datetime(2020, 1, 1))),
        ("taken:2019-07", Taken(datetime(2019, 7, 1), datetime(2019, 8, 1))),
        ("taken:2019-12", Taken(datetime(2019, 12, 1), datetime(2020, 1, 1))),
        ("taken:2019-7-4", Taken(DAY, datetime(2019, 7, 5))),
        ("taken:2018..2019-06", Taken(datetime(2018, 1, 1), datetime(2019, 7, 1))),
        ("taken:2019-07-04..", Taken(DAY, None)),
        ("taken:..2019", Taken(None, datetime(2020, 1, 1))),
        ("taken:>2019", Taken(datetime(2020, 1, 1), None)),
        ("taken:>=2019", Taken(datetime(2019, 1, 1), None)),
        ("taken:<2019", Taken(None, datetime(2019, 1, 1))),
        ("taken:<=2019", Taken(None, datetime(2020, 1, 1))),
        ("taken:9999-12", Taken(datetime(9999, 12, 1), None)),
        (
            'camera:"Canon EOS 80D",nikon',
            AnyOf((Camera("Canon EOS 80D"), Camera("nikon"))),
        ),
        ("near:41.4,-2.17,5km", Near(41.4, -2.17, 5)),
        ("near:41.4,2,500m", Near(41.4, 2, 0.5)),
        ("near:41.4,2", Near(41.4, 2, 1)),
        ("box:-10,170,10,-170", Within(-10, 170, 10, -170)),
        ("orientation:Portrait", Oriented("portrait")),
        ("width:1920", Between(Measure.WIDTH, 1920, 1920)),
        ("height:>=1080", Between(Measure.HEIGHT, 1080, None)),
        ("size:>12mp", Between(Measure.PIXELS, 12_000_001, None)),
        ("size:..5MB", Between(Measure.BYTES, None, 5_000_000)),
        ("duration:1m..90s", Between(Measure.DURATION_MS, 60_000, 90_000)),
        ("duration:<1h", Between(Measure.DURATION_MS, None, 3_599_999)),
        ("has:gps", Has(Known.GPS)),
        ('tag:"Old  House"', Tagged("old house")),
        ("is:favorite", Tagged("favourite")),
        ('says:"golden hour"', Says("golden hour")),
    ],
)
def test_fields_are_filters(query: str, expected: Condition) -> None:
    assert condition(query) == expected


def test_filters_can_be_turned_round() -> None:
    assert read("-tag:work dog").filters == (Filter(Tagged("work"), excluded=True),)


@pytest.mark.parametrize(
    ("query", "position", "told"),
    [
        ("dog foo:bar", 4, 'no field "foo"'),
        ('dog "golden hour', 4, "no second one"),
        ("dog (a (b) c", 4, "is not closed"),
        ("dog taken:2019-13", 10, "is no date"),
        ("taken:2020..2019", 6, "ends before it begins"),
        ("size:3mp..5MB", 5, "in one unit"),
        ("size:big", 5, "is no measure"),
        ("kind:cat", 5, "picture, moment, film, caption"),
        ("near:91,0", 5, "degrees north and east"),
        ("near:nan,0", 5, "are no degrees"),
        ("box:1,2,3", 4, "south, west, north, east"),
        ("tag:", None, ""),
        ("tag:a,,b", 4, "empty value"),
        ("like:dog", 5, "like:17"),
        ("like:1@0.1.2,0,1,1", 5, "left, top, width and height"),
        ("2:kind:film", 0, "takes no weight"),
        ('x -2:"a b"', 2, "take no weight"),
    ],
)
def test_errors_point_at_the_character(query: str, position: int | None, told: str) -> None:
    if position is None:
        assert texts(query) == [(query, 1)]
        return
    at, message = refused(query)
    assert (at, told in message) == (position, True), message
    assert f"character {position + 1} " in message


@given(st.text(alphabet=st.sampled_from('ab-+2:"() .,@>like tagnr\u3000é'), max_size=30))
def test_whatever_is_typed_is_read_or_refused_at_a_character(query: str) -> None:
    try:
        read(query)
    except BadQuery as error:
        position = error.position
    else:
        position = 0
    assert position is not None
    assert 0 <= position <= len(query)


@given(st.text(max_size=40))
def test_words_in_parentheses_are_taken_as_they_are(words: str) -> None:
    words = " ".join(words.encode("utf-8", "replace").decode().split())
    if words.count("(") or words.count(")"):
        return
    assert texts(f"({words})") == ([(words, 1)] if words else [])


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_every_field_refuses_an_empty_value(field: str) -> None:
    assert "empty value" in refused(f'{field}:""')[1]
