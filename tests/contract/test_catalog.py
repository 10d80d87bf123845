"""What the catalogue promises on every database."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from indexer.catalog import open_catalog, schema
from indexer.catalog.schema import open_engine
from indexer.catalog.sql import SqlCatalog
from indexer.catalog.tables import REVISION, Base
from indexer.errors import ConfigError, IndexMismatch, Unavailable
from indexer.types import (
    EmbeddedFile,
    EmbeddedItem,
    Facts,
    Kind,
    Modality,
    Place,
    Skipped,
    SourceFile,
    Span,
    TakenFrom,
)
from tests.postgres import Server


@pytest.fixture
def url(database: str) -> str:
    return database


@pytest.fixture
def catalog(url: str) -> Iterator[SqlCatalog]:
    opened = open_catalog(url)
    yield opened
    opened.close()


def file(
    path: str, *, size: int = 10, kind: Kind = Kind.IMAGE, root: str = "/photos"
) -> SourceFile:
    return SourceFile(root, path, kind, size, 1_700_000_000_000_000_000 + size)


def picture(path: str, **more: object) -> EmbeddedFile:
    source = file(path, **more)
    items = [EmbeddedItem(width=640, height=480)]
    return EmbeddedFile(source, Modality.IMAGE, items, np.zeros((1, 3), np.float32))


def captions(path: str, *about: tuple[str, str], last: bool = True, start: int = 0) -> EmbeddedFile:
    items = [
        EmbeddedItem(position=start + number, text=words, about=picture_path)
        for number, (picture_path, words) in enumerate(about)
    ]
    source = file(path, kind=Kind.CAPTION)
    return EmbeddedFile(
        source, Modality.TEXT, items, np.zeros((len(items), 3), np.float32), last=last
    )


def bad(path: str, reason: str = "truncated", **more: int) -> Skipped:
    return Skipped(replace(file(path, **more), digest="read"), reason)


def show(catalog: SqlCatalog, *files: EmbeddedFile) -> list[int]:
    ids = catalog.add(files)
    catalog.publish([one.source for one in files])
    return [int(one) for one in ids]


def test_items_are_hidden_until_published(catalog: SqlCatalog) -> None:
    ids = catalog.add([picture("a.jpg"), picture("b.jpg")]).tolist()
    assert catalog.fetch(ids) == {}
    assert catalog.counts().items == {}
    assert catalog.publish([file("a.jpg")]).tolist() == []
    shown = catalog.fetch(ids)
    assert list(shown) == ids[:1]
    assert shown[ids[0]].location == Path("/photos/a.jpg")
    assert (shown[ids[0]].width, shown[ids[0]].height) == (640, 480)


def test_ids_follow_the_order_of_the_vectors(catalog: SqlCatalog) -> None:
    table = captions("t.csv", *[(f"{n}.jpg", f"caption {n}") for n in range(2000)])
    ids = show(catalog, picture("a.jpg"), table, picture("b.jpg"))
    items = catalog.fetch(ids)
    assert [items[one].path for one in (ids[0], ids[-1])] == ["a.jpg", "b.jpg"]
    assert [items[one].text for one in ids[1:-1]] == [f"caption {n}" for n in range(2000)]


def test_a_changed_file_replaces_its_rows_in_one_step(catalog: SqlCatalog) -> None:
    old = show(catalog, captions("a.txt", ("a.jpg", "one"), ("a.jpg", "two")))
    new = catalog.add([captions("a.txt", ("a.jpg", "three"))]).tolist()
    assert sorted(catalog.fetch(old + new)) == old
    assert sorted(catalog.publish([file("a.txt", kind=Kind.CAPTION)]).tolist()) == old
    assert list(catalog.fetch(old + new)) == new
    assert not set(old) & set(new)


def test_ids_are_never_given_twice(catalog: SqlCatalog) -> None:
    first = catalog.add([picture("a.jpg")]).tolist()
    assert catalog.heal().tolist() == first
    second = show(catalog, picture("a.jpg"))
    gone = catalog.publish([bad("a.jpg", size=11)]).tolist()
    assert gone == second
    third = catalog.add([picture("b.jpg")]).tolist()
    assert first < second < third


def test_healing_deletes_what_a_crash_left_hidden(catalog: SqlCatalog) -> None:
    shown = show(catalog, picture("a.jpg"))
    hidden = catalog.add([picture("b.jpg"), picture("a.jpg", size=99)]).tolist()
    assert catalog.hidden().tolist() == hidden
    assert catalog.heal().tolist() == hidden
    assert catalog.heal().tolist() == catalog.hidden().tolist() == []
    assert list(catalog.fetch(shown + hidden)) == shown
    files = [file("a.jpg"), file("b.jpg")]
    assert catalog.changed(files) == files[1:]


def test_only_new_and_changed_files_are_reported_as_changed(catalog: SqlCatalog) -> None:
    show(catalog, picture("same.jpg"), picture("changed.jpg"))
    catalog.publish([bad("broken.jpg")])
    wanted = [
        file("new.jpg"),
        file("same.jpg"),
        file("changed.jpg", size=11),
        file("broken.jpg"),
        file("same.jpg", root="/other"),
    ]
    assert catalog.changed(wanted) == [wanted[0], wanted[2], wanted[4]]


def test_what_was_stored_is_told_by_root(catalog: SqlCatalog) -> None:
    catalog.add([picture("pending.jpg")])
    known = replace(file("a.jpg"), digest="d1")
    catalog.add([replace(picture("a.jpg"), source=known)])
    catalog.publish([known, Skipped(file("bad.jpg"), "damaged"), file("c.jpg", root="/other")])
    assert list(catalog.roots()) == ["/other", "/photos"]
    stored = catalog.stored("/photos")
    assert [(one.path, one.digest) for one in stored] == [("a.jpg", "d1"), ("bad.jpg", None)]
    assert catalog.stored("/unknown") == []


def test_a_moved_file_keeps_its_items_and_its_captions(catalog: SqlCatalog) -> None:
    picture_id, caption_id = show(catalog, picture("a.jpg"), captions("t.csv", ("a.jpg", "a dog")))
    new = file("sub/b.jpg", size=11)
    catalog.move([(file("a.jpg"), new)])
    assert catalog.fetch([picture_id])[picture_id].path == "sub/b.jpg"
    assert [one.id for one in catalog.captions([picture_id])[picture_id]] == [caption_id]
    assert not catalog.changed([new])
    assert catalog.changed([file("a.jpg")])


def test_a_folder_moves_to_another_root_with_its_captions(catalog: SqlCatalog) -> None:
    picture_id, caption_id = show(catalog, picture("a.jpg"), captions("a.txt", ("a.jpg", "a dog")))
    catalog.move(
        [
            (file("a.jpg"), file("x/a.jpg", root="/new")),
            (file("a.txt", kind=Kind.CAPTION), file("x/a.txt", kind=Kind.CAPTION, root="/new")),
        ]
    )
    found = catalog.fetch([picture_id, caption_id])
    assert [(one.root, one.path) for one in found.values()] == [
        ("/new", "x/a.jpg"),
        ("/new", "x/a.txt"),
    ]
    assert found[caption_id].about == picture_id


def test_captions_are_linked_anew_where_their_file_moved(catalog: SqlCatalog) -> None:
    old, new, caption_id = show(
        catalog, picture("a.jpg"), picture("b.jpg"), captions("a.txt", ("a.jpg", "a dog"))
    )
    moved = file("b.txt", kind=Kind.CAPTION)
    catalog.move([(file("a.txt", kind=Kind.CAPTION), moved)], {moved: [(0, "b.jpg")]})
    assert catalog.fetch([caption_id])[caption_id].about == new
    catalog.relink({moved: [(0, "a.jpg")]})
    assert catalog.fetch([caption_id])[caption_id].about == old
    catalog.relink({moved: [(0, None)]})
    assert catalog.fetch([caption_id])[caption_id].about is None
    catalog.relink({})


def test_captions_of_absent_pictures_are_told(catalog: SqlCatalog) -> None:
    show(
        catalog,
        picture("a.jpg"),
        captions("good.csv", ("a.jpg", "a dog")),
        captions("bad.csv", ("a.jpg", "a dog"), ("b.jpg", "a cat"), ("c.jpg", "a cow")),
    )
    assert [one.path for one in catalog.dangling()] == ["bad.csv"]
    show(catalog, picture("b.jpg"), picture("c.jpg"))
    assert catalog.dangling() == []


def test_forgotten_files_leave_nothing(catalog: SqlCatalog) -> None:
    ids = show(catalog, picture("a.jpg"), picture("b.jpg"), captions("t.csv", ("a.jpg", "a dog")))
    gone = catalog.forget([file("a.jpg"), file("unknown.jpg")])
    assert gone.tolist() == ids[:1]
    assert set(catalog.fetch(ids)) == set(ids[1:])
    assert catalog.fetch(ids)[ids[2]].about is None
    assert [one.path for one in catalog.stored("/photos")] == ["b.jpg", "t.csv"]
    assert catalog.forget([]).tolist() == []


def test_a_file_in_parts_appears_when_its_last_part_is_published(catalog: SqlCatalog) -> None:
    first = catalog.add([captions("t.csv", ("a.jpg", "one"), last=False)]).tolist()
    catalog.publish([file("other.jpg")])
    assert catalog.fetch(first) == {}
    second = catalog.add([captions("t.csv", ("a.jpg", "two"), start=1)]).tolist()
    catalog.publish([file("t.csv", kind=Kind.CAPTION)])
    assert [catalog.fetch(first + second)[one].text for one in first + second] == ["one", "two"]


def test_a_skipped_file_loses_all_its_rows_and_keeps_its_reason(catalog: SqlCatalog) -> None:
    shown = show(catalog, picture("a.jpg"))
    hidden = catalog.add([picture("a.jpg", size=12)]).tolist()
    gone = catalog.publish([bad("a.jpg", "truncated after 7 bytes", size=12)])
    assert sorted(gone.tolist()) == shown + hidden
    assert catalog.skipped(10) == [bad("a.jpg", "truncated after 7 bytes", size=12)]
    assert catalog.counts().skipped == 1
    show(catalog, picture("a.jpg", size=13))
    assert catalog.skipped(10) == []


def test_a_file_that_cannot_be_read_just_now_keeps_what_it_has(catalog: SqlCatalog) -> None:
    shown = show(catalog, picture("a.jpg"))
    hidden = catalog.add([picture("a.jpg", size=12)]).tolist()
    away = [Skipped(file(name, size=12), "the disk is gone") for name in ("a.jpg", "new.jpg")]
    assert catalog.publish(away).tolist() == hidden
    assert list(catalog.fetch(shown)) == shown
    assert [one.source.path for one in catalog.skipped(10)] == ["new.jpg"]
    wanted = [one.source for one in away]
    assert catalog.changed(wanted) == wanted
    assert catalog.changed([file("a.jpg")]) == []


def test_a_file_that_is_kept_out_never_counts_as_changed(catalog: SqlCatalog) -> None:
    ids = show(catalog, picture("a.jpg"), picture("b.jpg"))
    assert catalog.keep_out([file("a.jpg"), file("unknown.jpg")]).tolist() == ids[:1]
    assert list(catalog.fetch(ids)) == ids[1:]
    assert catalog.changed([file("a.jpg"), file("a.jpg", size=99)]) == []
    assert catalog.skipped(10) == []
    assert catalog.counts().skipped == 0
    catalog.forget([file("a.jpg")])
    assert catalog.changed([file("a.jpg")]) == [file("a.jpg")]


def copied(catalog: SqlCatalog) -> list[int]:
    """Returns the ids of a picture with two copies, and of the caption of one of these."""
    ids = show(catalog, picture("a.jpg"), captions("t.csv", ("sub/b.jpg", "a dog")))
    gone = catalog.copy(
        [(file("sub/b.jpg"), file("a.jpg")), (file("c.jpg", root="/other"), file("a.jpg"))]
    )
    assert gone.tolist() == []
    return ids


B, C = Place("/photos", "sub/b.jpg"), Place("/other", "c.jpg")


def test_copies_share_the_item_and_its_captions(catalog: SqlCatalog) -> None:
    picture_id, caption_id = copied(catalog)
    assert catalog.copies([picture_id, caption_id]) == {picture_id: [C, B]}
    assert catalog.counts().items == {Modality.IMAGE: 1, Modality.TEXT: 1}
    assert catalog.counts().copies == 2
    assert catalog.fetch([caption_id])[caption_id].about == picture_id
    assert [one.id for one in catalog.captions([picture_id])[picture_id]] == [caption_id]
    assert [ids.tolist() for ids in catalog.pairs()] == [[caption_id], [picture_id]]
    assert catalog.changed([file("sub/b.jpg"), file("c.jpg", root="/other")]) == []
    stored = catalog.files_of(np.array([picture_id]))
    assert [one.location for one in stored] == [C.location, Path("/photos/a.jpg"), B.location]


@pytest.mark.parametrize("leaves", ["forgotten", "changed", "bad", "kept out", "copy"])
def test_a_copy_inherits_the_item_when_its_original_goes(catalog: SqlCatalog, leaves: str) -> None:
    picture_id, caption_id = copied(catalog)
    match leaves:
        case "forgotten":
            gone = catalog.forget([file("a.jpg")])
        case "changed":
            new = catalog.add([picture("a.jpg", size=11)]).tolist()
            gone = catalog.publish([file("a.jpg", size=11)])
            assert list(catalog.fetch(new)) == new
        case "bad":
            gone = catalog.publish([bad("a.jpg", size=11)])
        case "kept out":
            gone = catalog.keep_out([file("a.jpg")])
        case _:
            show(catalog, picture("z.jpg", size=5))
            gone = catalog.copy([(file("a.jpg", size=5), file("z.jpg", size=5))])
    assert gone.tolist() == []
    assert catalog.fetch([picture_id])[picture_id].location == B.location
    assert catalog.copies([picture_id]) == {picture_id: [C]}
    assert catalog.fetch([caption_id])[caption_id].about == picture_id


def test_an_item_goes_with_its_last_copy(catalog: SqlCatalog) -> None:
    picture_id, _ = copied(catalog)
    assert catalog.forget([file("c.jpg", root="/other"), file("a.jpg")]).tolist() == []
    assert catalog.fetch([picture_id])[picture_id].location == B.location
    assert catalog.forget([file("sub/b.jpg")]).tolist() == [picture_id]
    assert catalog.counts().copies == 0


def test_a_copy_that_changed_has_an_item_of_its_own(catalog: SqlCatalog) -> None:
    picture_id, _ = copied(catalog)
    own = show(catalog, picture("sub/b.jpg", size=11))
    assert [one.location for one in catalog.fetch([picture_id, *own]).values()] == [
        Path("/photos/a.jpg"),
        B.location,
    ]
    assert catalog.copies([picture_id, *own]) == {picture_id: [C]}


def test_a_copy_of_a_bad_file_is_bad_for_the_same_reason(catalog: SqlCatalog) -> None:
    catalog.publish([bad("a.jpg", "truncated")])
    catalog.copy([(file("b.jpg"), file("a.jpg")), (file("c.jpg"), file("unknown.jpg"))])
    assert [(one.source.path, one.reason) for one in catalog.skipped(9)] == [
        ("a.jpg", "truncated"),
        ("b.jpg", "truncated"),
    ]
    assert catalog.counts().copies == 0


def test_originals_are_told_by_size(catalog: SqlCatalog) -> None:
    known = replace(file("a.jpg"), digest="d1")
    catalog.add([replace(picture("a.jpg"), source=known)])
    catalog.publish([known, file("nobody read me.jpg"), bad("bad.jpg")])
    catalog.copy([(replace(file("b.jpg"), digest="d1"), known)])
    assert [(one.path, one.digest) for one in catalog.originals({10, 99})] == [("a.jpg", "d1")]
    assert catalog.originals(set()) == []


def test_captions_know_their_picture_whichever_came_first(catalog: SqlCatalog) -> None:
    texts = show(catalog, captions("t.csv", ("a.jpg", "one"), ("b.jpg", "other"), ("a.jpg", "two")))
    assert {item.about for item in catalog.fetch(texts).values()} == {None}
    (a,) = show(catalog, picture("a.jpg"))
    (elsewhere,) = show(catalog, picture("a.jpg", root="/other"))
    assert [catalog.fetch(texts)[one].about for one in texts] == [a, None, a]
    found = catalog.captions([a, elsewhere, 10**9])
    assert {one: [item.text for item in items] for one, items in found.items()} == {
        a: ["one", "two"]
    }


def film(path: str, moments: int = 2) -> list[EmbeddedFile]:
    """Returns what the engine makes of a film: moments, something that is said, the whole."""
    source = file(path, kind=Kind.VIDEO)
    shown = [
        EmbeddedItem(position=n, span=Span(n * 1000, n * 1000 + 900, n * 1000 + 400))
        for n in range(1, moments + 1)
    ]
    said = EmbeddedItem(
        position=moments + 1,
        text="hello",
        about_position=0,
        span=Span(1200, 1900, 1200),
        origin="subtitle:en",
    )
    row = np.zeros((1, 3), np.float32)
    return [
        EmbeddedFile(source, Modality.IMAGE, shown, row.repeat(moments, 0), last=False),
        EmbeddedFile(source, Modality.TEXT, [said], row, last=False),
        EmbeddedFile(source, Modality.VIDEO, [EmbeddedItem(width=640)], row),
    ]


def test_a_film_holds_its_moments_in_order_and_what_is_said(catalog: SqlCatalog) -> None:
    other, *_ = show(catalog, *film("other.mp4"))
    *moments, said, whole = show(catalog, *film("a.mp4", 3))
    assert [one.id for one in catalog.moments(whole)] == moments
    assert catalog.moments(moments[1]) == catalog.moments(said) == catalog.moments(whole)
    assert [one.span.best_ms for one in catalog.moments(whole) if one.span] == [1400, 2400, 3400]
    films = catalog.films([*moments, other, said, whole])
    assert {id: film.path for id, film in films.items()} == {
        **dict.fromkeys(moments, "a.mp4"),
        other: "other.mp4",
    }
    assert films[moments[0]].id == whole
    item = catalog.fetch([said])[said]
    assert (item.about, item.origin, item.span) == (whole, "subtitle:en", Span(1200, 1900, 1200))
    assert [one.text for one in catalog.captions([whole])[whole]] == ["hello"]
    assert catalog.captions(moments) == {}
    counts = catalog.counts()
    assert (counts.moments, counts.items[Modality.IMAGE], counts.items[Modality.VIDEO]) == (5, 5, 2)


def test_subtitles_beside_a_film_are_about_it(catalog: SqlCatalog) -> None:
    beside = show(catalog, captions("a.srt", ("a.mp4", "good morning")))[0]
    *_, whole = show(catalog, *film("a.mp4"))
    assert catalog.fetch([beside])[beside].about == whole
    texts = [one.text for one in catalog.captions([whole])[whole]]
    assert sorted(texts) == ["good morning", "hello"]


def test_what_is_said_in_films_is_no_pair_to_learn_from(catalog: SqlCatalog) -> None:
    show(catalog, *film("a.mp4"))
    still, words = show(catalog, captioned("b.jpg"), captioned_words("b.jpg"))
    assert [ids.tolist() for ids in catalog.pairs()] == [[words], [still]]


def captioned(path: str) -> EmbeddedFile:
    return replace(picture(path), last=False)


def captioned_words(path: str) -> EmbeddedFile:
    words = EmbeddedItem(position=1, text="a cat", about_position=0, origin="exif:UserComment")
    return EmbeddedFile(file(path), Modality.TEXT, [words], np.zeros((1, 3), np.float32))


def test_words_inside_a_picture_stay_with_it_when_it_moves_or_a_copy_inherits_it(
    catalog: SqlCatalog,
) -> None:
    still, words = show(catalog, captioned("b.jpg"), captioned_words("b.jpg"))
    assert catalog.fetch([words])[words].about == still
    catalog.move([(file("b.jpg"), file("c/new.jpg"))])
    assert catalog.fetch([words])[words].about == still
    catalog.copy([(file("copy.jpg"), file("c/new.jpg"))])
    assert catalog.forget([file("c/new.jpg")]).tolist() == []
    assert [one.id for one in catalog.captions([still])[still]] == [words]
    assert catalog.fetch([words])[words].path == "copy.jpg"
    assert sorted(catalog.forget([file("copy.jpg")]).tolist()) == [still, words]


FACTS = Facts(
    taken_at=datetime(2019, 7, 4, 12, 34, 56),
    taken_within_s=1,
    taken_from=TakenFrom.EXIF,
    utc_offset_min=120,
    camera="Canon EOS 80D",
    latitude=48.1,
    longitude=-11.5,
    width=640,
    height=480,
    duration_ms=5_000_000_000,
    codec="jpeg",
    note="read up to 0:31",
)


def test_what_a_file_tells_of_itself_is_kept_until_it_is_read_again(catalog: SqlCatalog) -> None:
    first, second = catalog.add([picture("a.jpg"), picture("b.jpg")]).tolist()
    catalog.publish([file("a.jpg"), file("b.jpg")], {file("a.jpg"): FACTS})
    assert catalog.facts([first]) == {first: FACTS}
    assert catalog.facts([second]) == {}
    assert [(one.source.path, one.reason) for one in catalog.partial(9)] == [
        ("a.jpg", "read up to 0:31")
    ]
    assert catalog.counts().partial == 1
    catalog.copy([(file("copy.jpg"), file("a.jpg"))])
    catalog.forget([file("a.jpg")])
    assert catalog.facts([first]) == {first: FACTS}
    again = show(catalog, picture("copy.jpg", size=11))[0]
    assert catalog.facts([again]) == {}
    assert catalog.counts().partial == 0


def test_a_companion_has_no_items_and_stands_alone_when_its_picture_goes(
    catalog: SqlCatalog,
) -> None:
    raw = file("a.dng")
    own = show(catalog, picture("a.dng"))[0]
    companion = replace(raw, kind=Kind.COMPANION)
    assert catalog.changed([companion]) == [companion]
    still = show(catalog, picture("a.jpg"))[0]
    assert catalog.attach([(companion, file("a.jpg"))]).tolist() == [own]
    assert catalog.changed([companion]) == []
    assert catalog.companions([still]) == {still: [Place("/photos", "a.dng")]}
    assert catalog.copies([still]) == {}
    assert catalog.counts().files == {Kind.IMAGE: 1, Kind.COMPANION: 1}
    assert catalog.forget([file("a.jpg")]).tolist() == [still]
    assert catalog.changed([raw]) == [raw]
    alone = show(catalog, picture("a.dng"))[0]
    assert catalog.companions([alone]) == {}


def test_pairs_are_the_captions_whose_picture_is_here(catalog: SqlCatalog) -> None:
    assert [ids.tolist() for ids in catalog.pairs()] == [[], []]
    one, _, two = show(catalog, captions("t.csv", ("a.jpg", "1"), ("b.jpg", "2"), ("a.jpg", "3")))
    (a,) = show(catalog, picture("a.jpg"))
    catalog.add([captions("hidden.csv", ("a.jpg", "4")), picture("b.jpg")])
    assert [ids.tolist() for ids in catalog.pairs()] == [[one, two], [a, a]]


def test_captions_follow_a_picture_that_was_replaced(catalog: SqlCatalog) -> None:
    (text_id,) = show(catalog, captions("a.txt", ("a.jpg", "one")))
    show(catalog, picture("a.jpg"))
    (new,) = show(catalog, picture("a.jpg", size=11))
    assert catalog.fetch([text_id])[text_id].about == new
    assert [item.id for item in catalog.captions([new])[new]] == [text_id]


def test_counts_are_those_of_what_can_be_found(catalog: SqlCatalog) -> None:
    show(catalog, picture("a.jpg"), captions("a.txt", ("a.jpg", "one"), ("a.jpg", "two")))
    catalog.add([picture("hidden.jpg")])
    counts = catalog.counts()
    assert counts.items == {Modality.IMAGE: 1, Modality.TEXT: 2}
    assert counts.files == {Kind.IMAGE: 1, Kind.CAPTION: 1}
    assert counts.skipped == 0


@pytest.mark.parametrize("name", ["ünïcode 🐕.jpg", "quote'\"; DROP TABLE items.jpg", "a%_b.jpg"])
def test_any_file_name_survives(catalog: SqlCatalog, name: str) -> None:
    (item_id,) = show(catalog, picture(name))
    assert catalog.fetch([item_id])[item_id].path == name
    assert catalog.changed([file(name)]) == []


def test_thousands_of_ids_and_files_go_in_one_call(catalog: SqlCatalog) -> None:
    many = [picture(f"{number}.jpg") for number in range(12_000)]
    ids = show(catalog, *many)
    assert len(catalog.fetch(ids)) == 12_000
    assert catalog.changed([one.source for one in many]) == []
    replaced: Sequence[SourceFile] = [file(f"{number}.jpg", size=11) for number in range(12_000)]
    assert len(catalog.changed(replaced)) == 12_000


def test_another_process_sees_what_was_published(catalog: SqlCatalog, url: str) -> None:
    reader = open_catalog(url)
    ids = show(catalog, picture("a.jpg"))
    assert list(reader.fetch(ids)) == ids
    reader.close()


def test_pictures_of_the_same_content_are_told_with_their_files(catalog: SqlCatalog) -> None:
    one, other, alone = (
        replace(picture(path), source=replace(file(path), digest=digest))
        for path, digest in (("a.jpg", "aa"), ("sub/b.jpg", "aa"), ("c.jpg", "cc"))
    )
    unread = picture("d.jpg")
    ids = show(catalog, one, other, alone, unread)
    catalog.copy([(replace(file("z.jpg"), digest="cc"), alone.source)])
    assert {key: [file.path for file in files] for key, files in catalog.repeated().items()} == {
        ids[0]: ["a.jpg"],
        ids[1]: ["sub/b.jpg"],
        ids[2]: ["c.jpg", "z.jpg"],
    }
    found = catalog.places([ids[2], ids[3], 9999])
    assert found == {ids[2]: [alone.source, file("z.jpg")], ids[3]: [unread.source]}
    assert catalog.places(ids)[ids[0]][0].digest == "aa"


def test_a_backup_holds_all_rows_of_one_moment_and_goes_on(
    catalog: SqlCatalog, tmp_path: Path
) -> None:
    assert catalog.bind("one") == "one"
    captioned = captions("t.csv", *[(f"{n}.jpg", f"caption {n}") for n in range(7000)])
    ids = show(catalog, picture("5.jpg"), captioned)
    catalog.publish([Skipped(file("bad.jpg"), "truncated")])
    hidden = catalog.add([picture("late.jpg")]).tolist()
    catalog.backup(tmp_path / "copy.db")
    show(catalog, picture("after.jpg"))
    copy = open_catalog(tmp_path / "copy.db")
    assert copy.bind("two") == "one"
    assert copy.fetch(ids) == catalog.fetch(ids)
    assert copy.fetch(ids)[ids[6]].about == ids[0]
    assert list(copy.stored("/photos")) == [
        one for one in catalog.stored("/photos") if one.path != "after.jpg"
    ]
    assert [one.reason for one in copy.skipped(9)] == ["truncated"]
    assert copy.heal().tolist() == hidden
    assert not set(show(copy, picture("new.jpg"))) & {*ids, *hidden}
    copy.close()


def test_a_backup_that_cannot_be_written_is_named(catalog: SqlCatalog, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"nowhere.copy\.db"):
        catalog.backup(tmp_path / "nowhere" / "copy.db")


def test_a_catalogue_belongs_to_the_first_library_that_binds_it(catalog: SqlCatalog) -> None:
    assert catalog.bind("one") == "one"
    assert catalog.bind("two") == "one"


def is_no_full_text(_: object, name: str | None, *more: object) -> bool:
    """Whether it is one of the code's own: the tables and indexes of full text are SQL alone."""
    return "_words" not in (name or "")


def test_migrations_lead_to_the_tables_of_the_code(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = open_engine(url)
    with engine.connect() as connection:
        opts = {"compare_type": True, "include_object": is_no_full_text}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == REVISION
    engine.dispose()


def test_a_catalogue_of_the_first_schema_keeps_its_rows(url: str) -> None:
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO roots (id, path) VALUES (7, '/photos')"))
        connection.execute(
            text(
                "INSERT INTO files (id, root_id, path, kind, size_bytes, mtime_ns, state)"
                " VALUES (1, 7, 'a.jpg', 'image', 10, 20, 'indexed')"
            )
        )
    engine.dispose()
    opened = open_catalog(url)
    assert list(opened.stored("/photos")) == [SourceFile("/photos", "a.jpg", Kind.IMAGE, 10, 20)]
    assert opened.stored("/photos")[0].digest is None
    opened.close()


def test_a_newer_schema_is_refused_in_words(url: str) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(IndexMismatch, match="Update atisbo"):
        open_catalog(url)


@pytest.mark.parametrize("wrong", ["nonsense", "nodb://x", "mysql+nodriver://x/y"])
def test_a_wrong_url_is_a_clear_error(wrong: str) -> None:
    with pytest.raises(ConfigError, match="Use a SQLAlchemy URL"):
        open_catalog(wrong)


def test_a_database_out_of_reach_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as caught:
        open_catalog("postgresql+psycopg://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


def test_a_damaged_database_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(Unavailable, match=r"catalog\.db.*backup"):
        open_catalog(path)


def test_a_database_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nowhere"):
        open_catalog(f"sqlite:///{tmp_path / 'nowhere' / 'catalog.db'}")


def test_a_database_that_may_only_be_read_is_read_and_refuses_in_words(
    postgres_server: Server,
) -> None:
    database = postgres_server.new_database()
    catalog = open_catalog(database)
    ids = show(catalog, picture("a.jpg"))
    catalog.close()
    reader = open_catalog(f"{database}&options=-c%20default_transaction_read_only%3Don")
    assert list(reader.fetch(ids)) == ids
    with pytest.raises(Unavailable, match=r"may not be written: .*Name a user"):
        reader.add([picture("b.jpg")])
    reader.close()


def test_a_writer_waits_for_the_one_that_was_killed(url: str) -> None:
    """The server may still be busy with what a killed indexer sent last."""
    killed, healing = open_catalog(url), open_catalog(url)
    show(killed, picture("a.jpg"))
    with ThreadPoolExecutor(1) as pool, killed._writing() as connection:
        healed = pool.submit(healing.heal)
        time.sleep(0.3)
        assert not healed.done()
        connection.execute(text("UPDATE items SET searchable = false"))
    assert len(healed.result()) == 1
    killed.close()
    healing.close()


def test_a_root_that_was_not_kept_is_made_again(catalog: SqlCatalog) -> None:
    too_large = replace(file("a.jpg", root="/new"), size_bytes=2**70)
    with pytest.raises(Exception, match=r"too large|out of range"):
        catalog.publish([too_large])
    (item_id,) = show(catalog, picture("a.jpg", root="/new"))
    assert catalog.fetch([item_id])[item_id].root == "/new"
