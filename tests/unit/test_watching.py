"""Where to look after notices: quiet files first, everything when in doubt."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from indexer.types import Scope
from indexer.watching import Due, Notices, Watch


class Time:
    """A clock that a script of notices moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def play(self, script: Iterable[tuple[float, Notices]]) -> Iterator[Notices]:
        for seconds, notice in script:
            self.now += seconds
            yield notice


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.jpg").write_text("one")
    return folder


def played(root: Path, *script: tuple[float, Notices], **options: float) -> list[Due]:
    time = Time()
    watch = Watch([root], root / "library", clock=time, settle_s=2, **options)
    return list(watch.due(time.play(script)))


def test_a_file_is_looked_at_once_it_has_been_quiet(root: Path) -> None:
    one = root / "a" / "1.jpg"
    found = played(root, (0, {one}), (1, {one}), (1, set()), (1, set()), (1, set()))
    assert found == [Due([Scope(root / "a", deep=False)])]


def test_a_file_that_is_still_written_waits_while_others_are_taken(root: Path) -> None:
    one, two = root / "a" / "1.jpg", root / "a" / "2.jpg"
    two.write_text("half")
    found = played(root, (0, {one, two}), (1, {two}), (1, {two}), (1, set()), (1, set()))
    beside = Scope(root / "a", deep=False)
    assert found == [Due([beside], (two,)), Due([beside])]


def test_a_renamed_folder_is_looked_for_at_both_places(root: Path) -> None:
    (root / "a").rename(root / "b")
    (due,) = played(root, (0, {root / "a", root / "b"}), (3, set()))
    assert set(due.scopes or ()) == {
        Scope(root / "a"),
        Scope(root, deep=False),
        Scope(root / "b"),
    }


def test_lost_notices_mean_everything(root: Path) -> None:
    assert played(root, (0, None), (1, set())) == [Due(None)]


def test_very_many_notices_mean_everything(root: Path) -> None:
    many = {root / f"{number}.jpg" for number in range(1500)}
    assert played(root, (0, many), (3, set()), (3, set())) == [Due(None)]


def test_everything_is_looked_at_now_and_then(root: Path) -> None:
    script = [(10.0, set[Path]()) for _ in range(13)]
    assert played(root, *script, rescan_s=60) == [Due(None), Due(None)]


def test_a_look_that_failed_is_made_again(root: Path) -> None:
    time = Time()
    watch = Watch([root], root / "library", clock=time)
    due = watch.due(time.play([(0, None), (0, set()), (0, set())]))
    assert next(due) == Due(None)
    watch.again()
    assert next(due) == Due(None)
    assert next(due, None) is None


@pytest.mark.parametrize("name", ["library/x.segment", ".hidden/1.jpg", ".1.jpg.swp", "../2.jpg"])
def test_what_is_none_of_our_business_is_passed_over(root: Path, name: str) -> None:
    path = Path(root, name) if ".." not in name else root.parent / "2.jpg"
    assert played(root, (0, {path}), (9, set())) == []
