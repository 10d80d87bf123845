"""Shards of data sets: files that hold many pictures with their captions.

WebDataset's tar files and parquet files with the bytes of pictures, on disk or in a store. Packed
ones (.tar.gz) are not read: nothing in them can be opened without unpacking all that comes before.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from indexer.errors import MediaError
from indexer.media import shard_parquet, shard_tar
from indexer.media.damage import MAX_PIXELS
from indexer.media.remote import SHARD_SUFFIXES
from indexer.media.shard_parquet import parquet_member, read_parquet
from indexer.media.shard_pictures import ShardPictures
from indexer.media.shard_tar import read_tar, tar_member
from indexer.media.signature import HEAD_BYTES, described
from indexer.media.stores import open_remote
from indexer.types import Facts, Kind, Sample, SourceFile, is_url

__all__ = ["SHARD_SUFFIXES", "ShardReader", "is_shard", "member_bytes"]

_LFS_POINTER = b"version https://git-lfs"
_BUFFER_BYTES = 2**18
_TAR_AHEAD_BYTES = 8 * 2**20  # a request to a store takes about 50 ms, so few large ones
_MEMBER_AHEAD_BYTES = 2**19


class ShardReader:
    """Reads a shard once through: each picture, then its captions, which name it by position.

    A picture that cannot be read is counted, and the shard goes on. Memory holds one picture, of
    parquet one batch of rows. Safe to use from many threads.
    """

    kind = Kind.SHARD

    def __init__(self, min_side: int, max_pixels: int = MAX_PIXELS) -> None:
        self._min_side = min_side
        self._max_pixels = max_pixels

    def read(self, source: SourceFile) -> Iterator[Sample | Facts]:
        pictures = ShardPictures(self._min_side, self._max_pixels)
        is_tar = _is_tar(source.path)
        try:
            with _opened(source.address, _TAR_AHEAD_BYTES if is_tar else 0) as stream:
                _refuse_pointer(stream)
                yield from (read_tar if is_tar else read_parquet)(stream, pictures)
        except OSError as error:
            raise MediaError(f"the file cannot be read: {error.strerror or error}") from error


def is_shard(path: Path) -> bool:
    """Whether a file with one of `SHARD_SUFFIXES` holds pictures, as far as its beginning tells.

    One that Git LFS left out counts, so that its reason is heard of.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb", buffering=_BUFFER_BYTES) as stream:
        if stream.read(len(_LFS_POINTER)) == _LFS_POINTER:
            return True
        stream.seek(0)
        if _is_tar(path.name):
            return shard_tar.holds_pictures(stream)
        return shard_parquet.holds_pictures(stream)


def member_bytes(address: str | Path, member: str) -> bytes:
    """Returns the original bytes of a picture in a shard, as `Sample.member` names it.

    Args:
        address: The shard: a path, or the URL of one in a store.
        member: An entry of a tar file and where it begins (`photos/000@1048576.jpg`: nothing
            before it is read), or the row of a parquet file (`row:123.jpg`: its row group is read).

    Raises:
        MediaError: the shard cannot be read, or holds no such picture any more.
    """
    try:
        if _is_tar(str(address)):
            with _opened(str(address), _MEMBER_AHEAD_BYTES) as stream:
                return tar_member(stream, member)
        with _opened(str(address)) as stream:
            return parquet_member(stream, member)
    except OSError as error:
        raise MediaError(f"the shard cannot be read: {error.strerror or error}") from error


def _is_tar(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() == ".tar"


def _opened(address: str, ahead_bytes: int = 0) -> BinaryIO:
    if is_url(address):
        return open_remote(address, ahead_bytes=ahead_bytes)
    try:
        return Path(address).open("rb", buffering=_BUFFER_BYTES)
    except FileNotFoundError as error:
        raise MediaError("the file is gone") from error


def _refuse_pointer(stream: BinaryIO) -> None:
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    if not head:
        raise MediaError("the file is empty")
    if head.startswith(_LFS_POINTER):
        raise MediaError(f"no shard: the file is {described(head)}")
