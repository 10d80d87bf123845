"""An index with GPUs, which are played here: they answer as the processor does, or it does."""

import logging
from pathlib import Path

import numpy as np
import pytest

from indexer.vectors import gpu
from indexer.vectors.faiss import FaissIndex
from indexer.vectors.gpu import Gpu, open_gpu
from tests.gpus import PlayedFaiss
from tests.vectors import World, filled, opened, recall, true_best


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> PlayedFaiss:
    played = PlayedFaiss(gpus=2)

    def open_played(dim: int, *, most_bytes: int | None = None) -> Gpu | None:
        return open_gpu(dim, most_bytes=most_bytes, library=played)

    monkeypatch.setattr("indexer.vectors.faiss.open_gpu", open_played)
    monkeypatch.setattr(gpu, "_SENT_AT_ONCE", 100)
    return played


def asked(library: PlayedFaiss) -> int:
    return len(library.queries)


def exactly(index: FaissIndex, world: World, k: int = 10) -> bool:
    queries = world.texts(20)
    found = [index.search(query[None], k).ids[0] for query in queries]
    return recall(np.array(found), true_best(index, queries, k)) == 1


def test_gpus_answer_exactly_and_follow_what_comes_and_goes(
    library: PlayedFaiss, tmp_path: Path
) -> None:
    world = World()
    index = filled(tmp_path, world.pictures(900))
    assert exactly(index, world)
    before = asked(library)
    assert exactly(index, world)
    assert asked(library) > before
    index.remove(index.ids[::7])
    index.add(np.arange(5000, 5300), world.pictures(300))
    assert exactly(index, world)
    index.remove(index.ids[::2])
    assert exactly(index, world)
    assert library.used[0] > 0
    assert library.used[1] > 0


def test_a_reader_on_gpus_follows_the_writer(library: PlayedFaiss, tmp_path: Path) -> None:
    world = World()
    writer = filled(tmp_path, world.pictures(300))
    reader = opened(tmp_path)
    assert exactly(reader, world)
    writer.add(np.arange(5000, 5100), world.pictures(100))
    writer.save()
    assert reader.refresh()
    assert len(reader) == 400
    assert exactly(reader, world)


def test_more_than_a_gpu_selects_comes_from_the_processor(
    library: PlayedFaiss, tmp_path: Path
) -> None:
    world = World()
    index = filled(tmp_path, world.pictures(2500))
    assert exactly(index, world, k=2400)


def test_rows_beyond_a_gpu_are_searched_by_the_processor_and_that_is_said(
    library: PlayedFaiss, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    index = filled(tmp_path, world.pictures(900))
    assert exactly(index, world)
    library.room = dict.fromkeys(library.room, 450)
    index.add(np.arange(5000, 5500), world.pictures(500))
    with caplog.at_level(logging.WARNING):
        assert exactly(index, world)
        assert exactly(index, world)
    assert sum("on the processor" in record.message for record in caplog.records) <= 2
    assert "alloc fail" in caplog.text
