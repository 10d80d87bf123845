"""What of a peer can be taken in: which file each row is, unchanged since, and why others stay."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from indexer.exchange.peers import Peer, PeerRow
from indexer.exchange.placing import Placing
from indexer.types import Kind, SourceFile

GONE = "the file is gone, or its name leads nowhere from here"
PASSED_OVER = "atisbo index passes over such files: hidden, of another kind, or oddly named"
CHANGED = "the file has changed since; atisbo index embeds it"
_OUTSIDE = "it does not lie in the named folder"
_SEVERAL = "several files have that name"
_SEEN = "the file is named twice"
_MTIME_STEP_NS = 1_000  # seconds as a float tell no more of a time of today
_SIDECAR = ".txt"

Find = Callable[[str], SourceFile | str]
"""Returns the file that a name means, or why there is none."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a row: where its vectors are, and its caption if it comes from here."""

    place: int
    caption: str | None


@dataclass(slots=True)
class Survey:
    """Files with their rows.

    Attributes:
        pictures: Those with vectors of a picture; the first row gives it, all give captions.
        sidecars: Caption files beside them, with the row that says the same.
        newer: Pictures whose files are newer than the vectors: copied, or changed, since.
        left_out: How many rows stay, by reason.
    """

    pictures: dict[SourceFile, list[Kept]] = field(default_factory=dict)
    sidecars: dict[SourceFile, Kept] = field(default_factory=dict)
    newer: set[SourceFile] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)


def survey(peer: Peer, find: Find, files: Iterable[SourceFile]) -> Survey:
    """Returns what of the peer belongs to which of the files."""
    beside = {
        file.key: file
        for file in files
        if file.kind is Kind.CAPTION and file.path.lower().endswith(_SIDECAR)
    }
    found = Survey()
    for row in peer.rows():
        file = find(row.name)
        if isinstance(file, str):
            found.left_out[file] += 1
            continue
        if file.kind is not Kind.IMAGE:
            found.left_out[PASSED_OVER] += 1
            continue
        if _changed(row, file):
            found.left_out[CHANGED] += 1
            continue
        if row.written_ns is not None and file.mtime_ns > row.written_ns:
            found.newer.add(file)
        caption = row.caption
        sidecar = _sidecar(file, beside) if caption is not None else None
        if sidecar is not None:
            found.sidecars.setdefault(sidecar, Kept(row.place, caption))
            caption = None
        known = found.pictures.setdefault(file, [])
        if not known or caption is not None:
            known.append(Kept(row.place, caption))
        elif sidecar is None:
            found.left_out[_SEEN] += 1
    return found


def by_path(files: Iterable[SourceFile], placing: Placing, root: Path | None = None) -> Find:
    """Returns how to find files by their paths; links to folders are followed.

    Args:
        files: Those that there are.
        placing: Turns names into paths.
        root: The folder that all of them lie in, where it was named.
    """
    there = {str(file.location): file for file in files}
    folders: dict[Path, Path] = {}

    def find(name: str) -> SourceFile | str:
        path = placing.path_of(name)
        if path is None:
            return GONE
        parent = folders.get(path.parent)
        if parent is None:
            parent = folders[path.parent] = path.parent.resolve()
        file = there.get(f"{parent}/{path.name}") or there.get(str(parent / path.name))
        if file is not None:
            return file
        if root is not None and not parent.is_relative_to(root):
            return _OUTSIDE
        return PASSED_OVER if path.is_file() else GONE

    return find


def by_key(files: Iterable[SourceFile]) -> Find:
    """Returns how to find pictures by the keys of the shards that they were unpacked from."""
    there: dict[str, SourceFile | None] = {}
    for file in files:
        if file.kind is Kind.IMAGE:
            stem = PurePosixPath(file.path).stem
            there[stem] = None if stem in there else file

    def find(name: str) -> SourceFile | str:
        stem = PurePosixPath(name).name
        file = there.get(stem, GONE)
        return _SEVERAL if file is None else file

    return find


def some_of(names: Iterable[str], most: int) -> Sequence[str]:
    """Returns up to twice as many as `most` of the names, spread evenly, holding no more."""
    kept: list[str] = []
    step = 1
    for number, name in enumerate(names):
        if number % step == 0:
            kept.append(name)
            if len(kept) > 2 * most:
                kept = kept[::2]
                step *= 2
    return kept


def _changed(row: PeerRow, file: SourceFile) -> bool:
    if row.size_bytes is not None and row.size_bytes != file.size_bytes:
        return True
    return row.mtime_ns is not None and abs(row.mtime_ns - file.mtime_ns) > _MTIME_STEP_NS


def _sidecar(file: SourceFile, beside: dict[tuple[str, str], SourceFile]) -> SourceFile | None:
    path = PurePosixPath(file.path)
    names = (str(path.with_suffix(_SIDECAR)), f"{path}{_SIDECAR}")
    return next((beside[file.root, one] for one in names if (file.root, one) in beside), None)
