"""The pipeline: the order of its writes, and what a crash at any of them leaves to be seen."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog import open_catalog
from indexer.catalog.sql import SqlCatalog
from indexer.pipeline import Report, bulk_index, heal
from indexer.thumbnails import Thumbnails
from indexer.types import (
    EmbeddedFile,
    EmbeddedItem,
    Kind,
    Modality,
    Skipped,
    SourceFile,
    VectorIndex,
)
from indexer.vectors import open_index

DIM = 8


class Crash(Exception):
    """Stands for SIGKILL: nothing after it runs."""


def file(number: int, size: int = 10) -> SourceFile:
    return SourceFile("/photos", f"{number}.jpg", Kind.IMAGE, size, size)


def vector(number: int, size: int) -> np.ndarray:
    row = np.random.default_rng((number, size)).normal(size=DIM).astype(np.float32)
    return row / np.linalg.norm(row)


class FakeEngine:
    """Embeds a file as a vector of its number and size; sizes below 1 are bad files."""

    def __init__(self) -> None:
        self.embedded: list[SourceFile] = []

    def run(self, files: Iterable[SourceFile]) -> Iterator[EmbeddedFile | Skipped]:
        for source in files:
            if source.size_bytes < 1:
                yield Skipped(replace(source, digest="empty"), "empty")
                continue
            self.embedded.append(source)
            number = int(source.path.partition(".")[0])
            item = EmbeddedItem(width=4, height=3, thumbnail=source.path.encode())
            vectors = vector(number, source.size_bytes)[None]
            yield EmbeddedFile(source, Modality.IMAGE, [item], vectors)


class Shop:
    """A library in a folder, reopened for every run as a new process would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = FakeEngine()

    def open(self) -> tuple[SqlCatalog, dict[Modality, VectorIndex], Thumbnails]:
        catalog = open_catalog(f"sqlite:///{self.folder / 'catalog.db'}")
        indexes = {m: open_index("exact", self.folder / m, DIM) for m in Modality}
        return catalog, indexes, Thumbnails(self.folder / "thumbnails")

    def run(
        self,
        files: list[SourceFile],
        spoil: Callable[[SqlCatalog, dict[Modality, VectorIndex], Thumbnails], None] | None = None,
    ) -> Report:
        catalog, indexes, thumbnails = self.open()
        try:
            heal(catalog, indexes, thumbnails)
            if spoil:
                spoil(catalog, indexes, thumbnails)
            return bulk_index(
                catalog.changed(files),
                engine=self.engine,
                catalog=catalog,
                indexes=indexes,
                thumbnails=thumbnails,
                checkpoint_items=4,
            )
        finally:
            catalog.close()

    def shown(self) -> dict[str, int]:
        """Returns path -> size of all that a search can show, checking each row's vector."""
        catalog, indexes, thumbnails = self.open()
        index = indexes[Modality.IMAGE]
        ids = index.search(np.eye(DIM, dtype=np.float32)[:1], 10_000).ids[0]
        items = catalog.fetch([int(one) for one in ids if one >= 0])
        found: dict[str, int] = {}
        for item_id, item in items.items():
            number = int(item.path.partition(".")[0])
            stored = index.vectors(np.array([item_id]))[0]
            sizes = [s for s in range(1, 30) if np.abs(vector(number, s) - stored).max() < 2e-3]
            assert len(sizes) == 1
            assert item.path not in found, "shown twice"
            assert thumbnails.read(item_id) == item.path.encode()
            found[item.path] = sizes[0]
        counted = catalog.counts().items.get(Modality.IMAGE, 0)
        catalog.close()
        assert counted == len(found), "a row that no search can find"
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def sizes(files: list[SourceFile]) -> dict[str, int]:
    return {file.path: file.size_bytes for file in files}


def test_all_files_are_searchable_after_a_run(shop: Shop) -> None:
    files = [file(number) for number in range(11)]
    report = shop.run(files)
    assert report.items == {Modality.IMAGE: 11}
    assert report.files == {Kind.IMAGE: 11}
    assert shop.shown() == sizes(files)


def test_a_second_run_embeds_nothing(shop: Shop) -> None:
    files = [file(number) for number in range(5)] + [file(5, size=0)]
    shop.run(files)
    shop.engine.embedded.clear()
    report = shop.run(files)
    assert shop.engine.embedded == []
    assert report.items == {}
    assert report.skipped == []


def test_a_changed_file_replaces_the_old_one(shop: Shop) -> None:
    shop.run([file(number) for number in range(6)])
    files = [file(number, size=20 if number in (1, 4) else 10) for number in range(6)]
    shop.run(files)
    assert shop.shown() == sizes(files)
    _, indexes, _ = shop.open()
    assert len(indexes[Modality.IMAGE]) == 6


def test_a_file_that_went_bad_is_no_longer_shown(shop: Shop) -> None:
    shop.run([file(0), file(1)])
    report = shop.run([file(0, size=0), file(1)])
    assert [one.reason for one in report.skipped] == ["empty"]
    assert shop.shown() == {"1.jpg": 10}


def _crash_on(calls: int, name: str, owner: object) -> None:
    """Makes the nth call of a method do its work, or not, and then crash."""
    before, _, method = name.partition(" ")
    real = getattr(owner, method)
    left = calls

    def crashing(*args: object, **options: object) -> object:
        nonlocal left
        left -= 1
        if left == 0 and before == "before":
            raise Crash
        result = real(*args, **options)
        if left == 0:
            raise Crash
        return result

    setattr(owner, method, crashing)


POINTS = [
    ("catalog", "before add"),
    ("catalog", "after add"),
    ("thumbnails", "before write"),
    ("thumbnails", "after write"),
    ("index", "before add"),
    ("index", "after add"),
    ("index", "before save"),
    ("index", "after save"),
    ("catalog", "before publish"),
    ("catalog", "after publish"),
    ("index", "before remove"),
    ("index", "after remove"),
    ("thumbnails", "before remove"),
    ("thumbnails", "after remove"),
]


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize(("owner", "point"), POINTS, ids=[f"{a} {b}" for a, b in POINTS])
def test_a_crash_at_any_write_shows_nothing_half_and_the_next_run_heals(
    shop: Shop, owner: str, point: str, call: int
) -> None:
    old = [file(number) for number in range(6)]
    shop.run(old)
    new = [file(number, size=20 if number < 5 else 10) for number in range(12)]

    def spoil(
        catalog: SqlCatalog, indexes: dict[Modality, VectorIndex], thumbnails: Thumbnails
    ) -> None:
        owners = {"catalog": catalog, "index": indexes[Modality.IMAGE], "thumbnails": thumbnails}
        _crash_on(call, point, owners[owner])

    with pytest.raises(Crash):
        shop.run(new, spoil)
    between = shop.shown()
    assert set(sizes(old)) <= set(between), "something was lost"
    for path, size in between.items():
        assert size in (sizes(old).get(path), sizes(new)[path])
    shop.run(new)
    assert shop.shown() == sizes(new)


def test_an_empty_catalogue_costs_no_vectors(shop: Shop) -> None:
    """It may be the wrong one: somebody named another database."""
    shop.run([file(number) for number in range(3)])
    for path in shop.folder.glob("catalog.db*"):
        path.unlink()
    catalog, indexes, thumbnails = shop.open()
    heal(catalog, indexes, thumbnails)
    catalog.close()
    assert len(indexes[Modality.IMAGE]) == 3


def test_ctrl_c_keeps_what_was_embedded(shop: Shop) -> None:
    files = [file(number) for number in range(3)]
    shop.engine.run = lambda some: _interrupted(FakeEngine().run(some), after=2)  # type: ignore[method-assign] # simulates the signal
    with pytest.raises(KeyboardInterrupt):
        shop.run(files)
    assert set(shop.shown()) == {"0.jpg", "1.jpg"}


def _interrupted(
    results: Iterator[EmbeddedFile | Skipped], after: int
) -> Iterator[EmbeddedFile | Skipped]:
    for _ in range(after):
        yield next(results)
    raise KeyboardInterrupt
