"""What became of files: told from paths, sizes, times and contents, on real files."""

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.sync import compare, content_digest, part_copies
from indexer.types import Kind, Scope, SourceFile


class Stored:
    """A catalogue that remembers files as they were when it was made."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self.files = [replace(one, digest=content_digest(one.location)) for one in files]

    def roots(self) -> Sequence[str]:
        return sorted({one.root for one in self.files})

    def originals(self, sizes: Collection[int]) -> Sequence[SourceFile]:
        return [one for one in self.files if one.size_bytes in sizes]

    def stored(self, root: str) -> Sequence[SourceFile]:
        return [one for one in self.files if one.root == root]


def walk(root: Path) -> list[SourceFile]:
    return [
        SourceFile(
            str(root), path.relative_to(root).as_posix(), Kind.IMAGE, s.st_size, s.st_mtime_ns
        )
        for path in sorted(root.rglob("*.jpg"))
        for s in [path.stat()]
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "a").mkdir(parents=True)
    for name in ("a/1.jpg", "a/2.jpg", "3.jpg"):
        (folder / name).write_text(f"content of {name}")
    return folder


def paths(moves: Sequence[tuple[SourceFile, SourceFile]]) -> list[tuple[str, str]]:
    return sorted((old.path, new.path) for old, new in moves)


def test_nothing_changed(root: Path) -> None:
    found = compare([str(root)], walk(root), Stored(walk(root)))
    assert (found.moved, found.touched, found.gone, found.held_back) == ([], [], [], {})


def test_a_renamed_tree_and_a_renamed_file_are_moves(root: Path) -> None:
    before = Stored(walk(root))
    (root / "a").rename(root / "b")
    (root / "3.jpg").rename(root / "three.jpg")
    found = compare([str(root)], walk(root), before)
    assert paths(found.moved) == [
        ("3.jpg", "three.jpg"),
        ("a/1.jpg", "b/1.jpg"),
        ("a/2.jpg", "b/2.jpg"),
    ]
    assert not found.gone


def test_equal_files_move_to_their_own_names(root: Path) -> None:
    for name in ("1.jpg", "2.jpg"):
        (root / "a" / name).write_text("the same")
    before = Stored(walk(root))
    (root / "a").rename(root / "b")
    found = compare([str(root)], walk(root), before)
    assert paths(found.moved) == [("a/1.jpg", "b/1.jpg"), ("a/2.jpg", "b/2.jpg")]


def test_a_copy_takes_nothing_from_a_file_that_is_still_there(root: Path) -> None:
    before = Stored(walk(root))
    (root / "copy.jpg").write_bytes((root / "3.jpg").read_bytes())
    found = compare([str(root)], walk(root), before)
    assert not found.moved
    assert not found.gone


def test_one_of_two_copies_takes_the_place_of_what_is_gone(root: Path) -> None:
    before = Stored(walk(root))
    content = (root / "3.jpg").read_bytes()
    (root / "3.jpg").unlink()
    (root / "x.jpg").write_bytes(content)
    (root / "y.jpg").write_bytes(content)
    found = compare([str(root)], walk(root), before)
    assert len(found.moved) == 1
    assert not found.gone


def test_another_content_of_the_same_size_is_no_move(root: Path) -> None:
    before = Stored(walk(root))
    size = (root / "3.jpg").stat().st_size
    (root / "3.jpg").unlink()
    (root / "new.jpg").write_text("x" * size)
    found = compare([str(root)], walk(root), before)
    assert not found.moved
    assert [one.path for one in found.gone] == ["3.jpg"]


def test_a_new_time_alone_is_a_touch_and_a_new_content_is_not(root: Path) -> None:
    before = Stored(walk(root))
    os.utime(root / "3.jpg", ns=(1, 1))
    changed = root / "a" / "1.jpg"
    changed.write_text("CONTENT of a/1.jpg")
    os.utime(changed, ns=(2, 2))
    found = compare([str(root)], walk(root), before)
    assert paths(found.touched) == [("3.jpg", "3.jpg")]
    assert not found.gone


def test_what_lies_in_an_unreadable_folder_is_not_gone(root: Path) -> None:
    before = Stored(walk(root))
    seen = [one for one in walk(root) if not one.path.startswith("a/")]
    found = compare([str(root)], seen, before, unread=[root / "a"])
    assert not found.gone
    assert len(compare([str(root)], seen, before).gone) == 2


def test_an_empty_root_is_held_back_unless_allowed(root: Path) -> None:
    before = Stored(walk(root))
    found = compare([str(root)], [], before)
    assert (found.gone, found.held_back) == ([], {str(root): 3})
    assert len(compare([str(root)], [], before, allow_empty=True).gone) == 3


def test_roots_that_were_not_walked_keep_everything(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.jpg").write_text("x")
    before = Stored([*walk(root), *walk(other)])
    assert not compare([str(root)], walk(root), before).gone


def test_a_moved_file_is_known_in_another_root(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    before = Stored(walk(root))
    (root / "3.jpg").rename(other / "3.jpg")
    found = compare([str(root), str(other)], [*walk(root), *walk(other)], before)
    ((old, new),) = found.moved
    assert (old.root, new.root) == (str(root), str(other))


def test_an_unreadable_file_has_no_digest(tmp_path: Path) -> None:
    assert content_digest(tmp_path / "none") is None
    assert content_digest(tmp_path) is None


def test_only_the_first_of_equal_pictures_is_embedded(root: Path) -> None:
    for name in ("a/0.jpg", "copy.jpg"):
        (root / name).write_bytes((root / "3.jpg").read_bytes())
    (root / "same size.jpg").write_text("content OF 3.jpg")
    fresh, copies = part_copies(walk(root), Stored([]))
    assert [one.path for one in fresh] == ["3.jpg", "a/1.jpg", "a/2.jpg", "same size.jpg"]
    assert paths(copies) == [("a/0.jpg", "3.jpg"), ("copy.jpg", "3.jpg")]


def test_a_copy_of_a_stored_picture_is_not_embedded(root: Path) -> None:
    before = Stored(walk(root))
    (root / "b.jpg").write_bytes((root / "3.jpg").read_bytes())
    fresh, copies = part_copies([one for one in walk(root) if one.path == "b.jpg"], before)
    assert (list(fresh), paths(copies)) == ([], [("b.jpg", "3.jpg")])


def test_a_stored_picture_that_changed_too_is_no_original(root: Path) -> None:
    before = Stored(walk(root))
    (root / "b.jpg").write_bytes((root / "3.jpg").read_bytes())
    (root / "3.jpg").write_text("something new, 3")
    changed = [one for one in walk(root) if one.path in ("b.jpg", "3.jpg")]
    fresh, copies = part_copies(changed, before)
    assert ([one.path for one in fresh], list(copies)) == (["3.jpg", "b.jpg"], [])


def test_captions_and_pictures_of_different_size_are_not_read_for_copies(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.sync.content_digest", lambda path: pytest.fail(f"read {path}"))
    (root / "4.jpg").write_text("longer than the others")
    one, two, *_ = walk(root)
    captions = [replace(file, kind=Kind.CAPTION) for file in (one, two)]
    (last,) = [file for file in walk(root) if file.path == "4.jpg"]
    fresh, copies = part_copies([*captions, last], Stored([]))
    assert (list(fresh), list(copies)) == ([*captions, last], [])


def test_a_renamed_tree_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Stored(walk(root))
    (root / "a").rename(root / "b")
    monkeypatch.setattr("indexer.sync.content_digest", lambda path: pytest.fail(f"read {path}"))
    found = compare([str(root)], walk(root), before)
    assert paths(found.moved) == [("a/1.jpg", "b/1.jpg"), ("a/2.jpg", "b/2.jpg")]
    assert found.gone == []


def test_a_time_in_whole_seconds_is_no_proof_of_a_move(root: Path) -> None:
    for one in root.rglob("*.jpg"):
        os.utime(one, ns=(0, 1_700_000_000_000_000_000))
    before = Stored(walk(root))
    (root / "a/1.jpg").unlink()
    other = root / "b" / "1.jpg"
    other.parent.mkdir()
    other.write_text("CONTENT of a/1.jpg")
    os.utime(other, ns=(0, 1_700_000_000_000_000_000))
    found = compare([str(root)], walk(root), before)
    assert list(found.moved) == []
    assert [one.path for one in found.gone] == ["a/1.jpg"]


def test_only_what_is_in_scope_can_be_gone(root: Path) -> None:
    before = Stored(walk(root))
    for name in ("a/1.jpg", "3.jpg"):
        (root / name).unlink()
    for scopes, gone in (
        ([Scope(root / "a")], ["a/1.jpg"]),
        ([Scope(root, deep=False)], ["3.jpg"]),
        ([Scope(root)], ["3.jpg", "a/1.jpg"]),
        ([], []),
    ):
        seen = [one for one in walk(root) if any(s.holds(one.location) for s in scopes)]
        found = compare([str(root)], seen, before, scopes=scopes)
        assert sorted(one.path for one in found.gone) == gone
