"""`atisbo watch`: keep folders in step while they change."""

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from watchfiles import Change
from watchfiles import watch as notifications

from indexer import options
from indexer.commands.calibrating import calibrate_if_due
from indexer.commands.lines import WARNING, say
from indexer.commands.moving import model_of
from indexer.commands.passes import Model, Pass, run_pass, show_troubles
from indexer.commands.vectors import tend_indexes
from indexer.commands.walk import Folders, folders_of
from indexer.config import Settings, load_settings
from indexer.errors import Unavailable
from indexer.library import stored_model, writing
from indexer.types import Modality
from indexer.watching import Due, Notices, Watch

_TICK_MS = 500
_GATHERED_MS = 1_000
_AFTER_TROUBLE_S = 10.0


@click.command()
@options.known_folders
@options.library
@options.database
@options.device
@click.option(
    "--settle",
    "settle_s",
    type=click.FloatRange(0, 3600),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a file must have been quiet before it is read.",
)
@click.option(
    "--rescan",
    "rescan_min",
    type=click.FloatRange(0.01),
    default=15.0,
    show_default=True,
    metavar="MINUTES",
    help="How often to look at everything, whatever the system has told.",
)
@click.option(
    "--poll",
    is_flag=True,
    help="Ask the system for no notices, as network folders send none; see --rescan.",
)
def watch(
    folders: tuple[Path, ...], settle_s: float, rescan_min: float, poll: bool, **chosen: object
) -> None:
    """Keep FOLDERs, or all that were indexed before, in step while they change, until Ctrl-C.

    The library is free for other commands between two changes.
    """
    settings = load_settings(**chosen)
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        wanted = folders_of(folders, settings, console)
        roots = [scope.folder for scope in wanted.scopes] if wanted.scopes else wanted.roots
        with writing(settings.library):
            model = model_of(roots, None, settings, console)
        watching = Watch(
            roots, settings.library.resolve(), settle_s=settle_s, rescan_s=60 * rescan_min
        )
        notices = _ticks() if poll else _notices(roots, console)
        say(console, f"Watching {', '.join(map(str, roots))} (Ctrl-C stops it)")
        for due in watching.due(notices):
            model = _current(model, settings, console)
            if not _keep_up(_part(wanted, due), model, settings, console):
                watching.again()
                time.sleep(_AFTER_TROUBLE_S)
    except KeyboardInterrupt:
        console.print("Stopped. What was done is kept.")
        sys.exit(0)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _current(model: Model, settings: Settings, console: Console) -> Model:
    """Returns the library's model, which another command may have changed."""
    name = stored_model(settings.library)
    return model if name is None or name == model.name else Model(name, settings, console)


def _part(wanted: Folders, due: Due) -> Folders:
    """Returns what is due of the folders, as far as they are there."""
    return replace(
        wanted,
        roots=[root for root in wanted.roots if root.is_dir()],
        stores=wanted.stores if due.scopes is None else (),
        scopes=wanted.scopes if due.scopes is None else due.scopes,
        unsettled=due.unsettled,
    )


def _keep_up(part: Folders, model: Model, settings: Settings, console: Console) -> bool:
    """Makes the library follow what is due; False where it has to be tried again."""
    try:
        with writing(settings.library, wait=True):
            done = run_pass(part, model, settings, console)
            tend_indexes(settings, console, model=model)
            calibrate_if_due(settings, console, model)
    except Unavailable as error:
        say(console, f"{time.strftime('%X')}  {error} Trying again.", style=WARNING)
        return False
    if line := _described(done):
        say(console, f"{time.strftime('%X')}  {line}")
    show_troubles(done, part.roots, console)
    return True


def _described(done: Pass) -> str:
    counts = {
        "pictures": done.report.items.get(Modality.IMAGE, 0),
        "captions": done.report.items.get(Modality.TEXT, 0),
        "copies": len(done.copies),
        "files moved": len(done.difference.moved),
        "files forgotten": len(done.difference.gone),
        "skipped": len(done.report.skipped),
    }
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _ticks() -> Iterator[Notices]:
    yield None
    while True:
        time.sleep(_TICK_MS / 1000)
        yield set()


def _notices(roots: Sequence[Path], console: Console) -> Iterator[Notices]:
    """Yields what the system tells, and an empty set twice a second.

    A root that is mounted anew is another folder to the system, so it is watched anew.
    """
    while True:
        before = _identities(roots)
        there = [root for root in roots if root.is_dir()]
        fresh = True
        try:
            for changes in _told(there):
                yield None if fresh else {Path(path) for _, path in changes}
                fresh = False
                if _identities(roots) != before:
                    break
        except OSError as error:
            say(
                console,
                f"The system cannot watch the folders ({error}). They are looked at every now and "
                "then; see --rescan.",
                style=WARNING,
            )
            yield from _ticks()


def _told(there: Sequence[Path]) -> Iterator[set[tuple[Change, str]]]:
    if not there:
        while True:
            time.sleep(_TICK_MS / 1000)
            yield set()
    yield from notifications(
        *there,
        watch_filter=None,
        debounce=_GATHERED_MS,
        rust_timeout=_TICK_MS,
        yield_on_timeout=True,
        ignore_permission_denied=True,
    )


def _identities(roots: Sequence[Path]) -> list[tuple[int, int] | None]:
    found: list[tuple[int, int] | None] = []
    for root in roots:
        try:
            stat = root.stat()
        except OSError:
            found.append(None)
        else:
            found.append((stat.st_dev, stat.st_ino))
    return found
