"""Walking folders: what counts, what is passed over, what is said."""

import os
import tarfile
from pathlib import Path

import pytest

from indexer.errors import ConfigError
from indexer.scan import Unreadable, distinct_roots, scan
from indexer.types import Kind, SourceFile


def fill(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"image,caption\n" if name.endswith(".csv") else b"x")


def paths(root: Path, **options: Path) -> list[str]:
    found = list(scan(root, **options))
    assert all(isinstance(one, SourceFile) for one in found)
    return [one.path for one in found if isinstance(one, SourceFile)]


def test_pictures_and_their_captions_are_found_in_order(tmp_path: Path) -> None:
    fill(tmp_path, "b.jpg", "a.HEIC", "a.txt", "sub/c.png", "sub/captions.csv", "sub/C.png.txt")
    found = list(scan(tmp_path))
    assert [(one.path, one.kind) for one in found if isinstance(one, SourceFile)] == [
        ("a.HEIC", Kind.IMAGE),
        ("a.txt", Kind.CAPTION),
        ("b.jpg", Kind.IMAGE),
        ("sub/C.png.txt", Kind.CAPTION),
        ("sub/c.png", Kind.IMAGE),
        ("sub/captions.csv", Kind.CAPTION),
    ]


def test_size_and_time_are_those_of_the_file(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    (found,) = scan(tmp_path)
    stat = (tmp_path / "a.jpg").stat()
    assert found == SourceFile(
        tmp_path.as_posix(), "a.jpg", Kind.IMAGE, stat.st_size, stat.st_mtime_ns
    )


def test_other_files_are_passed_over_in_silence(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "notes.txt",
        "talk.srt",
        "old.xmp",
        "app.ts",
        "all.tar",
        "a.py",
        "LICENSE",
        ".hidden.jpg",
        "._a.jpg",
    )
    fill(tmp_path, ".git/a.jpg", "@eaDir/a.jpg", "__MACOSX/a.jpg", "sub/.thumbnails/a.jpg")
    (tmp_path / "data.json").write_text('{"a": 1}')
    assert paths(tmp_path) == []


def test_films_shards_and_what_belongs_to_them_are_found(tmp_path: Path) -> None:
    fill(tmp_path, "A.MOV", "a.srt", "b.mkv", "b.pt-BR.forced.vtt", "b.mkv.srt", "b.txt")
    fill(tmp_path, "c.nef", "c.nef.xmp", "d.jpg", "D.xmp", "d.raw.xmp", "e.de.srt", "d.en.srt")
    packet = b"G" + bytes(187)
    (tmp_path / "stream.ts").write_bytes(packet * 4)
    with tarfile.open(tmp_path / "shard.tar", "w") as shard:
        shard.add(tmp_path / "d.jpg", "0001.jpg")
    with tarfile.open(tmp_path / "notes.tar", "w") as archive:
        archive.add(tmp_path / "b.txt", "b.txt")
    found = {one.path: one.kind for one in scan(tmp_path) if isinstance(one, SourceFile)}
    assert found == {
        **dict.fromkeys(["A.MOV", "b.mkv", "stream.ts"], Kind.VIDEO),
        **dict.fromkeys(["c.nef", "d.jpg"], Kind.IMAGE),
        **dict.fromkeys(["a.srt", "b.pt-BR.forced.vtt", "b.mkv.srt", "b.txt"], Kind.CAPTION),
        **dict.fromkeys(["c.nef.xmp", "D.xmp", "d.raw.xmp"], Kind.CAPTION),
        "shard.tar": Kind.SHARD,
    }


def test_the_library_inside_the_folder_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "library/thumbnails/0/1.webp")
    assert paths(tmp_path, exclude=tmp_path / "library") == ["a.jpg"]


def test_links_stay_inside_the_root_and_never_loop(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    fill(root, "a.jpg", "sub/b.jpg")
    fill(outside, "secret.jpg")
    (root / "inside.jpg").symlink_to(root / "a.jpg")
    (root / "outside.jpg").symlink_to(outside / "secret.jpg")
    (root / "sub" / "loop").symlink_to(root)
    assert paths(root) == ["a.jpg", "inside.jpg", "sub/b.jpg"]


def test_a_dead_link_and_a_bad_name_are_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "z.jpg")
    (tmp_path / "dead.jpg").symlink_to(tmp_path / "nowhere.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.jpg")).write_bytes(b"x")
    found = list(scan(tmp_path))
    said = [one for one in found if isinstance(one, Unreadable)]
    assert [one.path for one in found if isinstance(one, SourceFile)] == ["a.jpg", "z.jpg"]
    assert len(said) == 2
    assert any("not valid Unicode" in one.reason for one in said)


def test_a_folder_that_cannot_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a.jpg", "locked/b.jpg", "z/c.jpg")
    real = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(scan(tmp_path))
    assert Unreadable(tmp_path / "locked", "the folder cannot be read: Permission denied") in found
    assert [one.path for one in found if isinstance(one, SourceFile)] == ["a.jpg", "z/c.jpg"]


def test_folders_inside_others_are_walked_once(tmp_path: Path) -> None:
    fill(tmp_path, "a/b/x.jpg", "ab/x.jpg")
    wanted = [tmp_path / "a" / "b", tmp_path / "a", tmp_path / "ab", tmp_path / "a"]
    assert distinct_roots(wanted) == [tmp_path / "a", tmp_path / "ab"]


def test_a_hidden_folder_that_is_named_is_walked(tmp_path: Path) -> None:
    fill(tmp_path, "x.jpg", ".photos/y.jpg")
    roots = distinct_roots([tmp_path, tmp_path / ".photos"])
    assert [path for root in roots for path in paths(root)] == ["x.jpg", "y.jpg"]


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    with pytest.raises(ConfigError, match=r"a\.jpg is not a folder"):
        distinct_roots([tmp_path / "a.jpg"])
