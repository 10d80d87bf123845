"""Where the files lie that another tool names, and which folders to keep them in step with."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from os.path import commonpath, normpath
from pathlib import Path, PurePath

_BROAD_PARTS = 2  # "/" and one more: "/home", "/mnt", "C:\Users"


class Placing:
    """Turns the names that a tool wrote into paths here, all in the same way.

    The way is chosen by a sample of the names: absolute ones as they are, or below another folder
    once the parts in front that differ are taken away; relative ones from the folder that most of
    them lead somewhere from.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        bases: Sequence[Path],
        root: Path | None = None,
        moved: Mapping[str, str] | None = None,
    ) -> None:
        """Chooses the way.

        Args:
            names: Some of the names, spread over all.
            bases: Folders that relative names may start from.
            root: The folder that all files belong to, where it is known.
            moved: Folders that lie elsewhere here, old to new.
        """
        self._moved = moved or {}
        ways = list(self._ways(names, bases, root))
        hits = [sum(_is_file(way(self._renamed(name))) for name in names) for way in ways]
        self._way = ways[hits.index(max(hits))]

    def path_of(self, name: str) -> Path | None:
        """Returns the absolute path that is meant, there or not; None where it is none."""
        return None if "\0" in name or not name else self._way(self._renamed(name))

    def _renamed(self, name: str) -> PurePath:
        path = PurePath(name)
        for old, new in self._moved.items():
            if path.is_relative_to(old):
                return PurePath(new, path.relative_to(old))
        return path

    def _ways(
        self, names: Sequence[str], bases: Sequence[Path], root: Path | None
    ) -> Iterable[Callable[[PurePath], Path | None]]:
        """Yields ways to be tried, the plainest first."""
        starts = [*([root, root.parent] if root else []), *bases]
        yield from (_from(start) for start in dict.fromkeys(starts or [Path.cwd()]))
        if root is not None:
            parents = [self._renamed(name).parent.parts for name in names]
            depth = min(map(len, parents), default=0)
            yield from (_below(root, cut) for cut in range(1, depth + 1))


def roots_of(folders: Collection[Path], known: Sequence[Path]) -> Sequence[Path]:
    """Returns folders that hold all these, few and narrow; those that are known go first.

    One that holds a whole disk, all users or a home is passed over for those inside it, unless it
    holds files itself.
    """
    used = [root for root in known if any(one.is_relative_to(root) for one in folders)]
    left = [one for one in folders if not any(one.is_relative_to(root) for root in used)]
    by_disk: dict[str, list[Path]] = defaultdict(list)
    for one in left:
        by_disk[one.anchor].append(one)
    return [*used, *(root for some in by_disk.values() for root in _narrow(some))]


def _narrow(folders: Sequence[Path]) -> Sequence[Path]:
    common = Path(commonpath(folders))
    if common in folders or not _is_broad(common):
        return [common]
    inside: dict[str, list[Path]] = defaultdict(list)
    for one in folders:
        inside[one.relative_to(common).parts[0]].append(one)
    return [root for _, some in sorted(inside.items()) for root in _narrow(some)]


def _is_broad(folder: Path) -> bool:
    return len(folder.parts) <= _BROAD_PARTS or folder == Path.home()


def _from(start: Path) -> Callable[[PurePath], Path | None]:
    return lambda path: Path(normpath(start / path)) if path.parts else None


def _below(root: Path, cut: int) -> Callable[[PurePath], Path | None]:
    return lambda path: Path(normpath(root.joinpath(*path.parts[cut:])))


def _is_file(path: Path | None) -> bool:
    try:
        return path is not None and path.is_file()
    except (OSError, ValueError):
        return False
