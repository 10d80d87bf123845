"""`atisbo export` and `atisbo import` as a user runs them: out and back, nothing embedded."""

import json
import shutil
import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from indexer.catalog import open_catalog
from indexer.library import live_space, open_space
from indexer.types import Modality
from tests.integration.command import atisbo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name, red in {"1": 10, "sub/2": 80, "sub/3": 150}.items():
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (red, 0, 90)).save(path)
        path.with_suffix(".txt").write_text(f"number {name}\nagain {name}\n")
    shutil.copy(folder / "1.png", folder / "sub" / "copy.png")
    (folder / "t.csv").write_text("image,caption\n1.png,from a table\ngone.png,of nothing\n")
    return folder


@pytest.fixture
def library(photos: Path) -> Path:
    folder = photos.parent / "library"
    assert atisbo("index", photos, "--library", folder).returncode == 0
    return folder


def content(library: Path) -> set[tuple[object, ...]]:
    """Returns everything that tells an item apart, its vector and links too, but no id."""
    catalog = open_catalog(library / "catalog.db")
    indexes = open_space(library, live_space(library), "exact")
    found = set()
    for modality in Modality:
        ids = catalog.ids(modality)
        vectors = np.round(indexes[modality].vectors(ids), 3).tolist()
        items = catalog.fetch(ids.tolist())
        places = catalog.places(ids.tolist())
        for id, vector in zip(ids.tolist(), vectors, strict=True):
            item = items[id]
            about = catalog.fetch([item.about])[item.about].path if item.about else None
            files = [(file.path, file.digest, file.mtime_ns) for file in places.get(id, ())]
            size = (item.width, item.height)
            found.add((item.path, item.position, item.text, about, *size, *files, *vector))
    catalog.close()
    return found


def test_an_export_comes_back_as_it_was_and_nothing_is_embedded(
    photos: Path, library: Path, tmp_path: Path
) -> None:
    out, back = tmp_path / "out", tmp_path / "back"
    result = atisbo("export", out, "--library", library)
    assert result.returncode == 0, result.stderr
    assert "3 pictures and 8 captions" in result.stdout
    result = atisbo("import", out, "--library", back)
    assert result.returncode == 0, result.stderr
    assert "3 pictures and 8 captions came in; 0 files were there" in result.stdout
    assert content(back) == content(library)
    assert atisbo("verify", "--library", back).returncode == 0
    again = atisbo("index", photos, "--library", back)
    assert "files unchanged │ 8 │" in " ".join(again.stdout.split())
    assert "items/s" not in again.stdout
    assert (
        "0 pictures and 0 captions came in; 7 files were there"
        in atisbo("import", out, "--library", back).stdout
    )
    assert content(back) == content(library)


def test_pandas_reads_an_export(library: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    atisbo("export", out, "--library", library)
    pictures, texts = (pd.read_parquet(out / one) for one in ("image", "text"))
    assert sorted(pictures["path"]) == ["1.png", "sub/2.png", "sub/3.png"]
    vectors = np.stack(pictures["embedding"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    by_path = pictures.set_index("path")
    assert by_path.loc["1.png", "caption"] == "number 1"
    assert Path(by_path.loc["1.png", "image_path"]).is_file()
    assert set(texts["text"]) >= {"again sub/3", "from a table", "of nothing"}
    assert set(pd.read_parquet(out / "copies.parquet")["path"]) == {"sub/copy.png"}


def test_only_what_was_chosen_goes_out(library: Path, photos: Path, tmp_path: Path) -> None:
    out, few = tmp_path / "out", tmp_path / "few"
    atisbo("export", out, "--library", library, "--under", photos / "sub")
    pictures = pd.read_parquet(out / "image")
    assert sorted(pictures["path"]) == ["sub/2.png", "sub/3.png"]
    listed = tmp_path / "ids"
    listed.write_text(f"{pictures['item_id'][0]}\n")
    atisbo("export", few, "--library", library, "--ids", listed)
    assert pd.read_parquet(few / "image")["item_id"].tolist() == [pictures["item_id"][0]]
    listed.write_text("one\n")
    wrong = atisbo("export", tmp_path / "none", "--library", library, "--ids", listed)
    assert (wrong.returncode, "one a line" in wrong.stderr) == (2, True)


def test_a_library_that_lies_elsewhere_now(photos: Path, library: Path, tmp_path: Path) -> None:
    out, back, moved = tmp_path / "out", tmp_path / "back", tmp_path / "moved"
    atisbo("export", out, "--library", library)
    photos.rename(moved)
    atisbo("import", out, "--library", back, "--map", f"{photos}={moved}")
    again = atisbo("index", "--library", back)
    assert again.returncode == 0, again.stderr
    assert "files unchanged │ 8 │" in " ".join(again.stdout.split())


def test_vectors_of_another_model_are_refused(library: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    atisbo("export", out, "--library", library)
    facts = json.loads((out / "metadata.json").read_text())
    (out / "metadata.json").write_text(json.dumps({**facts, "fingerprint": "other"}))
    result = atisbo("import", out, "--library", library)
    assert result.returncode == 2
    assert "weights other" in result.stderr


def test_what_is_no_whole_export_is_refused(library: Path, tmp_path: Path) -> None:
    out, back = tmp_path / "out", tmp_path / "back"
    atisbo("export", out, "--library", library)
    assert "exists already" in atisbo("export", out, "--library", library).stderr
    (part,) = (out / "text").iterdir()
    part.write_bytes(part.read_bytes()[:-20])
    damaged = atisbo("import", out, "--library", back)
    assert (damaged.returncode, "is damaged" in damaged.stderr) == (2, True)
    (out / "metadata.json").unlink()
    result = atisbo("import", out, "--library", back)
    assert (result.returncode, "holds no export" in result.stderr) == (2, True)
    assert not (back / "library.json").exists()


def test_shards_hold_pictures_with_their_captions_and_come_back(
    library: Path, photos: Path, tmp_path: Path
) -> None:
    out, into = tmp_path / "out", tmp_path / "into"
    (photos / "sub" / "3.png").unlink()
    result = atisbo("export", out, "--library", library, "--format", "webdataset")
    assert result.returncode == 1
    assert "2 pictures are in" in result.stdout
    assert "1 pictures could not be read" in result.stderr
    with tarfile.open(out / "00000.tar") as shard:
        parts = {name: shard.extractfile(name).read() for name in shard.getnames()}
    one = next(n.partition(".")[0] for n, c in parts.items() if b'"path": "1.png"' in c)
    assert parts[f"{one}.png"] == (photos / "1.png").read_bytes()
    assert parts[f"{one}.txt"].decode().splitlines() == ["number 1", "again 1", "from a table"]
    assert atisbo("import", out).returncode == 2
    back = atisbo("import", out, "--into", into)
    assert back.returncode == 0, back.stderr
    other = tmp_path / "other"
    assert atisbo("index", into, "--library", other).returncode == 0
    texts = {item[2] for item in content(other)}
    assert texts >= {"number 1", "again 1", "from a table", "number sub/2"}


def test_hostile_names_in_a_shard_lead_nowhere(tmp_path: Path) -> None:
    shard, into = tmp_path / "x.tar", tmp_path / "into"
    (tmp_path / "elsewhere").mkdir()
    into.mkdir()
    (into / "mine.png").write_bytes(b"mine")
    (into / "link").symlink_to(tmp_path / "elsewhere")
    names = ["../out.png", "/tmp/absolute atisbo.png", "link/in.png", "mine.png", "good/1.png"]
    with tarfile.open(shard, "w") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 4
            archive.addfile(entry, BytesIO(b"evil"))
        link = tarfile.TarInfo("soft.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("program.sh"))
    result = atisbo("import", shard, "--into", into)
    assert result.returncode == 0, result.stderr
    assert "1 files are in" in result.stdout
    assert (into / "good" / "1.png").read_bytes() == b"evil"
    assert (into / "mine.png").read_bytes() == b"mine"
    assert sorted(path.name for path in into.iterdir()) == ["good", "link", "mine.png"]
    assert not list((tmp_path / "elsewhere").iterdir())
    assert not (tmp_path / "out.png").exists()
    assert not Path("/tmp/absolute atisbo.png").exists()


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    shard = tmp_path / "x.tar"
    shard.write_bytes(b"no tar" * 500)
    result = atisbo("import", shard, "--into", tmp_path / "into")
    assert (result.returncode, "x.tar is damaged" in result.stderr) == (2, True)
