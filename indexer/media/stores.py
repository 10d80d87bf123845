"""Stores that fsspec reaches: opened, read from, and what they say when they do not answer.

Whatever goes wrong on the way is the moment's fault, not the shard's: nothing that a store does
not answer about counts as deleted or damaged.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import RawIOBase
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from indexer.errors import ConfigError, MediaError, Unavailable, Unreached

WEB = frozenset({"http", "https"})

_SILENCE_S = 60.0

# What the packages behind fsspec raise besides OSError when a store says no.
_REFUSALS = (
    ("aiohttp", "ClientError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("azure.core.exceptions", "AzureError"),
    ("requests.exceptions", "RequestException"),
    ("paramiko.ssh_exception", "SSHException"),
)


def open_remote(address: str, *, ahead_bytes: int = 0) -> BinaryIO:
    """Returns the shard as a stream that can seek.

    A web server that sends no parts of files sends the whole shard into a temporary file first.

    Args:
        address: The URL.
        ahead_bytes: How much to ask for beyond what is read, since each request takes its time; 0
            for columns, which are read here and there.

    Raises:
        Unreached: the store does not answer; so do the stream's methods.
        MediaError: the shard is gone.
    """
    try:
        with reaching(address):
            store, path = open_store(address)
            if urlsplit(address).scheme in WEB and not _sends_parts(store, path):
                return _fetched(store, path)
            stream = store.open(
                path,
                "rb",
                block_size=ahead_bytes or None,
                cache_type="readahead" if ahead_bytes else "none",
            )
    except FileNotFoundError as error:
        raise MediaError("the file is gone") from error
    except (Unavailable, ConfigError) as error:
        raise Unreached(str(error)) from error
    return cast(BinaryIO, _Stream(stream, address))


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Lets nothing of what fsspec's packages raise pass, but that a file is not there."""
    try:
        yield
    except FileNotFoundError as error:
        if is_gone(error):
            raise
        raise _no_answer(url, error.__cause__ or error) from error
    except ImportError as error:
        cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
        package = (cause.name or "").partition(".")[0]
        raise ConfigError(
            f"{url} cannot be read: the package {package} is not installed. Install it with: "
            f"pip install {package}"
        ) from error
    except _refusals() as error:
        raise _no_answer(url, error) from error


def is_gone(error: FileNotFoundError) -> bool:
    """Whether it means so: fsspec raises it for whatever else a web server answers, or does not."""
    cause = error.__cause__
    return cause is None or getattr(cause, "status", None) in {404, 410}


def _no_answer(url: str, error: BaseException) -> Unavailable:
    reason = " ".join(str(error).split()) or type(error).__name__
    return Unavailable(
        f"{url} cannot be reached ({reason}). What the library knows of it is kept; run the same "
        "command again once it can."
    )


def _refusals() -> tuple[type[BaseException], ...]:
    loaded = [(sys.modules[module], name) for module, name in _REFUSALS if module in sys.modules]
    return (OSError, *(kind for module, name in loaded if (kind := getattr(module, name, None))))


def open_store(url: str) -> tuple[Any, str]:
    """Returns the file system of the URL, and the path in it."""
    from fsspec.core import url_to_fs  # takes 0.1 s, which folders need not wait

    options: dict[str, Any] = {}
    if urlsplit(url).scheme in WEB:
        options = _web_options()
    try:
        store, path = url_to_fs(url, **options)
    except ValueError as error:
        raise ConfigError(
            f"{url} cannot be read: {error}. Stores are named as in s3://bucket/folder, gs://..., "
            "https://..."
        ) from error
    return store, str(path)


def _web_options() -> dict[str, Any]:
    """Returns a limit on silence in place of aiohttp's 5 minutes for a whole file."""
    try:
        from aiohttp import ClientTimeout
    except ImportError:
        return {}  # fsspec will say so
    timeout = ClientTimeout(total=None, sock_connect=_SILENCE_S, sock_read=_SILENCE_S)
    return {"client_kwargs": {"timeout": timeout}}


class _Stream(RawIOBase):
    """A file in a store, whose troubles are those of the store."""

    def __init__(self, stream: Any, address: str) -> None:
        self._stream = stream
        self._address = address

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            with reaching(self._address):
                data = self._stream.read(len(buffer))
        except (FileNotFoundError, Unavailable) as error:
            raise Unreached(str(error)) from error
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self._stream.tell())

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def _sends_parts(store: Any, path: str) -> bool:
    try:
        with store.open(path, "rb", block_size=1, cache_type="none") as stream:
            stream.seek(1)
            stream.read(1)
    except ValueError:  # what fsspec says of a server that sends the whole file each time
        return False
    return True


def _fetched(store: Any, path: str) -> BinaryIO:
    with ExitStack() as undone:
        whole = undone.enter_context(tempfile.TemporaryFile())
        with store.open(path, "rb", block_size=0) as stream:
            shutil.copyfileobj(stream, whole, 2**20)
        whole.seek(0)
        undone.pop_all()
    return cast(BinaryIO, whole)
