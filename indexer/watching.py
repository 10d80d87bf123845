"""From notices that paths changed to the parts of the folders that have to be looked at.

Notices are hints: the file system drops them when too many come at once, network shares send none,
and what they say of kinds and order is unreliable. So a notice only names where to look, many at
once or a word that some were lost mean looking everywhere, and that is done now and then anyway.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexer.scan import passed_over
from indexer.types import Scope

_MANY = 1000
"""Paths at once from which on looking everywhere is both safer and hardly dearer."""

Notices = set[Path] | None
"""Absolute paths that changed; None where anything may have."""


@dataclass(slots=True)
class Due:
    """What is to be looked at now, None for everything; `unsettled` is still being written."""

    scopes: Sequence[Scope] | None
    unsettled: Sequence[Path] = ()


@dataclass(slots=True)
class Watch:
    """Decides when to look where; paths wait until they have been quiet for `settle_s` seconds.

    `rescan_s` is how often everything is looked at whatever the notices say. `exclude` is the
    library, should it lie inside.
    """

    roots: Sequence[Path]
    exclude: Path
    settle_s: float = 2.0
    rescan_s: float = 900.0
    clock: Callable[[], float] = time.monotonic
    _noticed: dict[Path, float] = field(default_factory=dict)
    _everything: bool = False
    _rescanned: float = 0.0

    def due(self, notices: Iterable[Notices]) -> Iterator[Due]:
        """Yields what is to be looked at as notices come, also empty ones as time passes."""
        self._rescanned = self.clock()
        for notice in notices:
            now = self.clock()
            if notice is None:
                self._everything = True
            else:
                self._noticed.update((path, now) for path in notice if self._matters(path))
            if now - self._rescanned >= self.rescan_s:
                self._everything = True
            if found := self._found(now):
                yield found

    def again(self) -> None:
        """Has everything looked at once more, because the last look failed."""
        self._everything = True

    def _found(self, now: float) -> Due | None:
        quiet = [path for path, at in self._noticed.items() if now - at >= self.settle_s]
        if not quiet and not self._everything:
            return None
        for path in quiet:
            del self._noticed[path]
        unsettled = tuple(self._noticed)
        if self._everything or len(quiet) > _MANY:
            self._everything = False
            self._rescanned = now
            return Due(None, unsettled)
        return Due(list(_scopes(quiet)), unsettled)

    def _matters(self, path: Path) -> bool:
        if path.is_relative_to(self.exclude):
            return False
        roots = [root for root in self.roots if path.is_relative_to(root)]
        return any(
            not any(passed_over(name) for name in path.relative_to(root).parts) for root in roots
        )


def _scopes(paths: Iterable[Path]) -> set[Scope]:
    """Returns where to look: in a folder's depths, beside a file, and where something was."""
    found: set[Scope] = set()
    for path in paths:
        if path.is_dir():
            found.add(Scope(path))
            continue
        found.add(Scope(path.parent, deep=False))
        if not path.exists():  # it may have been a folder
            found.add(Scope(path))
    return found
