"""Which picture or film a caption file means: by path, else by a name that only one has."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from posixpath import normpath

from indexer.media.sidecar import XMP_SUFFIX
from indexer.media.subtitles import SUBTITLE_SUFFIXES, video_stem
from indexer.media.texts import is_storable
from indexer.types import Kind, SourceFile

_URL = re.compile(r"[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)


def described_names(name: str) -> Sequence[str]:
    """Returns the names that the file described by a sidecar may have, likeliest first.

    They come whole or without their suffix: `a.jpg` or `a` for `a.jpg.txt`, in lower case.
    """
    path = PurePosixPath(name.lower())
    if path.suffix in SUBTITLE_SUFFIXES:
        return video_stem(name.lower())
    whole = path.with_suffix("")
    if path.suffix == XMP_SUFFIX and whole.suffix:
        return [str(whole), str(whole.with_suffix(""))]  # a.cr2.xmp, where a.jpg stands for both
    return [str(whole)]


class PictureNames:
    """The pictures and films of all roots by path and by file name."""

    def __init__(self, files: Iterable[SourceFile]) -> None:
        self._paths: set[tuple[str, str]] = set()
        self._by_name: dict[tuple[str, str], list[str]] = {}
        self._by_stem: dict[tuple[str, Kind, str], str] = {}
        for file in files:
            if file.kind in (Kind.IMAGE, Kind.VIDEO):
                path = PurePosixPath(file.path)
                self._paths.add(file.key)
                self._by_name.setdefault((file.root, path.name), []).append(file.path)
                for stem in (path.with_suffix(""), path):
                    key = (file.root, file.kind, str(stem).lower())
                    self._by_stem.setdefault(key, file.path)

    def find(self, table: SourceFile, written: str) -> str | None:
        """Returns the path, relative to the root, of the picture that a table's cell names.

        Data sets often name the file alone and keep it in a folder (`Images/`, `train2017/`), so a
        name that exactly one picture below the table's folder has is enough. A picture that is not
        there keeps the path it would have; None where that cannot be in the root.
        """
        if _URL.match(written) or not is_storable(written):
            return None
        folder = PurePosixPath(table.path).parent
        path = PurePosixPath(written.strip().replace("\\", "/"))
        if path.is_absolute():
            if not path.is_relative_to(table.root):
                return None
            path = path.relative_to(table.root)
        else:
            path = folder / path
        place = normpath(path)
        if place.startswith("../") or place in {"..", "."}:
            return None
        if (table.root, place) in self._paths:
            return place
        named = [
            other
            for other in self._by_name.get((table.root, path.name), ())
            if PurePosixPath(other).is_relative_to(folder)
        ]
        return named[0] if len(named) == 1 else place

    def beside(
        self, sidecar: SourceFile, kinds: Sequence[Kind] = (Kind.IMAGE, Kind.VIDEO)
    ) -> str | None:
        """Returns what a sidecar describes, a file of the first of these kinds if there is one."""
        for name in described_names(sidecar.path):
            for kind in kinds:
                if found := self._by_stem.get((sidecar.root, kind, name)):
                    return found
        return None
