"""What can go wrong, by who can mend it.

    AtisboError
    ├── ConfigError      the operator: a setting, a model name, a library folder, a database URL
    │   └── IndexMismatch    the library was made with another model or by a newer atisbo
    ├── MediaError       one file: it cannot be read; the run goes on without it
    │   └── Unreached        its bytes could not be had just now; it may be whole
    ├── BadQuery         the caller: the query breaks a rule that the message names
    │   └── NotFound         the caller asked for an item that the library does not have
    └── Unavailable      the moment: something outside (a disk, a database, a lock) says no now

Every message names the thing, the fact and the way out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AtisboError(Exception):
    """Base of every error that atisbo raises on purpose."""


class ConfigError(AtisboError):
    """A setting cannot work; the operator has to change it."""


class IndexMismatch(ConfigError):
    """The library on disk does not fit what it is opened with."""


class MediaError(AtisboError):
    """One file cannot be turned into samples; becomes `Skipped` with this reason."""


class Unreached(MediaError):
    """The bytes of a file could not be had just now: what is known of it stays, nothing is said."""


class BadQuery(AtisboError):
    """The caller's request breaks a rule; `position` is the character of its text that does."""

    def __init__(self, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class NotFound(BadQuery):
    """The caller asked for something that the library does not have."""


class Unavailable(AtisboError):
    """Something outside refuses at the moment; trying again later may help."""


@contextmanager
def writable(place: Path) -> Iterator[None]:
    """Turns the system's refusal to write into a clear error.

    Raises:
        Unavailable: the system refuses: the disk is full, read-only or gone.
    """
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"{place} cannot be written: {error.strerror or error}. What was done before is safe; "
            "once that is mended, run the same command again."
        ) from error
