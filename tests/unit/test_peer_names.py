"""Names that other tools wrote: where they lead here, and which folders they belong to."""

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from indexer.exchange.placing import Placing, roots_of
from indexer.exchange.survey import some_of


def files(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return paths


def test_absolute_names_stay_what_they_are(tmp_path: Path) -> None:
    (path,) = files(tmp_path, "a/1.jpg")
    placing = Placing([str(path)], bases=[])
    assert placing.path_of(str(path)) == path
    assert placing.path_of("/gone/2.jpg") == Path("/gone/2.jpg")


def test_relative_names_start_where_most_of_them_lead_somewhere(tmp_path: Path) -> None:
    files(tmp_path / "elsewhere", "p/1.jpg")
    _, two, three = files(tmp_path / "work", "p/1.jpg", "p/2.jpg", "p/3.jpg")
    names = ["p/1.jpg", "p/2.jpg", "./p/3.jpg"]
    placing = Placing(names, bases=[tmp_path / "elsewhere", tmp_path / "work"])
    assert placing.path_of("p/2.jpg") == two
    assert placing.path_of("./p/3.jpg") == three


def test_a_named_folder_may_be_the_first_part_of_the_names(tmp_path: Path) -> None:
    (path,) = files(tmp_path, "photos/sub/1.jpg")
    for name in ("photos/sub/1.jpg", "sub/1.jpg"):
        assert Placing([name], bases=[], root=tmp_path / "photos").path_of(name) == path


def test_a_folder_that_moved_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    one, two = files(tmp_path / "new", "x/1.jpg", "y/2.jpg")
    names = ["/old/place/x/1.jpg", "/old/place/y/2.jpg", "/old/place/y/gone.jpg"]
    placing = Placing(names, bases=[], root=tmp_path / "new")
    assert [placing.path_of(name) for name in names[:2]] == [one, two]
    assert placing.path_of("/old/place/1.jpg") == tmp_path / "new/1.jpg"


def test_folders_are_mapped_one_by_one(tmp_path: Path) -> None:
    one, two = files(tmp_path, "a/1.jpg", "b/2.jpg")
    moved = {"/old/a": str(one.parent), "/old/b": str(two.parent)}
    placing = Placing(["/old/a/1.jpg"], bases=[], moved=moved)
    assert placing.path_of("/old/a/1.jpg") == one
    assert placing.path_of("/old/b/2.jpg") == two
    assert placing.path_of("/old/abc/2.jpg") == Path("/old/abc/2.jpg")


def test_a_name_that_no_file_can_have_leads_nowhere() -> None:
    placing = Placing(["/a\0b.jpg", ""], bases=[])
    assert placing.path_of("/a\0b.jpg") is None
    assert placing.path_of("") is None


def test_the_folder_that_all_share_is_the_root() -> None:
    assert roots_of([Path("/d/p/a"), Path("/d/p/b/c")], []) == [Path("/d/p")]
    assert roots_of([Path("/d/p/a")], []) == [Path("/d/p/a")]
    assert roots_of([], []) == []


def test_no_disk_and_no_home_is_taken_for_a_folder_of_pictures() -> None:
    folders = [Path("/home/me/Pictures/1"), Path("/home/me/Pictures/2"), Path("/mnt/disk/p")]
    assert roots_of(folders, []) == [Path("/home/me/Pictures"), Path("/mnt/disk/p")]
    home = Path.home()
    assert roots_of([home / "a/b", home / "a/c", home / "d"], []) == [home / "a", home / "d"]
    assert roots_of([home, home / "d"], []) == [home]


def test_folders_that_the_library_knows_stay_its_folders() -> None:
    known = [Path("/d/p"), Path("/unused")]
    assert roots_of([Path("/d/p/a"), Path("/d/q")], known) == [Path("/d/p"), Path("/d/q")]


@given(st.integers(0, 3000), st.integers(1, 64))
def test_a_sample_is_spread_and_never_large(count: int, most: int) -> None:
    names = [str(number) for number in range(count)]
    some = some_of(iter(names), most)
    assert min(count, most) <= len(some) <= 2 * most
    steps = {int(b) - int(a) for a, b in pairwise(some)}
    assert len(steps) <= 1
