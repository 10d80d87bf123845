"""The spaces of a library: switching, dropping, and one writer that keeps all of them complete."""

import json
import time
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from indexer.config import load_settings
from indexer.embedders import open_embedder
from indexer.embedders.adapted import EMBEDDED, AdaptedEmbedder, Adapter, Residual
from indexer.errors import ConfigError, IndexMismatch, Unavailable
from indexer.library import adapted, make_library, open_library
from indexer.spaces import (
    Space,
    add_space,
    begin_space,
    drop_space,
    open_vectors,
    space_for,
    spaces,
    use_space,
)
from indexer.types import Embedder, Modality, Vectors
from search_api.live import LiveSpace
from tests.fakes import FakeEmbedder


def adapter(seed: int = 0) -> Adapter:
    draw = np.random.default_rng(seed)

    def some(*shape: int) -> np.ndarray:
        return draw.normal(size=shape).astype(np.float32)

    return Adapter({m: Residual(some(4, 3), some(4), some(3, 4), some(3)) for m in EMBEDDED})


def rows(count: int, seed: int = 0) -> Vectors:
    found = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def held(
    folder: Path, space: Space, modality: Modality = Modality.IMAGE
) -> tuple[list[int], Vectors]:
    index = open_vectors(folder, space, modality, "exact")
    return index.ids.tolist(), index.vectors(index.ids)


def opened(folder: Path) -> Embedder:
    """Returns the embedder of the live space."""
    space = open_library(folder).space
    return adapted(folder, space, open_embedder(space.model))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A colour library with ten pictures and ten captions."""
    folder = tmp_path / "library"
    make_library(folder, open_embedder("colour"))
    library = open_library(folder, write=True)
    library.indexes[Modality.IMAGE].add(np.arange(10), rows(10))
    library.indexes[Modality.TEXT].add(np.arange(10, 20), rows(10, 1))
    library.indexes[Modality.VIDEO].add(np.arange(20, 22), rows(2, 2))
    for index in library.indexes.values():
        index.save()
    return folder


@pytest.fixture
def taught(folder: Path) -> Space:
    (base,) = spaces(folder)
    return add_space(folder, base, adapter(), {"taught": {"k": 10}})


def test_a_taught_space_is_filled_from_the_stored_vectors(folder: Path, taught: Space) -> None:
    base, found = spaces(folder)
    assert (base.base, base.live) == (None, True)
    assert (found.base, found.live, found.facts) == (base.name, False, {"taught": {"k": 10}})
    for modality in Modality:
        ids, vectors = held(folder, base, modality)
        assert held(folder, taught, modality)[0] == ids
        expected = adapter()[modality](vectors)
        np.testing.assert_allclose(held(folder, taught, modality)[1], expected, atol=1e-3)
        assert np.abs(expected - vectors).max() > 0.1


def test_use_switches_what_readers_open_and_back(folder: Path, taught: Space) -> None:
    before = (folder / "library.json").read_bytes()
    base = spaces(folder)[0]
    use_space(folder, taught.name)
    library = open_library(folder)
    assert library.space.name == taught.name
    embedder = opened(folder)
    assert embedder.fingerprint == taught.fingerprint != base.fingerprint
    plain = open_embedder("colour").embed_texts(["red"])
    expected = adapter().residuals[Modality.TEXT](plain)
    np.testing.assert_array_equal(embedder.embed_texts(["red"]), expected)
    use_space(folder, base.name)
    assert (folder / "library.json").read_bytes() == before
    np.testing.assert_array_equal(opened(folder).embed_texts(["red"]), plain)


def test_a_service_follows_a_switch_between_two_queries(folder: Path, taught: Space) -> None:
    base = spaces(folder)[0]
    library = open_library(folder)
    follow = LiveSpace(load_settings(library=folder), library.space, open_embedder("colour"))
    assert follow() is None
    use_space(folder, taught.name)
    view = follow()
    assert view is not None
    assert view.embedder.fingerprint == taught.fingerprint
    ids = np.arange(3)
    stored = view.fresh(Modality.IMAGE).vectors(ids)
    expected = open_vectors(folder, taught, Modality.IMAGE, "exact").vectors(ids)
    np.testing.assert_array_equal(stored, expected)
    assert follow() is None, "once is enough"
    use_space(folder, base.name)
    again = follow()
    assert again is not None
    assert again.embedder.fingerprint == base.fingerprint


def test_a_service_loads_another_model_aside_and_answers_meanwhile(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = open_library(folder)
    follow = LiveSpace(load_settings(library=folder), library.space, open_embedder("colour"))
    other = FakeEmbedder({"warm": (1, 0, 0)}, name="other", fingerprint="other-weights")
    may_load = Event()

    def slow(name: str, **_: object) -> Embedder:
        assert name == "other"
        assert may_load.wait(timeout=10)
        return other

    monkeypatch.setattr("search_api.live.open_embedder", slow)
    begin_space(folder, space_for(other))
    use_space(folder, space_for(other).name)
    assert follow() is None, "the model before answers"
    may_load.set()
    deadline = time.monotonic() + 10
    while (view := follow()) is None:
        assert time.monotonic() < deadline
    assert view.embedder is other
    assert follow() is None


def test_a_service_stays_where_the_live_space_cannot_be_opened(folder: Path, taught: Space) -> None:
    library = open_library(folder)
    follow = LiveSpace(load_settings(library=folder), library.space, open_embedder("colour"))
    (path,) = folder.rglob("adapter.safetensors")
    path.unlink()
    use_space(folder, taught.name)
    assert follow() is None
    (folder / "library.json").unlink()
    assert follow() is None


def test_a_library_without_the_adapter_key_still_opens(folder: Path) -> None:
    (path,) = folder.rglob("space.json")
    stored = json.loads(path.read_text())
    del stored["adapter"]
    path.write_text(json.dumps(stored))
    assert open_library(folder).space.base is None
    assert opened(folder).name == "colour"


def test_another_model_under_a_taught_space_is_refused(folder: Path, taught: Space) -> None:
    base = spaces(folder)[0]
    path = folder / "spaces" / base.name / "space.json"
    use_space(folder, taught.name)
    path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprint": "other"}))
    with pytest.raises((IndexMismatch, Unavailable)):
        opened(folder)


def test_the_live_space_and_a_base_cannot_be_dropped(folder: Path, taught: Space) -> None:
    base = spaces(folder)[0].name
    with pytest.raises(ConfigError, match="is live"):
        drop_space(folder, base)
    use_space(folder, taught.name)
    with pytest.raises(ConfigError, match="is the base of"):
        drop_space(folder, base)
    with pytest.raises(ConfigError, match="is live"):
        drop_space(folder, taught.name)
    use_space(folder, base)
    drop_space(folder, taught.name)
    assert [space.name for space in spaces(folder)] == [base]
    assert not (folder / "spaces" / taught.name).exists()


@pytest.mark.parametrize("change", [use_space, drop_space])
def test_an_unknown_space_is_an_error_that_names_those_there_are(folder: Path, change) -> None:
    with pytest.raises(ConfigError, match=f"no space '../x'.*{spaces(folder)[0].name}"):
        change(folder, "../x")


def test_writing_reaches_every_space_of_the_base(folder: Path, taught: Space) -> None:
    use_space(folder, taught.name)
    library = open_library(folder, write=True)
    assert library.space.base is None, "the writer embeds with the model itself"
    index = library.indexes[Modality.IMAGE]
    new = rows(3, 2)
    index.add(np.array([30, 31, 32]), new)
    index.remove(np.array([0, 31]))
    index.save()
    expected = [*range(1, 10), 30, 32]
    for space in spaces(folder):
        assert held(folder, space)[0] == expected
    vectors = held(folder, taught)[1][-2:]
    np.testing.assert_allclose(vectors, adapter().residuals[Modality.IMAGE](new[[0, 2]]), atol=1e-3)


@pytest.mark.parametrize("change", ["add", "remove"])
def test_a_crash_between_two_saves_heals_at_the_next_opening(
    folder: Path, taught: Space, change: str
) -> None:
    base = spaces(folder)[0]
    index = open_vectors(folder, base, Modality.IMAGE, "exact")  # the base alone was saved
    if change == "add":
        index.add(np.array([30]), rows(1, 2))
    else:
        index.remove(np.array([4]))
    index.save()
    assert held(folder, taught)[0] != held(folder, base)[0]
    open_library(folder, write=True).indexes[Modality.IMAGE].save()
    assert held(folder, taught)[0] == held(folder, base)[0]


def test_the_rest_of_a_crashed_teaching_is_no_space_and_in_nobodys_way(
    folder: Path, taught: Space
) -> None:
    (folder / "spaces" / taught.name / "space.json").unlink()
    assert [space.base for space in spaces(folder)] == [None]
    assert add_space(folder, spaces(folder)[0], adapter(), {}).name == taught.name
    assert len(spaces(folder)) == 2


@pytest.mark.parametrize("damage", ["cut", "exchanged", "gone"])
def test_a_damaged_adapter_is_named(folder: Path, taught: Space, damage: str) -> None:
    use_space(folder, taught.name)
    (path,) = folder.rglob("adapter.safetensors")
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:40])
        case "exchanged":
            path.write_bytes(adapter(1).to_bytes())
        case _:
            path.unlink()
    with pytest.raises(Unavailable, match="adapter"):
        opened(folder)


def test_an_adapter_survives_its_file() -> None:
    again = Adapter.from_bytes(adapter().to_bytes(), "file")
    assert again.fingerprint("x") == adapter().fingerprint("x")
    assert (
        len({adapter().fingerprint("y"), adapter(1).fingerprint("x"), again.fingerprint("x")}) == 3
    )


def test_an_adapted_embedder_gives_unit_rows_for_pictures_too() -> None:
    base = open_embedder("colour")
    embedder = AdaptedEmbedder(base, adapter())
    pixels = [np.full((3, 8, 8), 0.2, np.float32), np.full((3, 8, 8), 0.9, np.float32)]
    found = embedder.embed_images(pixels)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert embedder.embed_texts([]).shape == (0, 3)
