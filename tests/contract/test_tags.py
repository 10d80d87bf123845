"""Where tags stay and whom they follow, on every database; and that each change is counted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog import open_catalog, sql
from indexer.catalog.sql import SqlCatalog
from indexer.errors import BadQuery, Unavailable
from indexer.types import EmbeddedFile, EmbeddedItem, Kind, Modality, SourceFile, Span


@pytest.fixture
def catalog(database: str) -> Iterator[SqlCatalog]:
    opened = open_catalog(database)
    yield opened
    opened.close()


def file(path: str, kind: Kind = Kind.IMAGE, *, size: int = 10, root: str = "/p") -> SourceFile:
    return SourceFile(root, path, kind, size, 1, digest=f"digest {size}")


def part(source: SourceFile, modality: Modality, *items: EmbeddedItem) -> EmbeddedFile:
    return EmbeddedFile(source, modality, items, np.zeros((len(items), 3), np.float32))


def show(catalog: SqlCatalog, *parts: EmbeddedFile) -> list[int]:
    ids = [int(id) for one in parts for id in catalog.add([one])]
    catalog.publish([one.source for one in parts])
    return ids


def picture(catalog: SqlCatalog, path: str, **more: int) -> int:
    return show(catalog, part(file(path, **more), Modality.IMAGE, EmbeddedItem()))[0]


def test_tags_are_given_taken_and_counted(catalog: SqlCatalog) -> None:
    one, two = picture(catalog, "a.jpg"), picture(catalog, "b.jpg")
    assert catalog.tag([one, two, 999], add=["Summer  2019", "été"]) == 2
    assert catalog.tag([one, one], add=["été", "x"], remove=["summer 2019", "never given"]) == 1
    assert catalog.tags_of([one, two, 999]) == {one: ["x", "été"], two: ["summer 2019", "été"]}
    assert catalog.tags() == {"summer 2019": 1, "x": 1, "été": 2}
    assert catalog.tag([], add=["y"]) == 0
    assert catalog.tag([two], add=["z"], remove=["z", "été", "summer 2019"]) == 1
    assert catalog.tags_of([two]) == {}


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a\u202eb", "x" * 101])
def test_a_name_that_cannot_be_shown_is_no_tag(catalog: SqlCatalog, name: str) -> None:
    one = picture(catalog, "a.jpg")
    with pytest.raises(BadQuery, match="can be no tag"):
        catalog.tag([one], add=["good", name])
    assert catalog.tags() == {}


def test_what_is_tagged_is_the_picture_or_the_film(catalog: SqlCatalog) -> None:
    source = file("f.mp4", Kind.VIDEO)
    moments = [EmbeddedItem(position=at, span=Span(at, at + 1, at)) for at in (1, 2)]
    subtitle = EmbeddedItem(position=9, text="hello", about_position=0, span=Span(1, 2, 1))
    film, first, second, said = show(
        catalog,
        part(source, Modality.VIDEO, EmbeddedItem()),
        part(source, Modality.IMAGE, *moments),
        part(source, Modality.TEXT, subtitle),
    )
    still = picture(catalog, "a.jpg")
    words = [EmbeddedItem(position=at, text="dog", about=path) for at, path in enumerate("ab")]
    words = [replace(one, about=f"{one.about}.jpg") for one in words]
    about, lost = show(catalog, part(file("t.csv", Kind.CAPTION), Modality.TEXT, *words))
    assert catalog.tag([first, second, said], add=["seen"]) == 1
    assert catalog.tag([about, lost], add=["dog"]) == 1
    assert catalog.tags() == {"dog": 1, "seen": 1}
    assert catalog.tags_of([film, first, second, said, still, about, lost]) == {
        **{id: ["seen"] for id in (film, first, second, said)},
        **{id: ["dog"] for id in (still, about)},
    }


def test_entries_of_a_shard_have_tags_of_their_own(catalog: SqlCatalog) -> None:
    entries = [EmbeddedItem(position=at, member=f"{at}.jpg") for at in range(3)]
    shard = part(file("s.tar", Kind.SHARD), Modality.IMAGE, *entries)
    ids = show(catalog, shard)
    catalog.tag(ids[1:2], add=["x"])
    assert catalog.tags_of(ids) == {ids[1]: ["x"]}
    again = show(catalog, shard)
    assert catalog.tags_of([*ids, *again]) == {again[1]: ["x"]}


def test_tags_survive_a_change_and_a_move(catalog: SqlCatalog) -> None:
    old = picture(catalog, "a.jpg")
    catalog.tag([old], add=["x"])
    new = picture(catalog, "a.jpg", size=11)
    assert new != old
    assert catalog.tags_of([old, new]) == {new: ["x"]}
    catalog.move([(file("a.jpg", size=11), file("sub/b.jpg", size=11, root="/q"))])
    assert catalog.tags_of([new]) == {new: ["x"]}
    assert catalog.tags() == {"x": 1}


def test_tags_go_with_their_file(catalog: SqlCatalog) -> None:
    ids = [picture(catalog, f"{at}.jpg", size=at) for at in range(3)]
    catalog.tag(ids, add=["x"])
    catalog.forget([file("0.jpg", size=0)])
    assert catalog.tags() == {"x": 2}
    catalog.keep_out([file("1.jpg", size=1)])
    assert catalog.tags() == {"x": 1}
    back = [picture(catalog, f"{at}.jpg", size=at) for at in range(2)]
    assert catalog.tags_of(back) == {}


def test_a_copy_inherits_the_tags_with_the_items(catalog: SqlCatalog) -> None:
    item = picture(catalog, "a.jpg")
    catalog.copy([(file("b.jpg"), file("a.jpg")), (file("c.jpg"), file("a.jpg"))])
    catalog.tag([item], add=["x", "y"])
    catalog.forget([file("a.jpg")])
    assert catalog.fetch([item])[item].path == "b.jpg"
    assert catalog.tags_of([item]) == {item: ["x", "y"]}
    catalog.forget([file("b.jpg")])
    assert catalog.tags_of([item]) == {item: ["x", "y"]}


def test_what_becomes_a_copy_leaves_its_tags_to_the_original(catalog: SqlCatalog) -> None:
    one, other = picture(catalog, "a.jpg"), picture(catalog, "b.jpg")
    catalog.tag([one], add=["a", "both"])
    catalog.tag([other], add=["b", "both"])
    catalog.copy([(file("b.jpg"), file("a.jpg"))])
    assert catalog.tags_of([one]) == {one: ["a", "b", "both"]}
    assert catalog.tags() == {"a": 1, "b": 1, "both": 1}


def test_a_companion_leaves_its_tags_to_its_picture(catalog: SqlCatalog) -> None:
    raw, jpeg = picture(catalog, "a.cr2", size=20), picture(catalog, "a.jpg")
    catalog.tag([raw], add=["x"])
    catalog.attach([(file("a.cr2", Kind.COMPANION, size=20), file("a.jpg"))])
    assert catalog.tags_of([jpeg]) == {jpeg: ["x"]}
    assert catalog.tags() == {"x": 1}


def test_a_backup_has_the_tags_and_counts_on(catalog: SqlCatalog, tmp_path: Path) -> None:
    item = picture(catalog, "a.jpg")
    catalog.tag([item], add=["x"])
    catalog.backup(tmp_path / "copy.db")
    copy = open_catalog(tmp_path / "copy.db")
    assert copy.tags_of([item]) == {item: ["x"]}
    assert copy.changes() == catalog.changes()
    copy.tag([item], remove=["x"])
    assert copy.changes() == catalog.changes() + 1
    assert catalog.tags() == {"x": 1}
    copy.close()


def test_a_catalogue_that_cannot_be_written_refuses_tags_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_catalog(tmp_path / "catalog.db")
    item = picture(opened, "a.jpg")
    opened.tag([item], add=["x"])
    opened.close()
    reader = open_catalog(tmp_path / "catalog.db")
    monkeypatch.setattr(sql, "read_only_file", lambda _: tmp_path / "catalog.db")
    assert reader.tags_of([item]) == {item: ["x"]}
    with pytest.raises(Unavailable, match="nothing can be tagged"):
        reader.tag([item], add=["y"])
    reader.close()


def test_every_change_is_counted_whoever_makes_it(catalog: SqlCatalog, database: str) -> None:
    assert catalog.changes() == (before := catalog.changes())
    item = picture(catalog, "a.jpg")
    after = catalog.changes()
    assert after > before
    other = open_catalog(database)
    other.tag([item], add=["x"])
    assert catalog.changes() == other.changes() == after + 1
    with pytest.raises(BadQuery):
        other.tag([item], add=[""])
    with pytest.raises(Exception, match=r"too large|out of range"):
        other.publish([replace(file("b.jpg"), size_bytes=2**70)])
    assert catalog.changes() == after + 1
    other.close()


def test_writers_at_once_are_all_counted(catalog: SqlCatalog) -> None:
    item = picture(catalog, "a.jpg")
    before = catalog.changes()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: catalog.tag([item], add=[f"tag {at}"]), range(20)))
    assert catalog.changes() == before + 20
    assert len(catalog.tags_of([item])[item]) == 20
