"""Shards in stores (s3://, gs://, https://, ...): which are there, and whether they changed.

A store is asked for names, sizes, times and tags only; what a shard holds is found out when it is
read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from indexer.errors import ConfigError, Unavailable
from indexer.media.stores import WEB, is_gone, open_store, reaching
from indexer.types import Kind, SourceFile, address_of

SHARD_SUFFIXES = frozenset({".tar", ".parquet"})

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<rest>.*)", re.IGNORECASE)
_REQUESTS = 16

# Where stores keep what changes with the content, and the time of the last change, by the names
# that s3fs, gcsfs, adlfs, huggingface_hub, fsspec's own http, ftp and memory give to them.
_TAGS = ("ETag", "etag", "md5Hash", "blob_id", "Content-MD5", "Digest")
_TIMES = ("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "modify", "created")
_CONTENT_TAG = re.compile(r'"?[0-9a-f]{32}(-\d+)?"?')  # S3's MD5; web servers tag size and time


def plain_url(url: str) -> str:
    """Returns the URL as roots are written.

    Raises:
        ConfigError: it is none that a library can keep.
    """
    found = _URL.fullmatch(url)
    scheme = "" if found is None else found["scheme"].lower()
    if scheme in {"file", "local"}:
        raise ConfigError(f"{url} is a folder of this machine. Name it without {scheme}://.")
    if found is None or not found["rest"].strip("/"):
        raise ConfigError(f"{url} is no URL of a store. Write it as s3://bucket/folder.")
    parts = urlsplit(url)
    if parts.password is not None:
        raise ConfigError(
            f"the URL of {parts.hostname} holds a password, which the library would keep. Leave it "
            "out; packages such as s3fs take it from their own settings."
        )
    if scheme in WEB and (parts.query or parts.fragment):
        raise ConfigError(
            f"{url.partition('?')[0]} is followed by a query, which may be a key and may expire. "
            "Leave out what follows the ? or #."
        )
    return scheme + url[len(scheme) :].rstrip("/")


def distinct_stores(urls: Iterable[str]) -> Sequence[str]:
    """Returns the URLs in order, those inside another one left out."""
    every = sorted(set(urls))
    return [one for one in every if not any(one.startswith(f"{other}/") for other in every)]


def list_shards(root: str) -> Sequence[SourceFile]:
    """Returns the shards below a URL, by path, or the one that it names; none where nothing is.

    Parquet files beside a tar file of the same name are tables about it and left out.

    Raises:
        Unavailable: the store does not answer, or not in full.
        ConfigError: the package that reaches such stores is not installed.
    """
    with reaching(root):
        store, start = open_store(root)
        store.invalidate_cache()
        if _is_shard_name(root):
            found = {root.rpartition("/")[2]: _facts(store, start, {})}
        else:
            found = dict(_walked(store, start))
    shards = {
        path: facts
        for path, facts in found.items()
        if facts is not None and not _is_table(path, found)
    }
    return [_source(root, path, facts) for path, facts in sorted(shards.items())]


def digest_of(source: SourceFile) -> str | None:
    """Returns what the store says of the shard's content now, None where it does not answer."""
    try:
        with reaching(source.address):
            store, start = open_store(source.address)
            store.invalidate_cache()
            facts = _facts(store, start, {})
    except (Unavailable, ConfigError):
        return None
    return None if facts is None else _source(source.root, source.path, facts).digest


def _walked(store: Any, start: str) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Yields the shards below a folder: path from there, and what the store says of each.

    fsspec's own `find` passes over folders that cannot be listed, as if they were empty.
    """
    folders, seen = [start], {start.rstrip("/")}
    files: dict[str, Mapping[str, Any]] = {}
    while folders:
        folder = folders.pop()
        try:
            entries = store.ls(folder, detail=True)
        except FileNotFoundError as error:
            if not is_gone(error):
                raise
            continue
        for entry in entries:
            name = str(entry["name"]).rstrip("/")
            inner = name.removeprefix(start.rstrip("/")).removeprefix("/")
            if name == inner or any(part.startswith(".") for part in inner.split("/")):
                continue
            if entry["type"] == "directory":
                if name not in seen:
                    seen.add(name)
                    folders.append(entry["name"])
            elif _is_shard_name(inner):
                files[inner] = entry
    with ThreadPoolExecutor(_REQUESTS) as pool:
        found = pool.map(lambda entry: _facts(store, entry["name"], entry), files.values())
        yield from zip(files, found, strict=True)


def _facts(store: Any, path: str, known: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Returns what the store says of a file, None where it is gone."""
    if known.get("size") is not None:
        return known
    try:
        facts: Mapping[str, Any] = store.info(path)
    except FileNotFoundError as error:
        if is_gone(error):
            return None
        raise
    return None if facts.get("type") == "directory" else facts


def _source(root: str, path: str, facts: Mapping[str, Any]) -> SourceFile:
    size = int(facts.get("size") or 0)
    tag = next((str(facts[name]) for name in _TAGS if facts.get(name)), None)
    time_ns = next((ns for name in _TIMES if (ns := _nanoseconds(facts.get(name)))), None)
    is_of_content = tag is not None and _CONTENT_TAG.fullmatch(tag)
    told = tag if is_of_content else f"{address_of(root, path)}\0{tag or time_ns}"
    digest = blake2b(f"{told}\0{size}".encode(), digest_size=16).hexdigest()
    if time_ns is None:
        # Files of the same size and time count as unchanged: without a time the tag has to tell.
        time_ns = 0 if tag is None else int(digest[:15], 16)
    return SourceFile(root, path, Kind.SHARD, size, time_ns, digest)


def _nanoseconds(time: object) -> int | None:
    """Returns a time, in whichever way a store tells it, in nanoseconds since 1970."""
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time)
        except ValueError:
            try:
                time = parsedate_to_datetime(str(time))
            except ValueError:
                return None
    if isinstance(time, datetime):
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        time = time.timestamp()
    return round(time * 1e9) if isinstance(time, int | float) else None


def _is_shard_name(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in SHARD_SUFFIXES


def _is_table(path: str, among: Mapping[str, object]) -> bool:
    """Whether it is img2dataset's table about the tar file of the same name."""
    return path.endswith(".parquet") and path.removesuffix(".parquet") + ".tar" in among
