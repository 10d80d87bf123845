"""Walking folders: which files are there, and of what kind."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from indexer.errors import ConfigError
from indexer.media.captions import SIDECAR_SUFFIXES
from indexer.media.film_names import VIDEO_SUFFIXES, is_film
from indexer.media.image import IMAGE_SUFFIXES
from indexer.media.pictures import described_names
from indexer.media.shards import SHARD_SUFFIXES, is_shard
from indexer.media.subtitles import SUBTITLE_SUFFIXES
from indexer.media.tables import TABLE_SUFFIXES, is_caption_table
from indexer.types import Kind, Scope, SourceFile

_PASSED_OVER = frozenset({"@eadir", "__macosx", "$recycle.bin", "#recycle", "lost+found"})
_END_BYTES = 65_536
_LOOKED_AT = IMAGE_SUFFIXES | VIDEO_SUFFIXES | TABLE_SUFFIXES | SHARD_SUFFIXES | SIDECAR_SUFFIXES


class Unreadable(NamedTuple):
    """A folder or file that could not be looked at, and why; the walk went on without it."""

    path: Path
    reason: str


def distinct_roots(folders: Iterable[Path]) -> Sequence[Path]:
    """Returns the folders as absolute paths, those inside another one left out.

    Raises:
        ConfigError: one is not a folder.
    """
    roots: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"{folder} is not a folder. Name one that holds pictures.")
        roots.append(folder.resolve())
    ordered = sorted(set(roots))
    return [root for root in ordered if not any(_walked_by(other, root) for other in ordered)]


def _walked_by(outer: Path, inner: Path) -> bool:
    """Whether a scan of `outer` comes by `inner`, another folder."""
    if inner == outer or not inner.is_relative_to(outer):
        return False
    return not any(passed_over(name) for name in inner.relative_to(outer).parts)


def scan(
    root: Path, *, exclude: Path | None = None, scopes: Sequence[Scope] | None = None
) -> Iterator[SourceFile | Unreadable]:
    """Yields the pictures, films and caption files under `root`, folder by folder in name order.

    Hidden files and the folders that systems keep for themselves are passed over, and so is
    `exclude`, the library, should it lie inside. Links to folders are not followed, links to files
    only if they stay inside the root. `scopes` limits the walk to those inside the root.
    """
    root = root.resolve()
    excluded = exclude.resolve() if exclude else None
    folders = [root] if scopes is None else _starts(root, scopes)
    shallow = {scope.folder for scope in scopes or () if not scope.deep}
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield Unreadable(folder, f"the folder cannot be read: {error.strerror}")
            continue
        inside: list[Path] = []
        names = {entry.name.lower() for entry in entries}
        for entry in entries:
            if passed_over(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                if Path(entry.path) != excluded:
                    inside.append(Path(entry.path))
                continue
            yield from _looked_at(entry, root, names)
        if folder not in shallow:
            folders.extend(reversed(inside))


def _starts(root: Path, scopes: Sequence[Scope]) -> list[Path]:
    """Returns the scopes' folders that a walk of the root comes by, each to be walked once."""
    inside = [one for one in scopes if one.folder == root or _walked_by(root, one.folder)]
    deep = [one.folder for one in inside if one.deep]
    return sorted(
        {
            one.folder
            for one in inside
            if one.folder.is_dir()
            and not any(one.folder.is_relative_to(d) for d in deep if d != one.folder)
        },
        reverse=True,
    )


def passed_over(name: str) -> bool:
    """Whether a walk passes over files and folders of that name: hidden ones, those of systems."""
    return name.startswith(".") or name.lower() in _PASSED_OVER


def _looked_at(
    entry: "os.DirEntry[str]", root: Path, names: set[str]
) -> Iterator[SourceFile | Unreadable]:
    suffix = PurePosixPath(entry.name).suffix.lower()
    if suffix not in _LOOKED_AT:
        return
    path = Path(entry.path)
    try:
        entry.name.encode()
        if entry.is_symlink() and not path.resolve(strict=True).is_relative_to(root):
            return
        if not entry.is_file():
            return
        kind = _kind(path, suffix, names)
        if kind is None:
            return
        stat = entry.stat()
    except UnicodeEncodeError:
        yield Unreadable(path, "its name is not valid Unicode; rename it")
        return
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        yield Unreadable(path, f"it cannot be looked at: {error}")
        return
    inner = path.relative_to(root).as_posix()
    yield SourceFile(root.as_posix(), inner, kind, stat.st_size, stat.st_mtime_ns)


def _kind(path: Path, suffix: str, names: set[str]) -> Kind | None:
    if suffix in IMAGE_SUFFIXES:
        return Kind.IMAGE
    if suffix in VIDEO_SUFFIXES:
        return Kind.VIDEO if is_film(path) else None
    if suffix in SIDECAR_SUFFIXES:
        wanted = VIDEO_SUFFIXES if suffix in SUBTITLE_SUFFIXES else IMAGE_SUFFIXES | VIDEO_SUFFIXES
        described = described_names(path.name)
        return Kind.CAPTION if any(_is_there(one, names, wanted) for one in described) else None
    if suffix in SHARD_SUFFIXES:
        return Kind.SHARD if is_shard(path) else None
    return Kind.CAPTION if is_caption_table(_ends(path, suffix), suffix) else None


def _ends(path: Path, suffix: str) -> bytes:
    """Returns the first bytes of the file, and of a JSON document the last as well."""
    with path.open("rb") as file:
        head = file.read(_END_BYTES)
        if suffix != ".json" or len(head) < _END_BYTES:
            return head
        size = file.seek(0, os.SEEK_END)
        file.seek(max(_END_BYTES, size - _END_BYTES))
        return head + file.read()


def _is_there(name: str, names: set[str], suffixes: frozenset[str]) -> bool:
    """Whether a file of that name, with or without its suffix, is among the names."""
    if name in names and PurePosixPath(name).suffix in suffixes:
        return True
    return any(name + suffix in names for suffix in suffixes)
