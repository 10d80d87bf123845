"""One pass over folders: find what changed, keep the library in step, embed what is new."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from rich.console import Console
from rich.table import Table

from indexer.commands.companions import companions_of
from indexer.commands.lines import WARNING, say
from indexer.commands.progress import ShownProgress
from indexer.commands.walk import Folders, ask, walk
from indexer.config import Settings
from indexer.embedders import open_embedder
from indexer.engines import open_engine
from indexer.library import Library, open_library
from indexer.media import Limits, readers
from indexer.media.image import thumbnail
from indexer.pipeline import Report, bulk_index, heal
from indexer.sync import (
    Copy,
    Difference,
    apply,
    compare,
    digest_of,
    part_copies,
    relink,
    settle_companions,
    settle_copies,
)
from indexer.types import Counts, Embedder, Engine, Kind, Modality, Scope, SourceFile

_SHOWN_SKIPPED = 10
_ORDER = (Kind.IMAGE, Kind.COMPANION, Kind.VIDEO, Kind.SHARD, Kind.CAPTION)


class Model:
    """A model that is loaded when it is first needed: most passes find nothing to embed."""

    def __init__(self, name: str, settings: Settings, console: Console) -> None:
        self.name = name
        self._settings = settings
        self._console = console

    @cached_property
    def embedder(self) -> Embedder:
        """The loaded model.

        Raises:
            ConfigError: there is no such model.
        """
        with self._console.status(f"Loading {self.name}"):
            return open_embedder(
                self.name, device=self._settings.device, precision=self._settings.precision
            )


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass did."""

    library: Library
    report: Report = field(default_factory=Report)
    difference: Difference = field(default_factory=Difference)
    copies: Sequence[Copy] = ()
    unchanged: int = 0


def limits(settings: Settings, min_side: int = 0) -> Limits:
    """Returns how far files are read, pictures no smaller than `min_side` pixels."""
    return Limits(
        min_side=min_side,
        max_pixels=settings.max_megapixels * 1_000_000,
        every_s=settings.video_every,
        max_moments=settings.max_moments,
        video_seconds=settings.video_seconds,
    )


def open_local_engine(
    files: Sequence[SourceFile],
    embedder: Embedder,
    settings: Settings,
    *,
    thumbnails: bool = True,
) -> Engine:
    """Returns the engine that reads these files, here and now."""
    return open_engine(
        "local",
        readers=readers(files, limits(settings, 2 * embedder.image_side)),
        embedder=embedder,
        thumbnail=thumbnail if thumbnails else lambda _: b"",
        digest=digest_of,
        batch_size=settings.batch_size,
        workers=settings.workers or os.cpu_count() or 1,
    )


def run_pass(folders: Folders, model: Model, settings: Settings, console: Console) -> Pass:
    """Brings the library in step with the folders; needs the lock, see `indexer.library.writing`.

    Raises:
        IndexMismatch: the model is not the library's.
        Unavailable: the library cannot be read or written.
    """
    files, unread = walk(
        folders.roots, exclude=settings.library, console=console, scopes=folders.scopes
    )
    shards, stores = ask(folders.stores, console, alone=not folders.roots)
    files += shards
    unsettled = frozenset(folders.unsettled)
    files = [file for file in files if file.location not in unsettled]
    # Pictures first: they are what people look for, and films or a long table would keep them
    # waiting.
    files.sort(key=lambda file: _ORDER.index(file.kind))
    library = open_library(
        settings.library, database=settings.database, index=settings.index, write=True
    )
    heal(library.catalog, library.indexes, library.thumbnails)
    with console.status("Comparing with the library"):
        companions = companions_of(files, library.catalog)
        files = [
            replace(file, kind=Kind.COMPANION) if file.key in companions else file for file in files
        ]
        difference = compare(
            [*(root.as_posix() for root in folders.roots), *stores],
            files,
            library.catalog,
            unread=[*unread, *unsettled],
            allow_empty=folders.allow_empty,
            scopes=folders.scopes and [*folders.scopes, *map(Scope, map(Path, stores))],
        )
        if folders.keep_missing:
            difference = replace(difference, gone=())
        every = _every(files, folders, difference, library)
        captions = readers(every, limits(settings))[Kind.CAPTION]
        apply(difference, library.catalog, library.indexes, library.thumbnails, captions)
        changed = library.catalog.changed(files, again=folders.again)
        attached = [file for file in changed if file.kind is Kind.COMPANION]
        fresh, copies = part_copies(
            [file for file in changed if file.kind is not Kind.COMPANION], library.catalog
        )
    report = Report()
    if fresh:
        library.check(model.embedder)
        engine = open_local_engine(every, model.embedder, settings)
        with ShownProgress(len(fresh), console) as progress:
            report = bulk_index(
                fresh,
                engine=engine,
                catalog=library.catalog,
                indexes=library.indexes,
                thumbnails=library.thumbnails,
                progress=progress,
                checkpoint_items=settings.checkpoint_items,
            )
    settle_copies(copies, library.catalog, library.indexes, library.thumbnails)
    settle_companions(
        [(file, companions[file.key]) for file in attached],
        library.catalog,
        library.indexes,
        library.thumbnails,
    )
    if changed or difference.moved or difference.gone:
        relink(every, library.catalog, captions)
    return Pass(library, report, difference, copies, len(files) - len(changed))


def _every(
    files: Sequence[SourceFile], folders: Folders, difference: Difference, library: Library
) -> Sequence[SourceFile]:
    """Returns all files of the folders, seen or known: a caption may name one out of scope."""
    if folders.scopes is None:
        return files
    every = {
        file.key: file for root in folders.roots for file in library.catalog.stored(root.as_posix())
    }
    for old in [*(old for old, _ in difference.moved), *difference.gone]:
        every.pop(old.key, None)
    return list((every | {file.key: file for file in files}).values())


def show_counts(report: Report) -> str:
    """Returns how many pictures, films and captions a run brought, in words."""
    pictures = report.items.get(Modality.IMAGE, 0) - report.moments
    films = report.items.get(Modality.VIDEO, 0)
    shown = f", {films:,} films in {report.moments:,} moments" if films else ""
    return f"{pictures:,} pictures{shown} and {report.items.get(Modality.TEXT, 0):,} captions"


def kinds_of_items(counts: Counts) -> Mapping[str, int]:
    """Returns the numbers of items under the names that people know."""
    return {
        "pictures": counts.items.get(Modality.IMAGE, 0) - counts.moments,
        "films": counts.items.get(Modality.VIDEO, 0),
        "moments of films": counts.moments,
        "captions": counts.items.get(Modality.TEXT, 0),
    }


def summary(done: Pass) -> Table:
    """Returns what a pass did, and what the library holds now."""
    report, library = done.report, done.library
    counts = library.catalog.counts()
    table = Table(title=f"Library {library.folder}", title_justify="left", show_header=True)
    table.add_column("")
    table.add_column("this run", justify="right")
    table.add_column("in the library", justify="right")
    brought = Counts(report.items, {}, 0, moments=report.moments)
    new, held = kinds_of_items(brought), kinds_of_items(counts)
    for label in held:
        if held[label] or new[label] or label in ("pictures", "captions"):
            table.add_row(label, f"{new[label]:,}", f"{held[label]:,}")
    if done.copies or counts.copies:
        table.add_row("exact copies", f"{len(done.copies):,}", f"{counts.copies:,}")
    table.add_row("files skipped", f"{len(report.skipped):,}", f"{counts.skipped:,}")
    if counts.partial:
        table.add_row("files read in part", f"{len(report.partial):,}", f"{counts.partial:,}")
    table.add_row("files unchanged", f"{done.unchanged:,}", "")
    if moved := len(done.difference.moved):
        table.add_row("files moved", f"{moved:,}", "")
    if gone := len(done.difference.gone):
        table.add_row("files forgotten", f"{gone:,}", "")
    embedded = sum(report.items.values())
    rate = f" ({embedded / report.seconds:,.0f} items/s)" if embedded and report.seconds else ""
    table.add_row("time", f"{report.seconds:,.1f} s{rate}", "")
    table.add_row("model", "", library.space.model)
    return table


def show_troubles(done: Pass, roots: Sequence[Path], console: Console) -> None:
    """Says what did not go as it should: roots that are not there, files that were skipped."""
    for root, held in done.difference.held_back.items():
        say(
            console,
            f"{root} holds no pictures, films or captions, but {held:,} files of it are indexed: "
            "is its disk mounted? They are kept. If they are deleted indeed, add --allow-empty.",
            style=WARNING,
        )
    skipped = done.report.skipped
    for one in skipped[:_SHOWN_SKIPPED]:
        say(console, f"skipped {one.source.address}: {one.reason}", style=WARNING)
    for one in done.report.partial[:_SHOWN_SKIPPED]:
        say(console, f"read in part {one.source.location}: {one.reason}", style=WARNING)
    if (more := max(len(skipped), len(done.report.partial)) - _SHOWN_SKIPPED) > 0:
        say(console, f"... and {more:,} more; all of them: atisbo failures", style=WARNING)
    if lost := sum(one.source.digest is None for one in skipped):
        away = [str(root) for root in roots if not root.is_dir()]
        where = f": {', '.join(away)} went away" if away else ""
        say(
            console,
            f"{lost:,} of them could not be read at all{where}. What the library knew of them is "
            "kept, and the next run tries them again.",
            style=WARNING,
        )
