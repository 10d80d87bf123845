"""The items of a library again, by another model: nothing left out, nothing done twice."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.catalog import open_catalog
from indexer.catalog.sql import SqlCatalog
from indexer.reembed import Reembedded, lacking, reembed
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
from tests.fakes import FakeEmbedder, unit

PICTURES, CAPTIONS = 6, 4
AXIS = {Modality.IMAGE: (1.0, 0.0, 0.0), Modality.TEXT: (0.0, 1.0, 0.0)}


class Files:
    """An engine that reads files from a dict: what they hold now, by path."""

    def __init__(self) -> None:
        self.digests = {f"{number}.jpg": f"d{number}" for number in range(PICTURES)}
        self.read: list[str] = []

    def run(self, files: Iterable[SourceFile]) -> Iterator[EmbeddedFile | Skipped]:
        for file in files:
            self.read.append(file.path)
            assert file.digest is None
            if file.path not in self.digests:
                yield Skipped(file, "gone")
                continue
            source = replace(file, digest=self.digests[file.path])
            vectors = unit(AXIS[Modality.IMAGE])
            yield EmbeddedFile(source, Modality.IMAGE, [EmbeddedItem(thumbnail=b"")], vectors)


class Shop:
    """A catalogue with pictures and captions, and an empty space for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog: SqlCatalog = open_catalog(folder / "catalog.db")
        self.files = Files()
        self.embedder = FakeEmbedder({f"text {n}": AXIS[Modality.TEXT] for n in range(CAPTIONS)})
        self.previews: dict[int, Image.Image] = {}
        nothing = np.zeros((1, 3), np.float32)
        done = []
        for name, digest in self.files.digests.items():
            source = SourceFile("/photos", name, Kind.IMAGE, 9, 9, digest)
            done.append(EmbeddedFile(source, Modality.IMAGE, [EmbeddedItem()], nothing))
        table = SourceFile("/photos", "t.csv", Kind.CAPTION, 9, 9, "t")
        items = [EmbeddedItem(position=n, text=f"text {n}") for n in range(CAPTIONS)]
        done.append(EmbeddedFile(table, Modality.TEXT, items, nothing.repeat(CAPTIONS, 0)))
        self.ids = self.catalog.add(done).tolist()
        self.catalog.publish([one.source for one in done])

    def open(self) -> Mapping[Modality, VectorIndex]:
        return {m: open_index("exact", self.folder / m, 3) for m in Modality}

    def run(self) -> Reembedded:
        return reembed(
            self.catalog,
            self.open(),
            embedder=self.embedder,
            engine=self.files,
            preview=self.previews.get,
            batch_size=3,
        )


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.catalog.close()


def test_every_item_gets_a_vector_under_the_id_that_it_has(shop: Shop) -> None:
    assert lacking(shop.catalog, shop.open()) == PICTURES + CAPTIONS
    done = shop.run()
    assert done.items == {Modality.IMAGE: PICTURES, Modality.TEXT: CAPTIONS, Modality.VIDEO: 0}
    assert (done.previews, done.missing) == (0, [])
    indexes = shop.open()
    for modality, axis in AXIS.items():
        assert indexes[modality].ids.tolist() == shop.catalog.ids(modality).tolist()
        stored = indexes[modality].vectors(indexes[modality].ids)
        np.testing.assert_allclose(stored, np.tile(axis, (len(stored), 1)), atol=1e-3)
    assert lacking(shop.catalog, indexes) == 0


def test_a_run_that_was_stopped_goes_on_where_it_was(shop: Shop) -> None:
    indexes = shop.open()
    indexes[Modality.IMAGE].add(np.array(shop.ids[:2]), unit((0, 0, 1), (0, 0, 1)))
    indexes[Modality.IMAGE].save()
    done = shop.run()
    assert done.items[Modality.IMAGE] == PICTURES - 2
    assert shop.files.read == ["2.jpg", "3.jpg", "4.jpg", "5.jpg"]
    assert shop.run().items == dict.fromkeys(Modality, 0)


def test_a_picture_out_of_reach_or_changed_is_known_by_its_preview(shop: Shop) -> None:
    del shop.files.digests["1.jpg"]
    shop.files.digests["3.jpg"] = "something else"
    shop.previews = dict.fromkeys(shop.ids, Image.new("RGB", (9, 9), (0, 0, 255)))
    done = shop.run()
    assert (done.items[Modality.IMAGE], done.previews, done.missing) == (PICTURES, 2, [])
    stored = shop.open()[Modality.IMAGE].vectors(np.array(shop.ids[:4]))
    assert stored.argmax(axis=1).tolist() == [0, 2, 0, 2]


def test_a_picture_without_file_and_preview_is_told(shop: Shop) -> None:
    del shop.files.digests["1.jpg"]
    done = shop.run()
    assert [file.path for file in done.missing] == ["1.jpg"]
    assert done.items[Modality.IMAGE] == PICTURES - 1
    assert lacking(shop.catalog, shop.open()) == 1


def test_vectors_of_items_that_went_meanwhile_go_too(shop: Shop) -> None:
    shop.run()
    gone = shop.catalog.forget([SourceFile("/photos", "0.jpg", Kind.IMAGE, 9, 9)])
    shop.run()
    assert gone.tolist() == shop.ids[:1]
    assert shop.open()[Modality.IMAGE].ids.tolist() == shop.ids[1:PICTURES]
