"""Which files another tool's rows are, and what comes in with them."""

import os
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from PIL import Image, PngImagePlugin

from indexer.catalog import open_catalog
from indexer.cli import main
from indexer.exchange.peers import unit
from indexer.exchange.proof import compared
from indexer.exchange.taking import PeerEngine
from indexer.types import EmbeddedFile, Item, Modality, SourceFile, Vectors
from tests.peers import clip_retrieval, embedded, rclip, said

COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "cyan", "pink")
LATER_S = 1_000_000


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    return [paint(folder / f"sub/{one}.png", one) for one in COLOURS]


def paint(path: Path, colour: str, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 24), colour).save(path, **options)
    return path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Returns how to run a command of atisbo on one library."""
    monkeypatch.setenv("ATISBO_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setenv("ATISBO_MODEL", "colour")
    monkeypatch.setenv("ATISBO_INDEX", "exact")
    return lambda *arguments: CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def take_in(run: Callable[..., Result]) -> Callable[..., str]:
    """Returns how to import what must work, and what it says."""

    def taken(*arguments: object) -> str:
        result = run("import", *arguments)
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    return taken


@pytest.fixture
def unchanged(run: Callable[..., Result], tmp_path: Path) -> Callable[..., int]:
    """Returns how to index a folder, and how many files did not change by then."""

    def counted(folder: Path = tmp_path / "photos") -> int:
        words = run("index", folder).output.replace("│", " ").split()
        return int(words[words.index("unchanged") + 1])

    return counted


def items(tmp_path: Path, modality: Modality = Modality.IMAGE) -> dict[str, Item]:
    catalog = open_catalog(tmp_path / "library" / "catalog.db")
    found = catalog.fetch(catalog.ids(modality).tolist())
    catalog.close()
    return {item.text or item.path: item for item in found.values()}


def written(
    folder: Path,
    names: Sequence[str],
    vectors: Vectors | None,
    words: Sequence[str] | None = None,
    texts: Vectors | None = None,
    column: str = "image_path",
) -> Path:
    """Writes one part as clip-retrieval does, of what is given."""
    (folder / "metadata").mkdir(parents=True)
    table = {column: list(names)} | ({"caption": list(words)} if words else {})
    pq.write_table(pa.table(table), folder / "metadata/metadata_0.parquet")
    if words and texts is None:
        texts = said(words)
    for name, array in (("img_emb", vectors), ("text_emb", texts)):
        if array is not None:
            (folder / name).mkdir()
            np.save(folder / name / f"{name}_0.npy", array.astype(np.float16))
    return folder


def test_relative_names_start_beside_the_output(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str], unchanged: Callable[..., int]
) -> None:
    names = [str(one.relative_to(tmp_path)) for one in photos]
    output = written(tmp_path / "out", names, embedded(photos))
    assert "8 pictures and 0 captions came in" in take_in(output)
    assert unchanged(photos[0].parent) == 8


def test_pictures_that_moved_are_found_below_the_named_folder(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str], unchanged: Callable[..., int]
) -> None:
    output = clip_retrieval(tmp_path / "out", photos, embedded(photos))
    moved = tmp_path / "elsewhere" / "pictures"
    moved.parent.mkdir()
    (tmp_path / "photos").rename(moved)
    assert "8 pictures" in take_in(output, "--root", moved)
    assert set(items(tmp_path)) == {f"sub/{one}.png" for one in COLOURS}
    assert unchanged(moved) == 8


def test_pictures_that_moved_are_found_by_a_map(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str]
) -> None:
    database = rclip(tmp_path / "db.sqlite3", photos, embedded(photos))
    (tmp_path / "photos").rename(tmp_path / "new")
    mapped = f"{tmp_path / 'photos'}={tmp_path / 'new'}"
    assert "8 pictures" in take_in(database, "--map", mapped)


def test_keys_of_shards_need_the_folder_that_they_were_unpacked_to(
    photos: list[Path], tmp_path: Path, run: Callable[..., Result], take_in: Callable[..., str]
) -> None:
    keys = [f"{number:09d}" for number in range(8)]
    output = written(tmp_path / "out", keys, embedded(photos), [f"a {one}" for one in COLOURS])
    refused = run("import", output)
    assert refused.exit_code == 2
    assert "such as '000000000'" in refused.output
    assert "--root FOLDER" in refused.output
    for key, path in zip(keys, photos, strict=True):
        path.rename(path.with_name(f"{key}.png"))
        path.with_name(f"{key}.txt").write_text(f"a {path.stem}\n")
    paint(tmp_path / "photos/other/000000003.png", "white")
    told = take_in(output, "--root", tmp_path / "photos")
    assert "7 pictures and 7 captions came in" in told
    assert "left out 1: several files have that name" in told
    captions = items(tmp_path, Modality.TEXT)
    assert captions["a red"].path == "sub/000000000.txt"
    assert captions["a red"].about == items(tmp_path)["sub/000000000.png"].id


def test_a_caption_file_that_says_the_same_keeps_its_caption(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str], unchanged: Callable[..., int]
) -> None:
    words = [f"all {one}" for one in COLOURS]
    for path, text in zip(photos, words, strict=True):
        path.with_suffix(".txt").write_text(f"  {text}\n")
    photos[0].with_suffix(".txt").write_text("all red\nand more red\n")
    output = written(tmp_path / "out", list(map(str, photos)), embedded(photos), words)
    told = take_in(output)
    assert "8 pictures and 7 captions came in" in told
    assert "left out 1: the caption file beside it has other words or lines" in told
    assert items(tmp_path, Modality.TEXT)["all blue"].origin is None
    assert unchanged() == 15
    assert len(items(tmp_path, Modality.TEXT)) == 9


def test_several_captions_of_one_picture_come_in(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str]
) -> None:
    names = [str(one) for one in photos for _ in range(2)]
    words = [f"{how} {one}" for one in COLOURS for how in ("deep", "light")]
    vectors = np.repeat(embedded(photos), 2, axis=0)
    assert "8 pictures and 16 captions" in take_in(written(tmp_path / "out", names, vectors, words))
    held = items(tmp_path, Modality.TEXT)
    picture = items(tmp_path)["red.png"].id
    assert [held[f"{how} red"].about for how in ("deep", "light")] == [picture, picture]
    assert held["deep red"].origin == "clip-retrieval"


def test_captions_of_another_model_are_embedded_anew(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str]
) -> None:
    words = [f"all {one}" for one in COLOURS]
    texts = unit(np.random.default_rng(0).normal(size=(8, 7)).astype(np.float32))
    output = written(tmp_path / "out", list(map(str, photos)), embedded(photos), words, texts)
    told = take_in(output)
    assert "8 pictures and 8 captions came in" in told
    assert "vectors of another model: they were embedded anew" in told


def test_captions_alone_come_in_where_their_files_are(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str], unchanged: Callable[..., int]
) -> None:
    words = [f"all {one}" for one in COLOURS]
    for path, text in zip(photos, words, strict=True):
        path.with_suffix(".txt").write_text(text)
    output = written(tmp_path / "out", list(map(str, photos)), None, words)
    told = take_in(output)
    assert "0 pictures and 8 captions came in" in told
    assert "left out 8: there are vectors of captions alone" in told
    assert unchanged() == 8
    assert items(tmp_path, Modality.TEXT)["all red"].about is not None


def test_pictures_that_other_tools_see_otherwise_are_left_to_the_indexer(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str]
) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (32, 24), "red").save(photos[0].with_suffix(".jpg"), exif=turned)
    Image.new("RGBA", (8, 8), (255, 0, 0, 40)).save(photos[1])
    every = [photos[0].with_suffix(".jpg"), *photos[1:]]
    told = take_in(written(tmp_path / "out", list(map(str, every)), embedded(every)))
    assert "6 pictures" in told
    assert "left out 1: its pixels are stored turned or mirrored" in told
    assert "left out 1: it has transparent parts" in told


def test_words_and_facts_inside_the_pictures_come_in(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str]
) -> None:
    about = PngImagePlugin.PngInfo()
    about.add_text("Description", "a green field in May")
    paint(photos[1], "green", pnginfo=about)
    exif = Image.Exif()
    exif[0x0110] = "X100"
    exif.get_ifd(0x8769)[0x9003] = "2019:05:04 10:11:12"
    paint(photos[0], "red", exif=exif)
    take_in(rclip(tmp_path / "db.sqlite3", photos, embedded(photos)))
    caption = items(tmp_path, Modality.TEXT)["a green field in May"]
    assert caption.origin == "png:Description"
    red = items(tmp_path)["red.png"]
    assert caption.about == items(tmp_path)["green.png"].id
    assert (red.width, red.height) == (32, 24)
    catalog = open_catalog(tmp_path / "library" / "catalog.db")
    facts = catalog.facts([red.id])[red.id]
    catalog.close()
    assert facts.taken_at is not None
    assert facts.taken_at.isoformat() == "2019-05-04T10:11:12"
    assert facts.codec == "png"


def test_exact_copies_come_in_as_copies(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str], unchanged: Callable[..., int]
) -> None:
    copy = photos[0].with_name("zz.png")
    shutil.copy(photos[0], copy)
    every = [*photos, copy]
    assert "8 pictures" in take_in(rclip(tmp_path / "db.sqlite3", every, embedded(every)))
    assert unchanged() == 9


def test_what_an_index_run_passes_over_stays_out(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str], unchanged: Callable[..., int]
) -> None:
    hidden = paint(tmp_path / "photos/.trash/1.png", "red")
    raw = photos[0].with_suffix(".cr2")
    shutil.copy(photos[0], raw)
    every = [*photos, hidden, raw]
    told = take_in(rclip(tmp_path / "db.sqlite3", every, embedded(every)))
    assert "8 pictures" in told
    assert "left out 1: atisbo index passes over such files" in told
    assert "left out 1: it goes with the picture beside it" in told
    assert unchanged() == 8


def test_links_to_folders_are_followed_to_the_files(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str], unchanged: Callable[..., int]
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    names = [tmp_path / "link/sub" / one.name for one in photos]
    assert "8 pictures" in take_in(rclip(tmp_path / "db.sqlite3", names, embedded(photos)))
    assert unchanged() == 8


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode elsewhere")
def test_names_that_are_not_unicode_lead_nowhere_and_stop_nothing(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str]
) -> None:
    database = rclip(tmp_path / "db.sqlite3", photos, embedded(photos))
    odd = os.fsencode(tmp_path / "photos/sub") + b"/gr\xfcn.png"
    shutil.copy(photos[1], odd)
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE images SET filepath = CAST(? AS TEXT) WHERE id = 2", (odd,))
        connection.execute("UPDATE images SET deleted = 1 WHERE id = 3")
        connection.execute("UPDATE images SET vector = x'0000' WHERE id = 4")
    connection.close()
    told = take_in(database)
    assert "5 pictures" in told
    assert "left out 1: atisbo index passes over such files" in told
    assert "left out 1: no vector" in told


def test_files_newer_than_the_vectors_are_judged_apart(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str]
) -> None:
    output = clip_retrieval(tmp_path / "out", photos, embedded(photos))
    later = (output / "metadata/metadata_1.parquet").stat().st_mtime + LATER_S
    for path in photos[:3]:
        os.utime(path, (later, later))
    assert "8 pictures" in take_in(output)
    shutil.rmtree(tmp_path / "library")
    paint(photos[0], "white")
    paint(photos[1], "black")
    os.utime(photos[0], (later, later))
    os.utime(photos[1], (later, later))
    told = take_in(output)
    assert "5 pictures" in told
    assert "left out 3: the file is newer than its vector" in told


def test_what_cannot_be_compared_is_taken_on_a_word_only(
    photos: list[Path], tmp_path: Path, run: Callable[..., Result], take_in: Callable[..., str]
) -> None:
    vectors = embedded(photos)
    for path in photos:
        content = path.read_bytes()
        path.write_bytes(content[: content.index(b"IDAT") + 8])
    database = rclip(tmp_path / "db.sqlite3", photos, vectors)
    refused = run("import", database)
    assert refused.exit_code == 2
    assert "nothing proves that the rclip library was made with colour" in refused.output
    assert not (tmp_path / "library" / "library.json").exists()
    assert "your word alone" in take_in(database, "--unproved")


def test_a_word_does_not_help_against_a_measure(
    photos: list[Path], tmp_path: Path, run: Callable[..., Result]
) -> None:
    database = rclip(tmp_path / "db.sqlite3", photos, embedded(photos)[::-1])
    refused = run("import", database, "--unproved")
    assert refused.exit_code == 2
    assert "was not made with colour" in refused.output


def test_another_model_than_the_library_s_is_refused(
    photos: list[Path], tmp_path: Path, run: Callable[..., Result]
) -> None:
    paint(tmp_path / "mine/1.png", "red")
    assert run("index", tmp_path / "mine").exit_code == 0
    database = rclip(tmp_path / "db.sqlite3", photos, np.ones((8, 5), np.float32))
    refused = run("import", database, "--model", "pocket")
    assert (refused.exit_code, "is one of colour" in refused.output) == (2, True)
    refused = run("import", database)
    assert (refused.exit_code, "vectors of 5 numbers, colour makes 3" in refused.output) == (
        2,
        True,
    )


def test_a_database_of_a_newer_rclip_needs_a_model_to_be_named(
    photos: list[Path],
    tmp_path: Path,
    run: Callable[..., Result],
    take_in: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = rclip(tmp_path / "db.sqlite3", photos, embedded(photos), version=9)
    monkeypatch.delenv("ATISBO_MODEL")
    refused = run("import", database)
    assert (refused.exit_code, "--model NAME" in refused.output) == (2, True)
    assert "8 pictures" in take_in(database, "--model", "colour")


def test_the_folder_that_holds_a_database_may_be_named(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str]
) -> None:
    (tmp_path / "rclip").mkdir()
    rclip(tmp_path / "rclip/db.sqlite3", photos, embedded(photos))
    assert "8 pictures" in take_in(tmp_path / "rclip")


def test_parts_that_differ_in_width_or_lack_a_file_are_named(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str]
) -> None:
    output = clip_retrieval(tmp_path / "out", photos, embedded(photos))
    np.save(output / "img_emb/img_emb_1.npy", np.ones((4, 5), np.float16))
    (output / "text_emb/text_emb_0.npy").unlink()
    np.save(output / "img_emb/img_emb_7.npy", np.ones((4, 3), np.float16))
    told = take_in(output)
    assert "4 pictures" in told
    assert "img_emb_1.npy has vectors of 5 numbers, those before it 3" in told
    assert "text_emb_0.npy is missing" in told
    assert "img_emb_7.npy has no metadata: metadata_7.parquet is missing" in told


def test_an_array_of_objects_is_not_opened(
    photos: list[Path], tmp_path: Path, run: Callable[..., Result]
) -> None:
    output = written(tmp_path / "out", list(map(str, photos)), embedded(photos))
    np.save(output / "img_emb/img_emb_0.npy", np.array([print] * 8, object), allow_pickle=True)
    refused = run("import", output)
    assert refused.exit_code == 2
    assert "cannot be taken in" in refused.output
    assert "img_emb_0.npy" in refused.output


def test_pictures_outside_of_the_named_folder_stay_out(
    photos: list[Path], tmp_path: Path, take_in: Callable[..., str]
) -> None:
    every = [*photos, paint(tmp_path / "other/1.png", "white")]
    database = rclip(tmp_path / "db.sqlite3", every, embedded(every))
    told = take_in(database, "--root", tmp_path / "photos")
    assert "8 pictures" in told
    assert "left out 1: it does not lie in the named folder" in told


def test_a_database_that_is_damaged_or_in_use_is_named(
    photos: list[Path],
    tmp_path: Path,
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = rclip(tmp_path / "db.sqlite3", photos, embedded(photos))
    at_once = partial(sqlite3.connect, timeout=0)
    with sqlite3.connect(database, isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(sqlite3, "connect", at_once)
        refused = run("import", database)
        connection.execute("ROLLBACK")
    connection.close()
    assert (refused.exit_code, "locked" in refused.output) == (2, True)
    content = bytearray(database.read_bytes())
    content[100:] = bytes(len(content) - 100)
    database.write_bytes(content)
    refused = run("import", database)
    assert (refused.exit_code, "cannot be read" in refused.output) == (2, True)


def test_captions_alone_of_another_model_are_refused(
    photos: list[Path], tmp_path: Path, run: Callable[..., Result]
) -> None:
    words = [f"all {one}" for one in COLOURS]
    other = np.roll(said(words), 1, axis=1)
    output = written(tmp_path / "out", list(map(str, photos)), None, words, other)
    refused = run("import", output)
    assert (refused.exit_code, "was not made with colour" in refused.output) == (2, True)


def test_an_import_that_was_cut_off_goes_on(
    photos: list[Path],
    tmp_path: Path,
    run: Callable[..., Result],
    take_in: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = clip_retrieval(tmp_path / "out", photos, embedded(photos))
    monkeypatch.setenv("ATISBO_CHECKPOINT_ITEMS", "2")
    whole = PeerEngine.run

    def cut(self: PeerEngine, files: Iterable[SourceFile]) -> Iterator[EmbeddedFile]:
        yield from islice(whole(self, files), 11)  # five pictures with captions, one without
        raise ConnectionAbortedError

    with monkeypatch.context() as patched:
        patched.setattr(PeerEngine, "run", cut)
        assert isinstance(run("import", output).exception, ConnectionAbortedError)
    assert len(items(tmp_path)) == 5
    assert "3 pictures and 3 captions came in from clip-retrieval; 5 files" in take_in(output)
    assert run("verify").exit_code == 0
    assert len(items(tmp_path, Modality.TEXT)) == 8


def test_a_real_model_is_known_by_what_the_tool_s_own_way_of_reading_gives(
    shared_data: Path, teacher: str, tmp_path: Path, run: Callable[..., Result]
) -> None:
    open_clip = pytest.importorskip("open_clip")
    torch = pytest.importorskip("torch")
    some = sorted((shared_data / "flickr8k" / "images").glob("*.jpg"))[:12]
    folder = tmp_path / "photos"
    folder.mkdir()
    copied = [Path(shutil.copy2(one, folder)) for one in some]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, _, transform = open_clip.create_model_and_transforms(
            teacher.removeprefix("open_clip:")
        )
    pictures = torch.stack([transform(Image.open(one)) for one in copied])
    with torch.inference_mode():
        right = unit(model.eval().encode_image(pictures).numpy())
        wrong = unit(model.encode_image(pictures * 2 + 0.5).numpy())
    assert not compared(wrong, right).is_same
    output = written(tmp_path / "out", list(map(str, copied)), right)
    told = run("import", output, "--model", teacher, "--device", "cpu")
    assert "12 pictures" in told.output
