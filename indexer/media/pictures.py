"""Which picture a caption file means: by path, else by a name that only one picture has."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from posixpath import normpath

from indexer.media.texts import is_storable
from indexer.types import Kind, SourceFile

_URL = re.compile(r"[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)


class PictureNames:
    """The pictures of all roots by path and by file name."""

    def __init__(self, files: Iterable[SourceFile]) -> None:
        self._paths: set[tuple[str, str]] = set()
        self._by_name: dict[tuple[str, str], list[str]] = {}
        self._by_stem: dict[tuple[str, str], str] = {}
        for file in files:
            if file.kind is Kind.IMAGE:
                path = PurePosixPath(file.path)
                self._paths.add(file.key)
                self._by_name.setdefault((file.root, path.name), []).append(file.path)
                for stem in (path.with_suffix(""), path):
                    self._by_stem.setdefault((file.root, str(stem).lower()), file.path)

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

    def beside(self, sidecar: SourceFile) -> str | None:
        """Returns the picture of a sidecar: `a.jpg` for `a.txt` and for `a.jpg.txt`."""
        stem = PurePosixPath(sidecar.path).with_suffix("")
        return self._by_stem.get((sidecar.root, str(stem).lower()))
