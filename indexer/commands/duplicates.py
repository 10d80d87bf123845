"""`atisbo duplicates`: lists pictures that are held more than once."""

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from indexer import options
from indexer.config import Settings, load_settings
from indexer.duplicates import THRESHOLD, Found, Group, find, find_exact
from indexer.errors import MediaError
from indexer.library import live_space, open_catalog_of
from indexer.look import Look, Sight, look_of
from indexer.media.image import preview
from indexer.spaces import open_vectors
from indexer.thumbnails import Thumbnails
from indexer.types import Modality

if TYPE_CHECKING:
    from indexer.catalog.sql import SqlCatalog

_LINE_EVERY_S = 10.0
_PROCESSES_FROM = 4_000  # pictures; below, starting processes takes longer than they save
_PREVIEW_SIDE = 128


@click.command()
@options.library
@options.database
@click.option("--threshold", type=click.FloatRange(0.5, 1.0), default=THRESHOLD, show_default=True,
              help="Least cosine of near copies; they must also look the same.")  # fmt: skip
@click.option("--exact-only", is_flag=True, help="List copies byte for byte only; quick.")
@click.option("--under", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Look at pictures below FOLDER only.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def duplicates(
    threshold: float, exact_only: bool, under: Path | None, as_json: bool, **chosen: object
) -> None:
    """List pictures that are held more than once, as groups, the best one of each first.

    Found are files that are the same byte for byte, and pictures that were saved again smaller,
    cropped by up to a tenth, brighter or with more loss. The score is the cosine to the picture of
    the group that has the most copies. Nothing is changed or deleted.
    """
    settings = load_settings(**chosen)
    under = under and under.resolve()
    catalog = open_catalog_of(settings.library, settings.database)
    found = (
        find_exact(catalog, under=under)
        if exact_only
        else _find(catalog, settings, threshold, under)
    )
    if as_json:
        click.echo(json.dumps(_as_json(found, None if exact_only else threshold)))
        return
    for number, group in enumerate(found.groups, 1):
        _show(number, group)
    _show_totals(found)


class _Stored:
    """Looks of a library's thumbnails; travels to worker processes."""

    def __init__(self, folder: Path) -> None:
        self._thumbnails = Thumbnails(folder)

    def __call__(self, item_id: int) -> Look | None:
        content = self._thumbnails.read(item_id)
        return None if content is None else look_of(content)


def _find(catalog: "SqlCatalog", settings: Settings, threshold: float, under: Path | None) -> Found:
    space = live_space(settings.library)
    index = open_vectors(settings.library, space, Modality.IMAGE, "exact")

    def made(item_id: int) -> Look | None:
        for item in catalog.fetch([item_id]).values():
            with suppress(MediaError):
                return look_of(preview(item.location, _PREVIEW_SIDE))
        return None

    cores = os.cpu_count() or 1
    with (
        _decoding(len(index), cores) as decoding,
        ThreadPoolExecutor(cores) as comparing,
        _progress(Console(stderr=True)) as progress,
    ):
        sight = Sight(_Stored(settings.library / "thumbnails"), made, decoding, comparing)
        return find(catalog, index, sight, threshold=threshold, under=under, progress=progress)


def _decoding(pictures: int, cores: int) -> Executor:
    if pictures < _PROCESSES_FROM:
        return ThreadPoolExecutor(cores)
    # Pillow decodes WebP without letting go of the interpreter lock.
    return ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn"))


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[float], None]]:
    """Shows a bar on a terminal, a line now and then elsewhere."""
    last = time.monotonic()
    with Progress(
        TextColumn("Comparing"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as bar:
        task = bar.add_task("compare", total=1.0)

        def show(share: float) -> None:
            nonlocal last
            bar.update(task, completed=share)
            if not console.is_terminal and time.monotonic() - last >= _LINE_EVERY_S:
                last = time.monotonic()
                console.print(f"compared {share:.0%}", highlight=False)

        yield show


def _as_json(found: Found, threshold: float | None) -> dict[str, Any]:
    groups = [
        {
            "exact": group.exact,
            "spare_bytes": group.spare_bytes,
            "files": [
                {
                    "path": member.file.address,
                    "score": round(member.score, 4),
                    "width": member.width,
                    "height": member.height,
                    "size_bytes": member.file.size_bytes,
                    "keep": at == 0,
                }
                for at, member in enumerate(group.members)
            ],
        }
        for group in found.groups
    ]
    return {
        "threshold": threshold,
        "compared": found.compared,
        "unseen": found.unseen,
        "totals": {
            "groups": len(found.groups),
            "files": sum(len(group.members) for group in found.groups),
            "spare_bytes": sum(group.spare_bytes for group in found.groups),
        },
        "groups": groups,
    }


def _show(number: int, group: Group) -> None:
    kind = "the same byte for byte" if group.exact else "alike"
    click.echo(f"{number}. {len(group.members)} files, {kind}")
    for at, member in enumerate(group.members):
        size = f"{member.width}x{member.height}"
        click.echo(
            f"  {'keep' if at == 0 else '    '} {member.score:.3f} {size:>11} "
            f"{member.file.size_bytes:>12,} B  {member.file.address}"
        )


def _show_totals(found: Found) -> None:
    if not found.groups:
        click.echo("No picture is held twice.")
    else:
        files = sum(len(group.members) for group in found.groups)
        spare = sum(group.spare_bytes for group in found.groups)
        click.echo(
            f"{len(found.groups):,} groups with {files:,} files; all but the first of each take "
            f"{spare:,} bytes. Nothing was changed."
        )
    if found.unseen:
        click.echo(
            f"{found.unseen:,} pictures could not be looked at: they have no thumbnail, and their "
            "files cannot be read. Run atisbo index on their folders.",
            err=True,
        )
