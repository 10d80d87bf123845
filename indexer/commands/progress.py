"""How a run is shown while it goes: a live bar on a terminal, a line now and then elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from indexer.types import EmbeddedFile, Skipped

_LINE_EVERY_S = 10.0


class ShownProgress:
    """A bar on stderr with how much is done, items a second, remaining time and failures."""

    def __init__(self, total: int, console: Console, *, of: str = "files") -> None:
        self._console = console
        self._total = total
        self._of = of
        self._done = 0
        self._items = 0
        self._skipped = 0
        self._started = self._last_line = time.monotonic()
        self._bar = Bar(
            TextColumn("Indexing"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failures]}", style="yellow"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("index", total=total, rate="", failures="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, result: EmbeddedFile | Skipped) -> None:
        """Counts one result of the engine."""
        if isinstance(result, Skipped):
            self._skipped += 1
            self.advance(done=1, items=0)
        else:
            self.advance(done=int(result.last), items=len(result.items))

    def advance(self, *, done: int, items: int) -> None:
        """Counts what is done of the total, and the items that this made."""
        self._done += done
        self._items += items
        self._bar.update(
            self._task,
            completed=self._done,
            rate=f"{self._rate():,.0f}/s",
            failures=f"{self._skipped} skipped" if self._skipped else "",
        )
        self._write_line()

    def _rate(self) -> float:
        return self._items / max(time.monotonic() - self._started, 1e-6)

    def _write_line(self) -> None:
        now = time.monotonic()
        if self._console.is_terminal or now - self._last_line < _LINE_EVERY_S:
            return
        self._last_line = now
        self._console.print(
            f"{self._done:,} of {self._total:,} {self._of}, {self._items:,} items, "
            f"{self._rate():,.0f}/s, {self._skipped} skipped",
            highlight=False,
        )
