"""Facts of pictures and films: the most trustworthy time, the camera, the place."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import ExifTags, Image

from indexer.media.cameras import camera
from indexer.media.facts import photo_facts, video_facts
from indexer.media.metadata import Metadata, read_metadata
from indexer.types import Facts, TakenFrom

AFTERNOON = datetime(2019, 7, 4, 15, 30, 20)
MTIME_NS = int(datetime(2023, 5, 6, 7, 8, 9, tzinfo=UTC).timestamp()) * 10**9


def told(main: dict[int, Any] | None = None, inner: dict[int, Any] | None = None) -> Metadata:
    block = Image.Exif()
    block.update(main or {})
    block.get_ifd(ExifTags.IFD.Exif).update(inner or {})
    content = BytesIO()
    Image.new("RGB", (8, 8)).save(content, "JPEG", exif=block)
    return read_metadata(Image.open(content))


def photo(metadata: Metadata | None = None, name: str = "a.jpg") -> Facts:
    return photo_facts(metadata or Metadata(), name=name, mtime_ns=MTIME_NS)


def film(tags: dict[str, str], name: str = "a.mp4", duration_ms: int | None = None) -> Facts:
    return video_facts(tags, name=name, mtime_ns=MTIME_NS, duration_ms=duration_ms)


def when(facts: Facts) -> tuple[datetime | None, int | None, TakenFrom | None, int | None]:
    return facts.taken_at, facts.taken_within_s, facts.taken_from, facts.utc_offset_min


def test_the_time_of_taking_wins_over_all_others() -> None:
    metadata = told(
        {0x0132: "2020:01:02 03:04:05"},
        {
            0x9003: "2019:07:04 15:30:20",
            0x9004: "2019:07:05 00:00:01",
            0x9011: "+02:00",
            0x9291: "25 ",
        },
    )
    found = photo(metadata, "IMG_20180101_101010.jpg")
    assert when(found) == (AFTERNOON.replace(microsecond=250_000), 1, TakenFrom.EXIF, 120)


def test_a_camera_that_never_knew_the_time_leaves_it_to_the_next_sign() -> None:
    metadata = told(
        {0x0132: "0000:00:00 00:00:00"},
        {0x9003: "0000:00:00 00:00:00", 0x9004: "1970:01:01 00:00:00"},
    )
    assert when(photo(metadata, "IMG_20190704_153020.jpg"))[:3] == (AFTERNOON, 1, TakenFrom.NAME)
    assert photo(metadata).taken_from is TakenFrom.MTIME


def test_the_time_of_the_last_change_is_taken_with_a_days_doubt() -> None:
    metadata = told({0x0132: "2019:07:04 15:30:20"})
    assert when(photo(metadata)) == (AFTERNOON, 86_400, TakenFrom.EXIF, None)
    same_day = photo(metadata, "IMG-20190704-WA0001.jpg")
    assert when(same_day)[:3] == (AFTERNOON, 86_400, TakenFrom.EXIF)


def test_a_picture_changed_after_its_name_was_given_is_as_old_as_its_name() -> None:
    metadata = told({0x0132: "2021:02:03 10:00:00"})
    assert when(photo(metadata, "IMG_20190704_153020.jpg"))[:3] == (AFTERNOON, 1, TakenFrom.NAME)


def test_without_any_other_sign_the_files_time_counts_with_doubt_without_bound() -> None:
    found = photo()
    local = datetime.fromtimestamp(MTIME_NS / 1e9).astimezone()
    offset = local.utcoffset() or timedelta()
    assert when(found) == (
        local.replace(tzinfo=None),
        None,
        TakenFrom.MTIME,
        int(offset.total_seconds()) // 60,
    )


@pytest.mark.parametrize("mtime_ns", [0, -1, 10**30, 315_532_800 * 10**9, 4_102_444_800 * 10**9])
def test_a_file_time_that_cannot_be_is_none(mtime_ns: int) -> None:
    found = photo_facts(Metadata(), name="a.jpg", mtime_ns=mtime_ns)
    assert when(found) == (None, None, None, None)


def test_size_and_codec_are_kept_and_give_the_orientation() -> None:
    found = photo_facts(
        Metadata(), name="a.jpg", mtime_ns=MTIME_NS, width=30, height=40, codec="jpeg"
    )
    assert (found.width, found.height, found.codec, found.orientation) == (
        30,
        40,
        "jpeg",
        "portrait",
    )


@pytest.mark.parametrize(
    ("maker", "model", "name"),
    [
        ("Canon", "Canon EOS 80D", "Canon EOS 80D"),
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
        ("NIKON CORPORATION\0\0", "D70\0junk", "NIKON D70"),
        ("OLYMPUS IMAGING CORP.  ", "E-M5           ", "OLYMPUS E-M5"),
        ("OLYMPUS OPTICAL CO.,LTD", "C8080WZ", "OLYMPUS C8080WZ"),
        ("EASTMAN KODAK COMPANY", "KODAK DC240 ZOOM", "KODAK DC240 ZOOM"),
        ("Konica Minolta Camera, Inc.", "DiMAGE Z3", "Konica Minolta DiMAGE Z3"),
        ("Apple", "iPhone 12", "Apple iPhone 12"),
        ("LG Electronics", "LG-H815", "LG-H815"),
        ("", "iPhone 12", "iPhone 12"),
        ("SONY", "", "SONY"),
        ("Unknown", " ", None),
        ("", "", None),
    ],
)
def test_a_camera_is_called_by_its_maker_and_model_each_once(
    maker: str, model: str, name: str | None
) -> None:
    assert camera(maker, model) == name


APPLE = {
    "creation_time": "2019-07-24T08:25:57.000000Z",
    "com.apple.quicktime.location.ISO6709": "+32.0929+034.8620+028.516/",
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 6",
    "com.apple.quicktime.creationdate": "2019-07-24T11:25:40+0300",
}


def test_a_phones_film_tells_its_local_time_place_and_camera() -> None:
    found = video_facts(
        APPLE,
        name="IMG_0042.MOV",
        mtime_ns=MTIME_NS,
        duration_ms=4_000,
        width=1920,
        height=1080,
        codec="h264",
    )
    assert found == Facts(
        taken_at=datetime(2019, 7, 24, 11, 25, 40),
        taken_within_s=1,
        taken_from=TakenFrom.VIDEO,
        utc_offset_min=180,
        camera="Apple iPhone 6",
        latitude=32.0929,
        longitude=34.862,
        width=1920,
        height=1080,
        duration_ms=4_000,
        codec="h264",
    )


def test_a_film_that_tells_utc_alone_is_dated_within_the_farthest_clock() -> None:
    at, within_s, source, offset = when(film({"creation_time": "2019-07-04T13:30:20.000000Z"}))
    assert source is TakenFrom.VIDEO
    assert at is not None
    assert offset is not None
    assert at - timedelta(minutes=offset) == datetime(2019, 7, 4, 13, 30, 20)
    assert within_s is not None
    assert within_s >= 13 * 3600


def test_a_films_place_narrows_its_clock() -> None:
    tags = {"creation_time": "2021-05-16T19:27:55Z", "location": "+34.0754-118.2543/"}
    assert when(film(tags)) == (
        datetime(2021, 5, 16, 11, 27, 55),
        4 * 3600,
        TakenFrom.VIDEO,
        -480,
    )


@pytest.mark.parametrize("written", ["2019-07-04T13:30:21Z", "2019-07-04T13:32:25Z"])
def test_a_films_name_and_its_tag_tell_the_time_zone_together(written: str) -> None:
    found = film({"creation_time": written}, "VID_20190704_153020.mp4", duration_ms=125_000)
    assert when(found) == (AFTERNOON, 1, TakenFrom.VIDEO, 120)


def test_a_film_exported_later_is_as_old_as_its_name() -> None:
    found = film({"creation_time": "2022-01-09T10:11:12Z"}, "VID_20190704_153020.mp4")
    assert when(found) == (AFTERNOON, 1, TakenFrom.NAME, None)


@pytest.mark.parametrize(
    "written", ["1904-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.000000Z", "", "soon"]
)
def test_a_film_that_never_knew_the_time_is_dated_by_name_or_file(written: str) -> None:
    tags = {"creation_time": written}
    assert film(tags, "VID_20190704_153020.mp4").taken_from is TakenFrom.NAME
    assert film(tags).taken_from is TakenFrom.MTIME


def test_a_films_day_is_its_noon() -> None:
    assert when(film({"DATE": "2020-08-28"}))[:3] == (
        datetime(2020, 8, 28, 12),
        43_200,
        TakenFrom.VIDEO,
    )
