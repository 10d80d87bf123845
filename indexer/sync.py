"""What became of files that were indexed: the same, touched, moved, or gone.

A file is known by its path, size and time; where these leave a doubt, by its content. Moving a file
keeps its rows, so its ids, captions and vectors stay and nothing is embedded again.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from indexer.errors import MediaError
from indexer.thumbnails import Thumbnails
from indexer.types import (
    CatalogWriter,
    Kind,
    Links,
    MediaReader,
    Modality,
    SourceFile,
    VectorIndex,
)

DIGEST_BYTES = 16

Move = tuple[SourceFile, SourceFile]


@dataclass(frozen=True, slots=True)
class Difference:
    """What the folders tell of the files that the catalogue holds.

    `moved` leads from what was stored to where it is now; `touched` are files whose time alone
    changed; `gone` are nowhere any more. `held_back` are roots that hold no files at all though
    some were indexed, as a disk that is not mounted does: nothing of them counts as gone.
    """

    moved: Sequence[Move] = ()
    touched: Sequence[Move] = ()
    gone: Sequence[SourceFile] = ()
    held_back: Mapping[str, int] = field(default_factory=dict)


def content_digest(path: Path) -> str | None:
    """Returns a digest of the file's bytes, None where it cannot be read."""
    try:
        with path.open("rb") as stream:
            made = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=DIGEST_BYTES))
            return made.hexdigest()
    except OSError:
        return None


def compare(
    roots: Iterable[str],
    files: Sequence[SourceFile],
    catalog: CatalogWriter,
    *,
    unread: Sequence[Path] = (),
    allow_empty: bool = False,
) -> Difference:
    """Returns what became of the files stored under the roots.

    Args:
        roots: The folders that were walked, absolute.
        files: All files found in them.
        catalog: What is known of them.
        unread: Files and folders that could not be looked at: nothing below them counts as gone.
        allow_empty: Whether a root without any file may have lost all of them.
    """
    present = {file.key: file for file in files}
    filled = {file.root for file in files}
    stored: dict[tuple[str, str], SourceFile] = {}
    held_back: dict[str, int] = {}
    known_roots = catalog.roots()
    for root in roots:
        # A folder that was indexed alone before belongs to the one around it from now on.
        inside = [one for one in known_roots if Path(one).is_relative_to(root)]
        known = [file for one in inside for file in catalog.stored(one)]
        if known and root not in filled and not allow_empty:
            held_back[root] = len(known)
            continue
        stored.update({file.key: file for file in known})
    missing = [
        file
        for key, file in stored.items()
        if key not in present and not any(file.location.is_relative_to(path) for path in unread)
    ]
    touched = _touched(stored, present)
    moved = _moved(missing, [file for key, file in present.items() if key not in stored])
    elsewhere = {old.key for old, _ in moved}
    gone = [file for file in missing if file.key not in elsewhere]
    return Difference(moved, touched, gone, held_back)


def apply(
    difference: Difference,
    catalog: CatalogWriter,
    indexes: Mapping[Modality, VectorIndex],
    thumbnails: Thumbnails,
    captions: MediaReader,
) -> None:
    """Makes the catalogue follow the files; rows first, then the vectors of what is gone.

    Captions that moved are read again, by `captions`, for the pictures beside them now. A crash in
    between leaves vectors without rows, which are never shown.
    """
    if moves := [*difference.moved, *difference.touched]:
        catalog.move(moves, _links([new for _, new in difference.moved], captions))
    if difference.gone:
        ids = catalog.forget(difference.gone)
        for index in indexes.values():
            index.remove(ids)
            index.save()
        for item_id in ids.tolist():
            thumbnails.remove(item_id)


def relink(files: Sequence[SourceFile], catalog: CatalogWriter, captions: MediaReader) -> None:
    """Looks again for pictures that captions name and that were not there; to end a run with.

    A table may name a picture that came, or came back, in another folder since it was read.
    """
    present = {file.key: file for file in files}
    known = [present[file.key] for file in catalog.dangling() if file.key in present]
    if links := _links(known, captions):
        catalog.relink(links)


def _links(files: Iterable[SourceFile], captions: MediaReader) -> Mapping[SourceFile, Links]:
    found: dict[SourceFile, Links] = {}
    for file in files:
        if file.kind is Kind.CAPTION:
            with suppress(MediaError):  # it changed since it was compared; the next run sees that
                found[file] = [(sample.position, sample.about) for sample in captions.read(file)]
    return found


def _touched(
    stored: Mapping[tuple[str, str], SourceFile], present: Mapping[tuple[str, str], SourceFile]
) -> list[Move]:
    doubtful = [
        (old, present[key])
        for key, old in stored.items()
        if key in present
        and old.digest is not None
        and (old.size_bytes, old.kind) == (present[key].size_bytes, present[key].kind)
        and old.mtime_ns != present[key].mtime_ns
    ]
    known = _with_digests([new for _, new in doubtful])
    return [
        (old, new)
        for (old, _), new in zip(doubtful, known, strict=True)
        if new.digest == old.digest
    ]


def _moved(missing: Sequence[SourceFile], new: Sequence[SourceFile]) -> list[Move]:
    """Returns which new file is which missing one: the same content, the same name if there is."""
    sizes = {(file.size_bytes, file.kind) for file in missing if file.digest is not None}
    arrived: dict[str, list[SourceFile]] = {}
    for file in _with_digests([one for one in new if (one.size_bytes, one.kind) in sizes]):
        if file.digest is not None:
            arrived.setdefault(file.digest, []).append(file)
    moves: list[Move] = []
    for by_name in (True, False):
        taken = {old.key for old, _ in moves}
        for old in missing:
            choices = arrived.get(old.digest or "", [])
            for file in choices:
                if old.key not in taken and (not by_name or _name(file) == _name(old)):
                    moves.append((old, file))
                    choices.remove(file)
                    break
    return moves


def _name(file: SourceFile) -> str:
    return PurePosixPath(file.path).name


def _with_digests(files: Sequence[SourceFile]) -> Sequence[SourceFile]:
    with ThreadPoolExecutor() as pool:
        found = pool.map(content_digest, [file.location for file in files])
        return [replace(file, digest=one) for file, one in zip(files, found, strict=True)]
