"""What filters let through and what tags do, on every database."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from indexer.catalog import open_catalog
from indexer.catalog.sql import SqlCatalog
from indexer.filters import (
    AnyOf,
    Between,
    Camera,
    Coded,
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
from indexer.types import (
    EmbeddedFile,
    EmbeddedItem,
    Facts,
    Kind,
    Modality,
    SourceFile,
    Span,
)
from tests import postgres
from tests.fakes import FakeCatalog

IMAGE, TEXT, VIDEO = Modality.IMAGE, Modality.TEXT, Modality.VIDEO


@pytest.fixture
def catalog(database: str) -> Iterator[SqlCatalog]:
    opened = open_catalog(database)
    yield opened
    opened.close()


def file(
    path: str, kind: Kind = Kind.IMAGE, *, root: str = "/photos", size: int = 1000
) -> SourceFile:
    return SourceFile(root, path, kind, size, 1, digest=f"digest of {size}")


def show(
    catalog: SqlCatalog,
    source: SourceFile,
    *items: EmbeddedItem,
    modality: Modality = IMAGE,
    facts: Facts | None = None,
) -> list[int]:
    vectors = np.zeros((len(items), 3), np.float32)
    ids = catalog.add([EmbeddedFile(source, modality, items, vectors)])
    catalog.publish([source], {source: facts or Facts()})
    return [int(id) for id in ids]


def picture(catalog: SqlCatalog, path: str, *, facts: Facts | None = None, **more: object) -> int:
    item = EmbeddedItem(
        width=facts.width if facts else None, height=facts.height if facts else None
    )
    return show(catalog, file(path, **more), item, facts=facts)[0]


def caption(catalog: SqlCatalog, path: str, text: str, about: str | None = None) -> int:
    item = EmbeddedItem(text=text, about=about)
    return show(catalog, file(path, Kind.CAPTION), item, modality=TEXT)[0]


def film(
    catalog: SqlCatalog, path: str, *said: tuple[str, int, int], facts: Facts | None = None
) -> list[int]:
    """Returns the ids of a film of moments of ten seconds, of these, and of what is said in it."""
    source = file(path, Kind.VIDEO)
    vectors = np.zeros((1, 3), np.float32)
    moments = [
        EmbeddedItem(position=number + 1, span=Span(number * 10_000, number * 10_000 + 10_000, 5))
        for number in range(2)
    ]
    words = [
        EmbeddedItem(
            position=number + 10,
            text=text,
            about_position=0,
            origin="subtitle",
            span=Span(start, end, start),
        )
        for number, (text, start, end) in enumerate(said)
    ]
    parts = [
        EmbeddedFile(source, VIDEO, [EmbeddedItem()], vectors, last=False),
        EmbeddedFile(source, IMAGE, moments, np.zeros((2, 3), np.float32), last=not said),
    ]
    if words:
        parts.append(EmbeddedFile(source, TEXT, words, np.zeros((len(words), 3), np.float32)))
    ids = [int(id) for part in parts for id in catalog.add([part])]
    catalog.publish([source], {source: facts or Facts()})
    return ids


def shard(catalog: SqlCatalog, path: str, *members: str, said: str | None = None) -> list[int]:
    """Returns the ids of a shard's entries, then that of a caption of the last one."""
    source = file(path, Kind.SHARD, size=10**9)
    entries = [
        EmbeddedItem(position=2 * number, member=member, width=100 + number, height=100)
        for number, member in enumerate(members)
    ]
    last = entries[-1]
    words = [EmbeddedItem(position=99, text=said, about_position=last.position)] if said else []
    parts = [EmbeddedFile(source, IMAGE, entries, np.zeros((len(entries), 3), np.float32))]
    if words:
        parts.append(EmbeddedFile(source, TEXT, words, np.zeros((1, 3), np.float32)))
    ids = [int(id) for part in parts for id in catalog.add([part])]
    catalog.publish([source])
    return ids


def found(
    catalog: SqlCatalog, *conditions: Condition, modality: Modality = IMAGE, excluded: bool = False
) -> list[int]:
    ids = catalog.matching([Filter(one, excluded) for one in conditions], modality)
    assert ids.dtype == np.int64
    return ids.tolist()


def left(catalog: SqlCatalog, condition: Condition, modality: Modality = IMAGE) -> list[int]:
    return found(catalog, condition, modality=modality, excluded=True)


def test_nothing_asked_is_all_that_may_be_shown(catalog: SqlCatalog) -> None:
    assert found(catalog) == []
    ids = [picture(catalog, "b.jpg"), picture(catalog, "a.jpg")]
    words = caption(catalog, "a.txt", "a dog", "a.jpg")
    hidden = EmbeddedFile(file("c.jpg"), IMAGE, [EmbeddedItem()], np.zeros((1, 3), np.float32))
    catalog.add([hidden])
    assert found(catalog) == ids
    assert found(catalog, modality=TEXT) == [words]
    assert found(catalog, modality=VIDEO) == []


def test_each_sort_of_item_is_told_from_the_others(catalog: SqlCatalog) -> None:
    still = picture(catalog, "a.jpg")
    whole, first, second = film(catalog, "a.mp4")
    words = caption(catalog, "a.txt", "a dog", "a.jpg")
    assert found(catalog, Is(Shown.PICTURE)) == left(catalog, Is(Shown.MOMENT)) == [still]
    assert found(catalog, Is(Shown.MOMENT)) == left(catalog, Is(Shown.PICTURE)) == [first, second]
    assert found(catalog, Is(Shown.FILM)) == found(catalog, Is(Shown.CAPTION)) == []
    assert found(catalog, Is(Shown.FILM), modality=VIDEO) == [whole]
    assert found(catalog, Is(Shown.CAPTION), modality=TEXT) == [words]
    either = AnyOf((Is(Shown.PICTURE), Is(Shown.MOMENT)))
    assert found(catalog, either) == [still, first, second]


def test_dates_hold_from_their_start_until_before_their_end(catalog: SqlCatalog) -> None:
    begin, end = datetime(2019, 1, 1), datetime(2020, 1, 1)
    instant = timedelta(microseconds=1)
    before, first, last, after = (
        picture(catalog, f"{number}.jpg", facts=Facts(taken_at=at))
        for number, at in enumerate((begin - instant, begin, end - instant, end))
    )
    bare = picture(catalog, "bare.jpg")
    assert found(catalog, Taken(begin, end)) == [first, last]
    assert left(catalog, Taken(begin, end)) == [before, after, bare]
    assert found(catalog, Taken(start=end)) == [after]
    assert found(catalog, Taken(end=begin)) == [before]
    assert found(catalog, Has(Known.DATE)) == [before, first, last, after]
    assert left(catalog, Has(Known.DATE)) == [bare]
    ancient = picture(catalog, "old.jpg", facts=Facts(taken_at=datetime(1, 1, 1)))
    assert found(catalog, Taken(end=datetime(1000, 1, 1))) == [ancient]


def test_folders_are_whole_names_anywhere_on_the_path(catalog: SqlCatalog) -> None:
    deep = picture(catalog, "Holidays/2019/a.jpg")
    top = picture(catalog, "2019/a.jpg")
    name = picture(catalog, "2019.jpg")
    longer = picture(catalog, "holidays2/20190/a.jpg")
    other = picture(catalog, "x.jpg", root="/disk/holidays")
    both = picture(catalog, "2019/x.jpg", root="/disk/holidays")
    assert found(catalog, InFolder("holidays")) == [deep, other, both]
    assert left(catalog, InFolder("HOLIDAYS")) == [top, name, longer]
    assert found(catalog, InFolder("2019")) == [deep, top, both]
    assert found(catalog, InFolder("holidays/2019")) == [deep, both]
    assert found(catalog, InFolder("disk/holidays/2019")) == [both]
    assert found(catalog, InFolder("disk/2019")) == []
    assert found(catalog, InFolder("disk")) == [other, both]


def test_signs_of_patterns_in_names_stand_for_themselves(catalog: SqlCatalog) -> None:
    for at, name in enumerate(["100%", "100x", "a_b", "axb", "c\\d", "c/d", "[e]", "e", "f'g\"h"]):
        picture(catalog, f"{name}/{at}.jpg")
    named = {
        name: [int(one.path.rpartition("/")[2][0]) for one in catalog.fetch(ids).values()]
        for name in ("100%", "a_b", "c\\d", "[e]", "f'g\"h", "a?b", "é%_[", "\0")
        if (ids := found(catalog, InFolder(name))) is not None
    }
    assert named == {
        "100%": [0],
        "a_b": [2],
        "c\\d": [4],
        "[e]": [6],
        "f'g\"h": [8],
        "a?b": [],
        "é%_[": [],
        "\0": [],
    }


def test_letters_beyond_ascii_have_two_cases_too(catalog: SqlCatalog) -> None:
    french = picture(catalog, "Été/ÉCOLE (1).JPG")
    russian = picture(catalog, "Дача/снег.jpg")
    apart = picture(catalog, "E\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}/x.jpg")
    assert found(catalog, InFolder("été")) == [french, apart]
    assert found(catalog, InFolder("ДАЧА")) == [russian]
    assert found(catalog, Named("école (?).j*")) == [french]
    assert found(catalog, Named("СНЕГ.JPG")) == [russian]
    assert found(catalog, Says("école")) == [french]


def test_patterns_fit_names_or_whole_paths(catalog: SqlCatalog) -> None:
    one = picture(catalog, "trip/IMG_1.JPG")
    other = picture(catalog, "trip/IMG_12.jpg")
    nested = picture(catalog, "a/trip/IMG_1.png")
    top = picture(catalog, "img_1.jpg")
    assert found(catalog, Named("img_?.jpg")) == [one, top]
    assert left(catalog, Named("img_?.jpg")) == [other, nested]
    assert found(catalog, Named("img*")) == [one, other, nested, top]
    assert found(catalog, Named("*1*")) == [one, other, nested, top]
    assert found(catalog, Named("IMG_1")) == []
    assert found(catalog, Named("t*1.jpg")) == []
    assert found(catalog, Named("trip/*")) == [one, other]
    assert found(catalog, Named("*/trip/*")) == [nested]


def test_entries_of_shards_have_names_and_sizes_of_their_own(catalog: SqlCatalog) -> None:
    wide, wider = shard(catalog, "a.tar", "in/000@512.jpg", "in/b@c@2048.png", said="a cat")[:2]
    said = found(catalog, modality=TEXT)
    assert found(catalog, Named("000.jpg")) == found(catalog, Named("in/0*.jpg")) == [wide]
    assert found(catalog, Named("b@c.png")) == [wider]
    assert found(catalog, Named("a.tar")) == [wide, wider]
    assert found(catalog, Named("b@c.png"), modality=TEXT) == said
    assert found(catalog, Between(Measure.WIDTH, low=101)) == [wider]
    assert found(catalog, Between(Measure.WIDTH, low=101), modality=TEXT) == said
    assert found(catalog, Oriented("square")) == [wide]
    assert found(catalog, Oriented("landscape")) == [wider]
    assert found(catalog, Between(Measure.BYTES, low=1)) == []  # those of the shard tell nothing
    assert found(catalog, Has(Known.CAPTION)) == [wider]
    assert left(catalog, Has(Known.CAPTION)) == [wide]
    assert found(catalog, Says("CAT")) == [wider]


def test_what_files_tell_is_compared(catalog: SqlCatalog) -> None:
    canon = Facts(camera="Canon EOS 80D", width=6000, height=4000, codec="jpeg")
    one = picture(catalog, "a.jpg", facts=canon, size=5_000_000)
    phone = Facts(camera="Façade Phone", width=50_000, height=60_000, codec="hevc")
    other = picture(catalog, "b.jpg", facts=phone, size=100)
    bare = picture(catalog, "c.jpg", size=101)
    assert found(catalog, Camera("eos 80d")) == [one]
    assert found(catalog, Camera("FAÇADE")) == [other]
    assert left(catalog, Camera("canon")) == [other, bare]
    assert found(catalog, Coded("jpeg")) == [one]
    assert left(catalog, Coded("jpeg")) == [other, bare]
    assert found(catalog, Oriented("portrait")) == [other]
    assert left(catalog, Oriented("portrait")) == [one, bare]
    assert found(catalog, Between(Measure.WIDTH, 6000, 6000)) == [one]
    assert found(catalog, Between(Measure.HEIGHT, high=4000)) == [one]
    assert found(catalog, Between(Measure.PIXELS, low=24e6)) == [one, other]
    assert found(catalog, Between(Measure.PIXELS, high=3e9)) == [one, other]
    assert left(catalog, Between(Measure.PIXELS)) == [bare]
    assert found(catalog, Between(Measure.BYTES, 100, 101)) == [other, bare]
    assert found(catalog, Between(Measure.DURATION_MS, low=0)) == []


def test_films_and_moments_share_what_their_file_tells(catalog: SqlCatalog) -> None:
    whole, first, second = film(catalog, "a.mp4", facts=Facts(duration_ms=20_000, codec="h264"))
    for condition in (Between(Measure.DURATION_MS, 20_000, 20_000), Coded("h264")):
        assert found(catalog, condition) == [first, second]
        assert found(catalog, condition, modality=VIDEO) == [whole]


def test_circles_reach_across_180_degrees_and_over_poles(catalog: SqlCatalog) -> None:
    places = {
        "fiji west": (-17.0, 179.9),
        "fiji east": (-17.0, -179.9),
        "barcelona": (41.4036, 2.1744),
        "north": (89.95, 10.0),
        "over north": (89.95, -170.0),
        "null island": (0.0, 0.0),
    }
    ids = {
        name: picture(catalog, f"{name}.jpg", facts=Facts(latitude=place[0], longitude=place[1]))
        for name, place in places.items()
    }
    bare = picture(catalog, "bare.jpg")
    names = {id: name for name, id in ids.items()}

    def near(latitude: float, longitude: float, radius: float) -> list[str]:
        return [names[id] for id in found(catalog, Near(latitude, longitude, radius))]

    assert near(-17, 180, 11) == near(-17, -180, 11) == ["fiji west", "fiji east"]
    assert near(-17, 179.9, 21) == ["fiji west"]
    assert near(-17, 179.9, 22) == ["fiji west", "fiji east"]
    assert near(89.95, 10, 11) == ["north"]
    assert near(89.95, 10, 12) == near(90, 77, 6) == ["north", "over north"]
    assert near(41, 2, 45) == []  # in the box around the circle, not in the circle
    assert near(41, 2, 48) == ["barcelona"]
    assert near(0, 0, 0) == ["null island"]
    assert near(0, 0, 30_000) == list(places)
    assert left(catalog, Near(0, 0, 30_000)) == left(catalog, Has(Known.GPS)) == [bare]
    assert found(catalog, Within(-20, 179, -10, -179)) == [ids["fiji west"], ids["fiji east"]]
    assert found(catalog, Within(41.4036, 2.1744, 42, 3)) == [ids["barcelona"]]
    assert found(catalog, AnyOf((Near(41, 2, 48), Near(0, 0, 1)))) == [
        ids["barcelona"],
        ids["null island"],
    ]


def test_a_copy_in_the_folder_is_enough(catalog: SqlCatalog) -> None:
    item = picture(catalog, "a/one.jpg")
    catalog.copy([(file("b/two.jpg"), file("a/one.jpg"))])
    words = caption(catalog, "b/two.txt", "a dog", "b/two.jpg")
    for condition in (
        InFolder("a"),
        InFolder("b"),
        Named("one.jpg"),
        Named("b/two.jpg"),
        Says("two.j"),
        Says("DOG"),
        Has(Known.CAPTION),
        AnyOf((InFolder("b"), InFolder("c"))),
    ):
        assert found(catalog, condition) == [item], condition
        assert left(catalog, condition) == [], condition
        assert found(catalog, condition, modality=TEXT) == [words], condition
    assert found(catalog, InFolder("a"), InFolder("b")) == [item]
    assert found(catalog, InFolder("c")) == []


def test_captions_are_asked_for_what_they_describe(catalog: SqlCatalog) -> None:
    facts = Facts(taken_at=datetime(2019, 5, 5), camera="Canon", width=200, height=100)
    picture(catalog, "x/a.jpg", facts=facts)
    beside = caption(catalog, "y/a.txt", "a dog", "x/a.jpg")
    lost = caption(catalog, "y/b.txt", "a dog", "x/b.jpg")
    year = Taken(datetime(2019, 1, 1), datetime(2020, 1, 1))
    for condition in (
        year,
        Camera("canon"),
        InFolder("x"),
        Named("a.jpg"),
        Has(Known.CAPTION),
        Says("a.jp"),
        Between(Measure.BYTES, 1000, 1000),
        Oriented("landscape"),
        Has(Known.DATE),
    ):
        assert found(catalog, condition, modality=TEXT) == [beside], condition
        assert left(catalog, condition, modality=TEXT) == [lost], condition
    assert found(catalog, InFolder("y"), modality=TEXT) == [beside, lost]
    assert found(catalog, Named("b.txt"), modality=TEXT) == [lost]
    assert found(catalog, Says("Dog"), modality=TEXT) == [beside, lost]


def test_words_stand_in_captions_subtitles_and_names(catalog: SqlCatalog) -> None:
    beach = picture(catalog, "Beach/a.jpg")
    dog = picture(catalog, "b.jpg")
    caption(catalog, "c.txt", "A golden dog, running", "b.jpg")
    whole, first, second, *_ = film(
        catalog, "f.mp4", ("hello there", 1_000, 3_000), ("good bye", 12_000, 13_000)
    )
    caption(catalog, "f.txt", "the whole day", "f.mp4")
    assert found(catalog, Says("golden DOG")) == [dog]
    assert found(catalog, Says("dog golden")) == []
    assert found(catalog, Says("beach")) == [beach]
    assert found(catalog, Says("hello")) == [first]
    assert found(catalog, Says("good bye")) == [second]
    assert found(catalog, Says("whole day")) == [first, second]
    assert found(catalog, Says("good bye"), modality=VIDEO) == [whole]
    assert left(catalog, Says("hello")) == [beach, dog, second]
    assert found(catalog, Has(Known.CAPTION)) == [dog, first, second]
    assert found(catalog, Has(Known.CAPTION), modality=VIDEO) == [whole]


def test_words_inside_a_file_are_captions_of_it(catalog: SqlCatalog) -> None:
    items = [EmbeddedItem(position=0)]
    source = file("a.jpg")
    words = [EmbeddedItem(position=1, text="a red kite", about_position=0, origin="xmp:dc:title")]
    ids = [
        int(id)
        for modality, some_items in ((IMAGE, items), (TEXT, words))
        for id in catalog.add(
            [EmbeddedFile(source, modality, some_items, np.zeros((1, 3), np.float32))]
        )
    ]
    catalog.publish([source])
    bare = picture(catalog, "b.jpg")
    assert found(catalog, Has(Known.CAPTION)) == found(catalog, Says("Red Kite")) == ids[:1]
    assert left(catalog, Has(Known.CAPTION)) == [bare]
    assert found(catalog, Named("a.jpg"), modality=TEXT) == ids[1:]


def test_a_caption_of_another_root_is_none_of_it(catalog: SqlCatalog) -> None:
    here = picture(catalog, "a.jpg")
    there = picture(catalog, "a.jpg", root="/elsewhere")
    caption(catalog, "a.txt", "a dog", "a.jpg")
    assert found(catalog, Has(Known.CAPTION)) == found(catalog, Says("dog")) == [here]
    assert left(catalog, Has(Known.CAPTION)) == [there]


def test_items_come_by_date_and_those_without_last(catalog: SqlCatalog) -> None:
    bare = picture(catalog, "0.jpg")
    days = [3, 1, 2, 2]
    ids = [
        picture(catalog, f"d{at}.jpg", facts=Facts(taken_at=datetime(2019, 1, day), codec="jpeg"))
        for at, day in enumerate(days)
    ]
    last = picture(catalog, "9.jpg")
    newest = [ids[0], ids[3], ids[2], ids[1], last, bare]
    oldest = [ids[1], ids[2], ids[3], ids[0], bare, last]
    for filters in ((), [Filter(Coded("png"), excluded=True)], [Filter(InFolder("photos"))]):
        assert list(catalog.dated(filters, IMAGE, 99)) == newest
        assert list(catalog.dated(filters, IMAGE, 99, oldest=True)) == oldest
        for limit in range(6):
            assert list(catalog.dated(filters, IMAGE, limit)) == newest[:limit]
            assert list(catalog.dated(filters, IMAGE, limit, oldest=True)) == oldest[:limit]
    assert list(catalog.dated([Filter(Coded("jpeg"))], IMAGE, 99)) == newest[:4]
    assert list(catalog.dated([Filter(Coded("jpeg"), excluded=True)], IMAGE, 1)) == [last]
    words = [caption(catalog, f"{at}.txt", "a dog", f"d{at}.jpg") for at in (1, 0)]
    lost = caption(catalog, "lost.txt", "a dog", "lost.jpg")
    assert list(catalog.dated((), TEXT, 99)) == [words[1], words[0], lost]
    assert list(catalog.dated((), TEXT, 99, oldest=True)) == [words[0], words[1], lost]
    assert list(catalog.dated((), VIDEO, 99)) == []


# Random filters on one small world, against the same conditions in plain Python.


def _world(catalog: SqlCatalog) -> FakeCatalog:
    """Fills the catalogue with a bit of everything; returns the same in plain Python."""
    sizes = {}
    for number in range(12):
        facts = Facts(
            taken_at=datetime(2018 + number % 3, 1 + number, 1) if number % 4 else None,
            camera=(None, "Canon EOS", "Caméra 2")[number % 3],
            latitude=(None, 41.4, -17.0, 89.9)[number % 4],
            longitude=(None, 2.1, 179.95, -170.0)[number % 4],
            width=None if number == 7 else 100 * (number + 1),
            height=None if number == 7 else 600,
            codec=("jpeg", "png")[number % 2],
        )
        path = f"{('Été', 'a_b', '100%', 'x')[number % 4]}/{('trip/', '')[number % 2]}P{number}.jpg"
        root = "/photos/trip" if number % 5 else "/disk/Été"
        sizes[picture(catalog, path, facts=facts, root=root, size=1000 * number)] = 1000 * number
        if number % 3 == 0:
            about = file(f"{number}.txt", Kind.CAPTION, root=root)
            words = EmbeddedItem(text=f"a Dog in the été, P{number}", about=path)
            show(catalog, about, words, modality=TEXT)
        if number % 4 == 1:
            copy = file(f"copies/trip/c{number}.jpg", root=root, size=1000 * number)
            catalog.copy([(copy, file(path, root=root, size=1000 * number))])
            about = file(f"copies/{number}.txt", Kind.CAPTION, root=root)
            words = EmbeddedItem(text="kept twice", about=copy.path)
            show(catalog, about, words, modality=TEXT)
    caption(catalog, "x/none.txt", "a dog of nobody", "nowhere.jpg")
    told = Facts(taken_at=datetime(2019, 3, 1), duration_ms=20_000, width=800, height=600)
    filmed = film(catalog, "trip/f.mp4", ("dog barks", 0, 500), ("bye", 11_000, 12_000), facts=told)
    silent = film(catalog, "x/g.mp4", facts=Facts(duration_ms=5_000))
    shard(catalog, "x/s.tar", "trip/P1@512.jpg", "Été@1024.png", said="dog in a shard")
    sizes |= dict.fromkeys([*filmed, *silent], 1000)
    ids = np.concatenate([catalog.ids(modality) for modality in Modality]).tolist()
    given_tags = {"liked": ids[1::7], "été": ids[::5], "x": ids[:1]}
    for name, tagged in given_tags.items():
        catalog.tag(tagged, add=[name])
    items = catalog.fetch(ids)
    plain = FakeCatalog(items.values())
    facts_of = catalog.facts(ids)
    plain.told = {id: facts_of.get(id, Facts()) for id, one in items.items() if not one.member}
    plain.places = {id: list(places) for id, places in catalog.copies(ids).items()}
    plain.sizes = sizes
    for name, tagged in given_tags.items():
        plain.tag(tagged, add=[name])
    return plain


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SqlCatalog, FakeCatalog]]:
    if request.param == "postgresql":
        server: postgres.Server = request.getfixturevalue("postgres_server")
        url: str | Path = server.new_database()
    else:
        url = tmp_path_factory.mktemp("world") / "catalog.db"
    opened = open_catalog(url)
    yield opened, _world(opened)
    opened.close()


NAMES = ["trip", "TRIP/x", "été", "Été", "100%", "a_b", "photos", "disk/été", "x", "copies", "y"]
PATTERNS = ["*.jpg", "p?.JPG", "P1*", "été*", "*/trip/*", "*", "s.tar", "f.mp4", "x/*", "*1*.jpg"]
YEARS = [None, *(datetime(year, 1, 1) for year in (2018, 2019, 2020))]
AMOUNTS = some.sampled_from([None, 0, 101, 600, 1000, 5_000, 240_000, 5e5])
SIMPLE = some.one_of(
    some.builds(Is, some.sampled_from(Shown)),
    some.builds(InFolder, some.sampled_from(NAMES)),
    some.builds(Named, some.sampled_from(PATTERNS)),
    some.builds(Taken, some.sampled_from(YEARS), some.sampled_from(YEARS)),
    some.builds(Camera, some.sampled_from(["canon", "CAMÉRA", "2", "nikon"])),
    some.builds(
        Near,
        some.sampled_from([41.0, -17.0, 90.0]),
        some.sampled_from([2.0, -179.95, 180.0]),
        some.sampled_from([5.0, 50.0, 9_000.0]),
    ),
    some.builds(
        Within,
        some.sampled_from([-90.0, 41.0]),
        some.sampled_from([-180.0, 2.0, 179.0]),
        some.just(90.0),
        some.sampled_from([3.0, -169.0]),
    ),
    some.builds(Oriented, some.sampled_from(["landscape", "portrait", "square"])),
    some.builds(Between, some.sampled_from(Measure), AMOUNTS, AMOUNTS),
    some.builds(Has, some.sampled_from(Known)),
    some.builds(Tagged, some.sampled_from(["liked", "été", "x", "none"])),
    some.builds(Coded, some.sampled_from(["jpeg", "png"])),
    some.builds(Says, some.sampled_from(["dog", "ÉTÉ", "trip", "twice", "bye", "p1", "100%"])),
)
CONDITIONS = SIMPLE | some.builds(AnyOf, some.lists(SIMPLE, min_size=1, max_size=3).map(tuple))
FILTERS = some.lists(some.builds(Filter, CONDITIONS, some.booleans()), max_size=3)


@given(filters=FILTERS, limit=some.integers(1, 30), oldest=some.booleans())
@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_filters_pass_what_plain_python_passes(
    world: tuple[SqlCatalog, FakeCatalog], filters: Sequence[Filter], limit: int, oldest: bool
) -> None:
    catalog, plain = world
    for modality in Modality:
        wanted = plain.matching(filters, modality).tolist()
        assert catalog.matching(filters, modality).tolist() == wanted
        by_date = catalog.dated(filters, modality, limit, oldest=oldest)
        assert list(by_date) == plain.dated(filters, modality, limit, oldest=oldest)


def test_tags_of_the_world_are_those_of_plain_python(
    world: tuple[SqlCatalog, FakeCatalog],
) -> None:
    catalog, plain = world
    assert catalog.tags() == plain.tags()
    assert catalog.tags_of(list(plain.items)) == plain.tags_of(list(plain.items))
