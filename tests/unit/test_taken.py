"""When a picture was taken: what files and names write, read with the doubt it leaves."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.media.taken import Moment, in_name, local, of_iptc, parsed, utc_offset

HALF_A_DAY = 43_200
FARTHEST = 26 * 3600

moments = st.datetimes(datetime(1900, 1, 2), datetime(2025, 12, 31)).filter(
    lambda at: (
        at.date() not in {datetime(1904, 1, 1).date(), datetime(1970, 1, 1).date()}
        and at.date() != datetime(1969, 12, 31).date()
        and (at.month, at.day, at.hour, at.minute, at.second) != (1, 1, 0, 0, 0)
    )
)
offsets = st.integers(-12 * 4, 14 * 4).map(lambda quarters: quarters * 15)


def spelled(offset: int) -> str:
    return f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"


@given(st.text())
def test_any_text_is_a_time_or_none(text: str) -> None:
    for found in (parsed(text, part=text, offset=text), of_iptc(text, text), in_name(text)):
        assert found is None or found.within_s > 0


@given(st.from_regex(r"[0-9: T.Z+-]{4,40}"))
def test_any_digits_are_a_time_or_none(text: str) -> None:
    for found in (parsed(text), in_name(text)):
        assert found is None or found.at.year >= 1826


@given(moments)
def test_exif_times_come_back_as_they_were_written(at: datetime) -> None:
    found = parsed(f"{at:%Y:%m:%d %H:%M:%S}\0", part=f"{at:%f}")
    assert found == Moment(at, 1)


@given(moments, offsets)
def test_iso_times_come_back_with_their_offset(at: datetime, offset: int) -> None:
    assert parsed(at.isoformat() + spelled(offset)) == Moment(at, 1, offset)
    whole = at.replace(microsecond=0)
    stated = parsed(f"{whole:%Y:%m:%d %H:%M:%S}", offset=spelled(offset))
    assert stated == Moment(whole, 1, offset)
    assert stated.utc == whole - timedelta(minutes=offset)


@given(moments, st.sampled_from(["%Y-%m-%d", "%Y:%m:%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"]))
def test_a_day_alone_is_its_noon_within_half_a_day(at: datetime, form: str) -> None:
    assert parsed(at.strftime(form)) == Moment(datetime(at.year, at.month, at.day, 12), HALF_A_DAY)


@given(moments, st.sampled_from(["%Y:%m:%d %H:%M", "%Y:%m", "%Y", "%Y:%m:00 00:00:00"]))
def test_the_true_time_lies_within_what_a_shorter_one_leaves_open(at: datetime, form: str) -> None:
    found = parsed(at.strftime(form))
    assert found is not None
    assert abs((found.at - at).total_seconds()) <= found.within_s
    assert found.within_s <= 366 * 86_400 // 2


@pytest.mark.parametrize(
    ("text", "at", "within_s"),
    [
        ("2019-07-04T12:34:56Z", datetime(2019, 7, 4, 12, 34, 56), 1),
        ("2019/07/04 12.34.56", datetime(2019, 7, 4, 12, 34, 56), 1),
        ("2019:07:04 01:34:56 PM", datetime(2019, 7, 4, 13, 34, 56), 1),
        ("2019:07:04 12:00:05 am", datetime(2019, 7, 4, 0, 0, 5), 1),
        ("20190704123456", datetime(2019, 7, 4, 12, 34, 56), 1),
        ("2019-07-04T12:34-05:00", datetime(2019, 7, 4, 12, 34, 30), 30),
        ("2019:7:4 9:05:06", datetime(2019, 7, 4, 9, 5, 6), 1),
        ("2019:07:04 24:00:00", datetime(2019, 7, 4, 12), HALF_A_DAY),
        ("2019:07:04 12:61:00", datetime(2019, 7, 4, 12), HALF_A_DAY),
        ("2019:07:04   :  :  ", datetime(2019, 7, 4, 12), HALF_A_DAY),
        ("2017:08:21 15:08:70", datetime(2017, 8, 21, 12), HALF_A_DAY),
        ("1998:01:01 00:00:00", datetime(1998, 7, 2, 12), 365 * HALF_A_DAY),
        ("2019:00:00 00:00:00", datetime(2019, 7, 2, 12), 365 * HALF_A_DAY),
        ("2020:02", datetime(2020, 2, 15, 12), 29 * HALF_A_DAY),
    ],
)
def test_odd_times_are_read_with_their_doubt(text: str, at: datetime, within_s: int) -> None:
    found = parsed(text)
    assert found is not None
    assert (found.at, found.within_s) == (at, within_s)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2019:13:01 10:00:00",
        "2019:02:30 10:00:00",
        "1904-01-01T00:00:00.000000Z",
        "1970:01:01 01:00:00",
        "1969:12:31 19:00:00",
        "1980:01:01 00:00:00",
        "2000:01:01 00:00:00",
        "1234:01:01 00:00:00",
        "9999:12:31 23:59:59",
        "2019abc",
        "yesterday",
    ],
)
def test_what_no_picture_can_have_is_no_time(text: str) -> None:
    assert parsed(text) is None


def test_the_future_is_no_time_but_another_zones_tomorrow_is() -> None:
    now = datetime.now()
    assert parsed(f"{now + timedelta(days=3):%Y:%m:%d %H:%M:%S}") is None
    assert parsed(f"{now + timedelta(days=3):%Y:%m:%d}") is None
    assert in_name(f"IMG-{now + timedelta(days=3):%Y%m%d}-WA0001.jpg") is None
    assert parsed(f"{now + timedelta(hours=20):%Y:%m:%d %H:%M:%S}") is not None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("Z", 0), ("+02:00", 120), ("-0330", -210), ("+14:00", 840), ("+05", 300)],
)
def test_offsets_are_read(text: str, minutes: int) -> None:
    assert utc_offset(text) == minutes


@pytest.mark.parametrize("text", ["", "+15:00", "-12:30", "02:00", "   :  ", "+02:75"])
def test_what_is_no_offset_on_earth_is_none(text: str) -> None:
    assert utc_offset(text) is None


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("20190704", "123456+0200", Moment(datetime(2019, 7, 4, 12, 34, 56), 1, 120)),
        ("20190704", "", Moment(datetime(2019, 7, 4, 12), HALF_A_DAY)),
        ("20190700", "", Moment(datetime(2019, 7, 16, 12), 31 * HALF_A_DAY)),
        ("00000000", "000000", None),
    ],
)
def test_iptc_times_are_read(day: str, clock: str, expected: Moment | None) -> None:
    assert of_iptc(day, clock) == expected


@pytest.mark.parametrize(
    "name",
    [
        "IMG_20190704_123456.jpg",
        "IMG20190704123456.jpg",
        "20190704_123456_HDR.jpg",
        "20190704_123456(0).jpg",
        "MVIMG_20190704_123456.jpg",
        "2019-07-04 12.34.56.jpg",
        "2019-07-04 12.34.56-2.png",
        "Screenshot_2019-07-04-12-34-56.png",
        "Screenshot_20190704-123456_Maps.jpg",
        "Screenshot_2019-07-04-12-34-56-789_com.app.png",
        "signal-2019-07-04-123456.jpeg",
        "signal-2019-07-04-12-34-56-789.jpg",
        "VID_20190704_123456.mp4",
        "WP_20190704_12_34_56_Pro.jpg",
        "WhatsApp Image 2019-07-04 at 12.34.56.jpeg",
        "Screen Shot 2019-07-04 at 12.34.56 PM.png",
        "photo_2019-07-04_12-34-56 (2).jpg",
        "00000IMG_00000_BURST20190704123456789_COVER.jpg",
        "20190704123456.jpg",
    ],
)
def test_names_of_phones_and_programs_tell_the_second(name: str) -> None:
    assert in_name(name) == Moment(datetime(2019, 7, 4, 12, 34, 56), 1)


@pytest.mark.parametrize(
    "name",
    [
        "IMG-20190704-WA0001.jpg",
        "VID-20190704-WA0123.mp4",
        "2019-07-04.jpg",
        "Harbour 2019-07-04 evening.jpg",
        "20190704_0012.jpg",
        "2019.07.04-holiday.png",
        "IMG_20190704_993456.jpg",
    ],
)
def test_names_with_a_day_alone_tell_its_noon(name: str) -> None:
    assert in_name(name) == Moment(datetime(2019, 7, 4, 12), HALF_A_DAY)


@pytest.mark.parametrize(
    "name",
    [
        "IMG_1234.jpg",
        "DSC01234.JPG",
        "1000268201_693b08cb0e.jpg",
        "FB_IMG_1562243696123.jpg",
        "20191304.jpg",
        "20190230_120000.jpg",
        "12345678.jpg",
        "18901231.jpg",
        "a3f20190704b9c.jpg",
        "120190704.jpg",
        "2019070412.jpg",
        "99991231_235959.jpg",
        "19700101_000000.jpg",
        "v2019.7.jpg",
        "0000-00-00.jpg",
    ],
)
def test_numbers_in_names_that_are_no_days_are_none(name: str) -> None:
    assert in_name(name) is None


def test_an_afternoon_in_a_name_is_told_by_its_half() -> None:
    found = in_name("Screen Shot 2019-07-04 at 1.34.56\u202fPM.png")
    assert found == Moment(datetime(2019, 7, 4, 13, 34, 56), 1)


def test_pixel_phones_name_pictures_in_utc() -> None:
    found = in_name("PXL_20210102_030405678.MP.jpg")
    assert found is not None
    assert found.utc == datetime(2021, 1, 2, 3, 4, 5)
    assert 14 * 3600 <= found.within_s <= FARTHEST


def test_without_a_place_an_instant_is_told_by_this_machines_clock() -> None:
    instant = datetime(2021, 1, 2, 3, 4, 5, tzinfo=UTC)
    found = local(instant)
    assert found.at == instant.astimezone().replace(tzinfo=None)
    assert found.utc == instant.replace(tzinfo=None)
    assert 13 * 3600 <= found.within_s <= FARTHEST


@pytest.mark.parametrize(
    ("longitude", "true_offset_min"), [(-118.25, -420), (2.35, 120), (75.99, 480), (139.7, 540)]
)
def test_with_a_longitude_an_instant_is_told_by_about_its_clock(
    longitude: float, true_offset_min: int
) -> None:
    instant = datetime(2021, 7, 2, 3, 4, 5, tzinfo=UTC)
    found = local(instant, longitude)
    true = instant.replace(tzinfo=None) + timedelta(minutes=true_offset_min)
    assert abs((found.at - true).total_seconds()) <= found.within_s <= 4 * 3600
    assert found.utc == instant.replace(tzinfo=None)
