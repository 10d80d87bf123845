"""What a command may be given to index: folders, and URLs of shards in stores."""

from pathlib import Path
from typing import Any

import click

from indexer.media.remote import plain_url
from indexer.types import is_url


class _FolderOrUrl(click.Path):
    """A folder that is there, as a Path, or the URL of a place in a store, as a string."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and is_url(value):
            return plain_url(value)
        return super().convert(value, param, ctx)


class _PathOrUrl(click.Path):
    """A path, absolute, whether or not it is there; a URL becomes one too, as files have theirs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if isinstance(value, str) and is_url(value):
            return Path(plain_url(value))
        return Path(value).absolute()


known_roots = click.argument(
    "roots",
    nargs=-1,
    metavar="[FOLDER|URL]...",
    type=_FolderOrUrl(exists=True, file_okay=False, path_type=Path),
)
known_paths = click.argument(
    "paths", nargs=-1, required=True, metavar="PATH|URL...", type=_PathOrUrl()
)
