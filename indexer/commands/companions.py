"""Which of the files at hand belong to a picture, with what the library knows of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from indexer.media.companions import is_live_film, pair
from indexer.types import Counts, Kind, Skipped, SourceFile


class Catalog(Protocol):
    """What the catalogue tells of files."""

    def counts(self) -> Counts:
        """Returns how many there are of each."""
        ...

    def stored(self, root: str) -> Sequence[SourceFile]:
        """Returns the files of a root that were indexed or skipped, as they were then."""
        ...

    def skipped(self, limit: int) -> Sequence[Skipped]:
        """Returns the first `limit` files that could not be read, by path."""
        ...


def companions_of(
    files: Sequence[SourceFile], catalog: Catalog
) -> Mapping[tuple[str, str], SourceFile]:
    """Returns, by the key of each companion, the picture that it belongs to.

    What was found out about a film before is not found out again. A raw file stands for itself
    once the picture beside it turned out to be unreadable.
    """
    known: dict[SourceFile, Kind] = {}

    def is_live(film: SourceFile) -> bool:
        if not known:
            roots = {file.root for file in files}
            known.update((one, one.kind) for root in roots for one in catalog.stored(root))
        if replace(film, kind=Kind.VIDEO) in known:
            return False
        return replace(film, kind=Kind.COMPANION) in known or is_live_film(film.location)

    pairs = pair(files, is_live=is_live)
    unread = {one.source for one in catalog.skipped(catalog.counts().skipped)} if pairs else set()
    by_key = {file.key: file for file in files}
    return {key: by_key[primary] for key, primary in pairs.items() if by_key[primary] not in unread}
