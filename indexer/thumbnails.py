"""Small pictures by item id, as files; they can be lost and are made again on demand."""

from pathlib import Path

_FILES_PER_FOLDER = 1000
_UNFINISHED = ".new"


class Thumbnails:
    """A folder of WebP files, a thousand to a subfolder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, item_id: int) -> bytes | None:
        """Returns the stored thumbnail, None where there is none."""
        try:
            return self._path(item_id).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, item_id: int, content: bytes) -> None:
        """Stores the thumbnail, whole or not at all."""
        path = self._path(item_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(_UNFINISHED)
        temporary.write_bytes(content)
        temporary.replace(path)

    def remove(self, item_id: int) -> None:
        """Forgets the thumbnail, if there is one, and what a crash left of one."""
        path = self._path(item_id)
        path.with_suffix(_UNFINISHED).unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    def _path(self, item_id: int) -> Path:
        return self._folder / f"{item_id // _FILES_PER_FOLDER:06d}" / f"{item_id}.webp"
