"""What became of files that were indexed: the same, touched, moved, or gone.

A file is known by its path, size and time; where these leave a doubt, by its content. Moving a file
keeps its rows, so its ids, captions and vectors stay and nothing is embedded again.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from indexer.errors import MediaError
from indexer.media import remote
from indexer.thumbnails import Thumbnails
from indexer.types import (
    CatalogWriter,
    Ids,
    Kind,
    Links,
    MediaReader,
    Modality,
    Sample,
    Scope,
    SourceFile,
    VectorIndex,
)

DIGEST_BYTES = 16

Move = tuple[SourceFile, SourceFile]
Copy = tuple[SourceFile, SourceFile]
"""A file, and the one that it is an exact copy of."""


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


def digest_of(file: SourceFile) -> str | None:
    """Returns what tells the content that the file has now, None where it cannot be read.

    A shard in a store is not read for that: the store's own tag tells it.
    """
    return remote.digest_of(file) if file.is_remote else content_digest(file.location)


def compare(
    roots: Iterable[str],
    files: Sequence[SourceFile],
    catalog: CatalogWriter,
    *,
    unread: Sequence[Path] = (),
    allow_empty: bool = False,
    scopes: Sequence[Scope] | None = None,
) -> Difference:
    """Returns what became of the files stored under the roots.

    Args:
        roots: The folders that were walked, absolute.
        files: All files found in them.
        catalog: What is known of them.
        unread: Files and folders that could not be looked at: nothing below them counts as gone.
        allow_empty: Whether a root without any file may have lost all of them.
        scopes: The parts of the roots that were walked, None for all.
    """
    present = {file.key: file for file in files}
    filled = {file.root for file in files}
    doubtful: list[Scope] = []
    if scopes is not None:
        filled |= {root for root in roots if _holds_anything(root)}
        doubtful = [one for one in scopes if one.deep and _is_empty(one.folder)]
    stored: dict[tuple[str, str], SourceFile] = {}
    held_back: dict[str, int] = {}
    known_roots = catalog.roots()
    for root in roots:
        # A folder that was indexed alone before belongs to the one around it from now on.
        inside = [one for one in known_roots if Path(one).is_relative_to(root)]
        known = [
            file
            for one in inside
            for file in catalog.stored(one)
            if scopes is None or any(scope.holds(file.location) for scope in scopes)
        ]
        if known and root not in filled and not allow_empty:
            held_back[root] = len(known)
            continue
        for scope in [] if allow_empty else doubtful:
            if inside_it := [file for file in known if scope.holds(file.location)]:
                held_back[scope.folder.as_posix()] = len(inside_it)
                known = [file for file in known if not scope.holds(file.location)]
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
        clear(catalog.forget(difference.gone), indexes, thumbnails)


def part_copies(
    changed: Sequence[SourceFile], catalog: CatalogWriter
) -> tuple[Sequence[SourceFile], Sequence[Copy]]:
    """Returns the files to be embedded, and the exact copies of pictures that need not be.

    Only pictures and films of the same size as another are read for that, so where sizes differ, as
    those of photos do, it costs nothing.
    """
    pictures = [file for file in changed if file.kind in (Kind.IMAGE, Kind.VIDEO)]
    counts = Counter(file.size_bytes for file in pictures)
    own = {file.key for file in changed}
    # A stored file that changed is not what it was: its digest is of no use here.
    stored = [file for file in catalog.originals(counts.keys()) if file.key not in own]
    shared = {file.size_bytes for file in stored}
    shared |= {size for size, count in counts.items() if count > 1}
    known = {
        file.key: file
        for file in _with_digests([file for file in pictures if file.size_bytes in shared])
    }
    originals = {file.digest: file for file in stored}
    fresh: list[SourceFile] = []
    copies: list[Copy] = []
    for file in (known.get(file.key, file) for file in changed):
        original = file if file.digest is None else originals.setdefault(file.digest, file)
        if original is file:
            fresh.append(file)
        else:
            copies.append((file, original))
    return fresh, copies


def settle_copies(
    copies: Sequence[Copy],
    catalog: CatalogWriter,
    indexes: Mapping[Modality, VectorIndex],
    thumbnails: Thumbnails,
) -> None:
    """Makes the catalogue hold the copies, once their originals are in."""
    if copies:
        clear(catalog.copy(copies), indexes, thumbnails)


def settle_companions(
    companions: Sequence[tuple[SourceFile, SourceFile]],
    catalog: CatalogWriter,
    indexes: Mapping[Modality, VectorIndex],
    thumbnails: Thumbnails,
) -> None:
    """Makes the catalogue hold the companions, the first of each pair, once their pictures are."""
    if companions:
        clear(catalog.attach(companions), indexes, thumbnails)


def relink(files: Sequence[SourceFile], catalog: CatalogWriter, captions: MediaReader) -> None:
    """Looks again for pictures that captions name and that were not there; to end a run with.

    A table may name a picture that came, or came back, in another folder since it was read.
    """
    present = {file.key: file for file in files}
    known = [present[file.key] for file in catalog.dangling() if file.key in present]
    if links := _links(known, captions):
        catalog.relink(links)


def clear(ids: Ids, indexes: Mapping[Modality, VectorIndex], thumbnails: Thumbnails) -> None:
    """Removes vectors and previews of items whose rows are gone."""
    # Previews first: after a crash the vectors still tell which are left, see `pipeline.heal`.
    for item_id in ids.tolist():
        thumbnails.remove(item_id)
    for index in indexes.values():
        index.remove(ids)
        index.save()


def _links(files: Iterable[SourceFile], captions: MediaReader) -> Mapping[SourceFile, Links]:
    found: dict[SourceFile, Links] = {}
    for file in files:
        if file.kind is Kind.CAPTION:
            with suppress(MediaError):  # it changed since it was compared; the next run sees that
                found[file] = [
                    (one.position, one.about)
                    for one in captions.read(file)
                    if isinstance(one, Sample)
                ]
    return found


def _is_empty(folder: Path) -> bool:
    """Whether it is there but holds nothing, as the place of a disk that is not mounted does."""
    return folder.is_dir() and not _holds_anything(str(folder))


def _holds_anything(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


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
    known = _plainly_moved(missing, new)
    settled = {old.key for old, _ in known}
    settled |= {file.key for _, file in known}
    missing = [file for file in missing if file.key not in settled]
    new = [file for file in new if file.key not in settled]
    sizes = {(file.size_bytes, file.kind) for file in missing if file.digest is not None}
    arrived: dict[str, list[SourceFile]] = {}
    for file in _with_digests([one for one in new if (one.size_bytes, one.kind) in sizes]):
        if file.digest is not None:
            arrived.setdefault(file.digest, []).append(file)
    moves = known
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


def _plainly_moved(missing: Sequence[SourceFile], new: Sequence[SourceFile]) -> list[Move]:
    """Returns the moves that leave no doubt, so that a renamed tree is not read again.

    A rename keeps name, size and time. Where the time is told in nanoseconds, not in whole seconds,
    as old file systems and archives do, no two files share all three by chance.
    """
    arrived: dict[tuple[str, int, int], list[SourceFile]] = {}
    for file in new:
        arrived.setdefault(_mark(file), []).append(file)
    left = Counter(_mark(file) for file in missing)
    return [
        (old, arrived[mark][0])
        for old in missing
        if (mark := _mark(old)) in arrived
        and len(arrived[mark]) == left[mark] == 1
        and old.mtime_ns % 1_000_000_000
        and old.kind is arrived[mark][0].kind
    ]


def _mark(file: SourceFile) -> tuple[str, int, int]:
    return (_name(file), file.size_bytes, file.mtime_ns)


def _name(file: SourceFile) -> str:
    return PurePosixPath(file.path).name


def _with_digests(files: Sequence[SourceFile]) -> Sequence[SourceFile]:
    with ThreadPoolExecutor() as pool:
        # Shards in stores were listed with theirs.
        found = pool.map(lambda file: file.digest if file.is_remote else digest_of(file), files)
        return [replace(file, digest=one) for file, one in zip(files, found, strict=True)]
