"""Walking the folders that a command was given, with a word on what could not be looked at."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from indexer.scan import scan
from indexer.types import Scope, SourceFile


def walk(
    roots: Sequence[Path],
    *,
    exclude: Path,
    console: Console,
    scopes: Sequence[Scope] | None = None,
) -> tuple[list[SourceFile], list[Path]]:
    """Returns the files of the folders, or of parts of them, and what could not be looked at."""
    files: list[SourceFile] = []
    unread: list[Path] = []
    with console.status("Looking for pictures and captions"):
        for root in roots:
            for found in scan(root, exclude=exclude, scopes=scopes):
                if isinstance(found, SourceFile):
                    files.append(found)
                else:
                    unread.append(found.path)
                    console.print(f"passed over {found.path}: {found.reason}", style="yellow")
    return files, unread
