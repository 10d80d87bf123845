"""Where a picture was taken: degrees as EXIF, XMP and films write them, or none."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.media.places import Place, degrees, of_iso6709, of_xmp, place

latitudes = st.floats(-90, 90, allow_nan=False).map(lambda value: round(value, 4))
longitudes = st.floats(-180, 180, allow_nan=False).map(lambda value: round(value, 4))
anything = st.floats(allow_nan=True, allow_infinity=True)


@given(st.text(), st.text())
def test_any_text_is_a_place_on_earth_or_none(one: str, other: str) -> None:
    for found in (of_iso6709(one), of_xmp(one, other)):
        assert found is None or (abs(found.latitude) <= 90 and abs(found.longitude) <= 180)


@given(st.from_regex(r"[+-][0-9]{1,8}(\.[0-9]{0,4})?[+-][0-9]{1,8}(\.[0-9]{0,4})?/?"))
def test_any_signed_digits_are_a_place_on_earth_or_none(text: str) -> None:
    found = of_iso6709(text)
    assert found is None or (abs(found.latitude) <= 90 and abs(found.longitude) <= 180)


@given(latitudes, longitudes)
def test_iso_6709_comes_back_as_it_was_written(latitude: float, longitude: float) -> None:
    found = of_iso6709(f"{latitude:+08.4f}{longitude:+09.4f}+012.3/")
    if latitude == 0 and longitude == 0:
        assert found is None
    else:
        assert found == pytest.approx((latitude, longitude))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+32.0929+034.8620+028.516/", (32.0929, 34.862)),
        ("+51.4169-000.0806/", (51.4169, -0.0806)),
        ("-3352.08+15112.55/", (-33 - 52.08 / 60, 151 + 12.55 / 60)),
        ("+404500.5-0735908/", (40.750139, -73.985556)),
        ("+27.5916+086.5640+8850CRSWGS_84/", (27.5916, 86.564)),
    ],
)
def test_films_places_are_read(text: str, expected: tuple[float, float]) -> None:
    assert of_iso6709(text) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["", "+00.0000+000.0000/", "+91.0000+000.0000/", "+10.0000+181.0000/", "51.4,-0.08"]
)
def test_what_is_no_place_in_a_film_is_none(text: str) -> None:
    assert of_iso6709(text) is None


@given(st.lists(anything, max_size=4), st.text(max_size=3), st.lists(anything, max_size=4))
def test_any_numbers_are_a_place_on_earth_or_none(
    north: list[float], direction: str, east: list[float]
) -> None:
    found = place(degrees(north, direction), degrees(east, "W"))
    assert found is None or (abs(found.latitude) <= 90 and abs(found.longitude) <= 180)


@given(st.integers(0, 179), st.integers(0, 59), st.floats(0, 59.99), st.sampled_from("NESW"))
def test_degrees_minutes_and_seconds_come_back(
    whole: int, minutes: int, seconds: float, direction: str
) -> None:
    found = degrees([whole, minutes, seconds], direction)
    assert found is not None
    assert abs(found) == pytest.approx(whole + minutes / 60 + seconds / 3600)
    assert found == 0 or (found < 0) == (direction in "SW")


def test_missing_seconds_do_no_harm_and_missing_degrees_do() -> None:
    assert degrees([43.0, 28.0, math.nan], "N\0") == pytest.approx(43 + 28 / 60)
    assert degrees([43.5], " s") == -43.5
    assert degrees([math.nan, 28.0, 1.0], "N") is None
    assert degrees([], "N") is None


def test_a_place_without_a_direction_is_none() -> None:
    assert degrees([43.0, 28.0, 2.0], "") is None


@pytest.mark.parametrize(
    "parts", [[-43.0, 1.0, 1.0], [43.0, 61.0, 0.0], [43.0, 1.0, -1.0], [181.0], [43.0, math.inf]]
)
def test_impossible_parts_are_no_degrees(parts: list[float]) -> None:
    assert degrees(parts, "E") is None


def test_the_point_zero_is_what_devices_write_that_have_no_place() -> None:
    assert place(0.0, 0.0) is None
    assert place(0.0, 9.5) == Place(0.0, 9.5)
    assert place(90.1, 9.5) is None
    assert place(None, 9.5) is None


def test_xmp_places_are_read() -> None:
    assert of_xmp("49,17.5N", "8,30,30W") == pytest.approx((49 + 17.5 / 60, -(8 + 30.5 / 60)))
    assert of_xmp("49.5", "8.5") is None
    assert of_xmp("95,17.5N", "8,30E") is None
