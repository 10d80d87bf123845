"""`atisbo index` and `atisbo status` as a user runs them, on pictures drawn here."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

COLOURS = {"red": (250, 10, 10), "green": (10, 170, 10), "blue": (10, 10, 250)}


def atisbo(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    options.setdefault("env", {**os.environ, "ATISBO_MODEL": "colour"})
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, **options
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (64, 48), colour).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"a {name} wall\nsomething {name}\n")
    (folder / "captions.csv").write_text("image,caption\nred.png,red from a table\n")
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


def status(library: Path) -> dict[str, object]:
    result = atisbo("status", "--library", library, "--skipped", "--json")
    assert result.returncode == 0, result.stderr
    facts: dict[str, object] = json.loads(result.stdout)
    return facts


def found(library: Path, query: str, target: str = "image") -> list[dict[str, object]]:
    result = atisbo("search", query, "--library", library, "--target", target, "--json")
    assert result.returncode == 0, result.stderr
    return [hit["item"] for hit in json.loads(result.stdout)["hits"]]


def test_pictures_and_captions_are_found_after_indexing(photos: Path, library: Path) -> None:
    result = atisbo("index", photos, "--library", library)
    assert result.returncode == 0, result.stderr
    assert "pictures" in result.stdout
    facts = status(library)
    assert (facts["pictures"], facts["captions"], facts["files_skipped"]) == (3, 7, 0)
    assert (facts["pictures_vectors"], facts["captions_vectors"]) == (3, 7)
    assert found(library, "blue")[0]["path"] == "blue.png"
    captions = {item["text"] for item in found(library, "red", "text")[:3]}
    assert captions == {"a red wall", "something red", "red from a table"}


def test_a_second_run_does_nothing_and_loads_no_model(photos: Path, library: Path) -> None:
    atisbo("index", photos, "--library", library)
    before = status(library)
    again = atisbo("index", photos, "--library", library)
    assert again.returncode == 0
    assert "files unchanged" in again.stdout
    assert status(library) == before


def test_a_changed_picture_replaces_the_old_one(photos: Path, library: Path) -> None:
    atisbo("index", photos, "--library", library)
    Image.new("RGB", (640, 48), COLOURS["blue"]).save(photos / "red.png")
    assert atisbo("index", photos, "--library", library).returncode == 0
    assert status(library)["pictures"] == 3
    items = {item["path"]: item for item in found(library, "blue")}
    assert items["red.png"]["width"] == 640


def ids(library: Path, query: str) -> list[tuple[object, str]]:
    return [(item["id"], Path(str(item["path"])).name) for item in found(library, query)]


def test_a_renamed_folder_keeps_ids_and_captions_and_loads_no_model(
    photos: Path, library: Path
) -> None:
    inner = photos / "2024"
    inner.mkdir()
    for path in [*photos.glob("*.png"), *photos.glob("*.txt")]:
        path.rename(inner / path.name)
    atisbo("index", photos, "--library", library)
    before = ids(library, "green")
    inner.rename(photos / "2024 Ferien")
    for suffix in (".png", ".txt"):
        (photos / "2024 Ferien" / f"red{suffix}").rename(photos / f"rot{suffix}")
    environment = {**os.environ, "ATISBO_MODEL": "colour", "ATISBO_DEVICE": "no such device"}
    result = atisbo("index", photos, "--library", library, env=environment)
    assert result.returncode == 0, result.stderr
    assert "files moved" in result.stdout
    after = ids(library, "green")
    assert after[0] == before[0]
    assert {one[0] for one in after} == {one[0] for one in before}
    red = found(library, "red")[0]
    assert Path(str(red["path"])).name == "rot.png"
    facts = status(library)
    assert (facts["pictures"], facts["captions"]) == (3, 7)
    assert (facts["pictures_vectors"], facts["captions_vectors"]) == (3, 7)


def test_a_table_finds_its_picture_again_in_another_folder(photos: Path, library: Path) -> None:
    atisbo("index", photos, "--library", library)
    (photos / "red.txt").unlink()
    (photos / "far").mkdir()
    (photos / "red.png").unlink()
    Image.new("RGB", (30, 30), (255, 0, 0)).save(photos / "far" / "red.png")
    atisbo("index", photos, "--library", library)
    captions = found(library, "red", "text")
    linked = {item["text"]: item["picture"]["id"] for item in captions}
    assert linked["red from a table"] == found(library, "red")[0]["id"]


def test_deleted_files_are_forgotten_unless_they_are_to_be_kept(
    photos: Path, library: Path
) -> None:
    atisbo("index", photos, "--library", library)
    (photos / "red.png").unlink()
    (photos / "red.txt").unlink()
    assert atisbo("index", photos, "--library", library, "--keep-missing").returncode == 0
    assert status(library)["pictures"] == 3
    result = atisbo("index", photos, "--library", library)
    assert "files forgotten" in result.stdout
    facts = status(library)
    assert (facts["pictures"], facts["captions"]) == (2, 5)
    assert (facts["pictures_vectors"], facts["captions_vectors"]) == (2, 5)


def test_an_empty_root_is_not_taken_for_deleted(photos: Path, library: Path) -> None:
    atisbo("index", photos, "--library", library)
    away = photos.rename(photos.parent / "unmounted")
    photos.mkdir()
    result = atisbo("index", photos, "--library", library)
    assert result.returncode == 0
    assert "is its disk mounted?" in " ".join(result.stderr.split())
    assert status(library)["pictures"] == 3
    assert atisbo("index", photos, "--library", library, "--allow-empty").returncode == 0
    assert status(library)["pictures"] == 0
    photos.rmdir()
    away.rename(photos)
    atisbo("index", photos, "--library", library)
    assert status(library)["pictures"] == 3


def test_a_folder_indexed_alone_before_becomes_part_of_the_one_around_it(
    photos: Path, library: Path
) -> None:
    atisbo("index", photos, "--library", library)
    before = ids(library, "green")
    result = atisbo("index", photos.parent, "--library", library)
    assert "files moved" in result.stdout
    assert ids(library, "green") == before
    assert status(library)["pictures"] == 3


def test_a_touched_file_is_not_embedded_again(photos: Path, library: Path) -> None:
    atisbo("index", photos, "--library", library)
    before = ids(library, "green")
    os.utime(photos / "green.png")
    environment = {**os.environ, "ATISBO_MODEL": "colour", "ATISBO_DEVICE": "no such device"}
    result = atisbo("index", photos, "--library", library, env=environment)
    assert result.returncode == 0, result.stderr
    assert ids(library, "green") == before


def test_everything_is_read_anew_if_wanted_but_what_was_forgotten(
    photos: Path, library: Path
) -> None:
    atisbo("index", photos, "--library", library)
    atisbo("forget", photos / "red.png", "--library", library)
    before = status(library)
    result = atisbo("index", photos, "--library", library, "--again")
    assert result.returncode == 0, result.stderr
    assert "pictures │ 2 │ 2" in " ".join(result.stdout.replace("(", " ").split())
    assert {**status(library), "bytes_on_disk": 0} == {**before, "bytes_on_disk": 0}
    unchanged = atisbo("index", photos, "--library", library)
    assert "items/s" not in unchanged.stdout


def test_a_long_path_is_told_whole_whatever_its_name(photos: Path, library: Path) -> None:
    folder = photos / ("a folder with a long name " * 4).strip() / "[bold]"
    folder.mkdir(parents=True)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
    result = atisbo("index", photos, "--library", library)
    assert f"skipped {folder / 'broken.jpg'}: " in result.stderr


def test_a_bad_file_is_skipped_with_a_stored_reason_and_strict_says_so(
    photos: Path, library: Path
) -> None:
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
    result = atisbo("index", photos, "--library", library, "--strict")
    assert result.returncode == 1
    assert "broken.jpg" in result.stderr
    facts = status(library)
    assert facts["pictures"] == 3
    (skipped,) = facts["skipped_files"]
    assert skipped["path"].endswith("broken.jpg")
    assert skipped["reason"]
    again = atisbo("index", photos, "--library", library, "--strict")
    assert again.returncode == 0, "a file that did not change is not read again"


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        (["index", "{empty}", "--library", "{library}"], "no pictures or captions"),
        (["index", "{photos}", "--library", "{library}", "--model", "nonsense"], "'nonsense'"),
        (["index", "{photos}", "--library", "{library}", "--batch-size", "0"], "BATCH_SIZE"),
        (["index", "{photos}", "--library", "{photos}/red.png"], "red.png"),
        (["status", "--library", "{library}"], "atisbo index FOLDER"),
        (["search", "red", "--library", "{library}"], "atisbo index FOLDER"),
        (["index", "/no/such/folder"], "/no/such/folder"),
    ],
)
def test_what_cannot_work_is_one_clear_line_and_exit_2(
    photos: Path, library: Path, tmp_path: Path, arguments: list[str], fact: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"photos": photos, "library": library, "empty": tmp_path / "empty"}
    result = atisbo(*[argument.format(**places) for argument in arguments])
    assert result.returncode == 2
    assert fact in result.stderr
    assert "Traceback" not in result.stderr
    assert not (library / "library.json").exists()


def test_the_environment_names_the_model_of_new_libraries_only(photos: Path, library: Path) -> None:
    atisbo("index", photos, "--library", library)
    result = atisbo(
        "index", "--library", library, env={**os.environ, "ATISBO_MODEL": "open_clip:RN50/none"}
    )
    assert result.returncode == 0, result.stderr
    assert status(library)["model"] == "colour"


def test_without_folders_all_that_were_indexed_are_gone_through(
    photos: Path, library: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (9, 9), (9, 90, 9)).save(other / "grey.png")
    atisbo("index", photos, other, "--library", library)
    Image.new("RGB", (9, 9), (90, 9, 9)).save(photos / "new.png")
    other.rename(tmp_path / "elsewhere")
    result = atisbo("index", "--library", library)
    assert result.returncode == 0, result.stderr
    assert f"{other} is not there" in result.stderr.replace("\n", "")
    assert status(library)["pictures"] == 5
    nothing = atisbo("index", "--library", tmp_path / "none")
    assert nothing.returncode == 2
    assert "there is no library" in nothing.stderr


def test_a_folder_inside_an_indexed_one_is_a_part_of_it(photos: Path, library: Path) -> None:
    for name in ("sub", "other"):
        (photos / name).mkdir()
        Image.new("RGB", (9, 9), (len(name) * 30, 9, 9)).save(photos / name / "one.png")
    atisbo("index", photos, "--library", library)
    (photos / "red.png").unlink()
    Image.new("RGB", (9, 9), (9, 9, 60)).save(photos / "sub" / "two.png")
    result = atisbo("index", photos / "sub", "--library", library)
    assert result.returncode == 0, result.stderr
    held = {item["path"] for item in found(library, "red")}
    assert held == {
        "red.png",
        "green.png",
        "blue.png",
        "other/one.png",
        "sub/one.png",
        "sub/two.png",
    }
    (photos / "sub" / "one.png").unlink()
    (photos / "sub" / "two.png").unlink()
    assert "indexed: is its disk mounted" in " ".join(
        atisbo("index", photos / "sub", "--library", library).stderr.split()
    )
    assert status(library)["pictures"] == 6
    atisbo("index", photos / "sub", "--library", library, "--allow-empty")
    assert status(library)["pictures"] == 4


def test_a_library_moves_to_another_model_and_back(photos: Path, library: Path) -> None:
    atisbo("index", photos, "--library", library)
    (photos / "red.png").rename(photos.parent / "red.png")
    Image.new("RGB", (64, 48), (120, 120, 120)).save(photos / "new.png")
    result = atisbo("index", photos, "--library", library, "--model", "pocket", "--keep-missing")
    assert result.returncode == 0, result.stderr
    assert "1 of them by their previews" in " ".join(result.stderr.split())
    facts = status(library)
    assert (facts["model"], facts["pictures"], facts["pictures_vectors"]) == ("pocket", 4, 4)
    result = atisbo("index", "--library", library, "--model", "colour", "--keep-missing")
    assert result.returncode == 0, result.stderr
    assert found(library, "red")[0]["path"] == "red.png"
    facts = status(library)
    assert (facts["model"], facts["pictures"], facts["pictures_vectors"]) == ("colour", 4, 4)
    verified = atisbo("verify", "--library", library)
    assert "WRONG" not in verified.stdout.replace("WRONG: 1 files", "")


def test_a_move_without_previews_stays_with_the_model_that_is_there(
    photos: Path, library: Path
) -> None:
    atisbo("index", photos, "--library", library)
    shutil.rmtree(library / "thumbnails")
    (photos / "red.png").unlink()
    command = ("index", "--library", library, "--model", "pocket", "--keep-missing")
    result = atisbo(*command)
    assert result.returncode == 2
    assert "1 pictures can neither be read nor have a preview" in result.stderr
    assert status(library)["model"] == "colour"
    name = result.stderr.split()[-1]
    used = atisbo("models", "use", name, "--library", library)
    assert used.returncode == 0, used.stderr
    assert "1 items have no vector in it" in used.stderr


def test_killed_runs_lose_nothing_and_show_nothing_twice(tmp_path: Path, library: Path) -> None:
    """SIGKILL at several moments, then a whole run: all is there once."""
    photos = tmp_path / "many"
    photos.mkdir()
    for number in range(400):
        colour = list(COLOURS.values())[number % 3]
        Image.new("RGB", (400, 300 + number), colour).save(photos / f"{number}.jpg")
    command = [sys.executable, "-m", "indexer", "index", photos, "--library", library]
    quick = {**os.environ, "ATISBO_MODEL": "colour", "ATISBO_CHECKPOINT_ITEMS": "32"}
    for delay_s in (1.5, 2.0, 2.5, 3.0):
        run = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=quick
        )
        time.sleep(delay_s)
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert atisbo(*command[3:]).returncode == 0
    facts = status(library)
    assert facts["pictures"] == facts["pictures_vectors"] == 400
    result = atisbo("search", "red", "-k", 200, "--library", library, "--json")
    hits = [hit["item"]["path"] for hit in json.loads(result.stdout)["hits"]]
    assert len(set(hits)) == 200
    assert all(int(path.partition(".")[0]) % 3 == 0 for path in hits[:134])


def test_help_answers_without_loading_anything_heavy() -> None:
    code = (
        "import sys\n"
        "from indexer.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'faiss', 'sqlalchemy', 'av', 'PIL', 'numpy', 'flask', 'pydantic'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "loaded: []" in result.stdout, result.stdout + result.stderr
    for command in ("index", "search", "serve", "status"):
        assert command in result.stdout
