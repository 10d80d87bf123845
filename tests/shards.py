"""Shards of data sets, made in code."""

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from indexer.types import Facts, Kind, Sample, SourceFile

Entry = tuple[str, bytes]


def picture(colour: tuple[int, int, int] = (200, 30, 30), format: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (48, 32), colour).save(stream, format)
    return stream.getvalue()


def tar_bytes(entries: Iterable[Entry], format: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def tar(path: Path, entries: Iterable[Entry]) -> SourceFile:
    path.write_bytes(tar_bytes(entries))
    return source(path)


def parquet_bytes(columns: Mapping[str, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


def parquet(path: Path, columns: Mapping[str, Any], **options: Any) -> SourceFile:
    path.write_bytes(parquet_bytes(columns, **options))
    return source(path)


def source(path: Path) -> SourceFile:
    stat = path.stat()
    return SourceFile(path.parent.as_posix(), path.name, Kind.SHARD, stat.st_size, stat.st_mtime_ns)


def pictures(samples: Iterable[Sample | Facts]) -> list[Sample]:
    return [one for one in samples if isinstance(one, Sample) and not isinstance(one.content, str)]


def captions(samples: Iterable[Sample | Facts]) -> list[tuple[int | None, str | None, str]]:
    """What is said, of which position, and where it stands."""
    return [
        (one.about_position, one.origin, one.content)
        for one in samples
        if isinstance(one, Sample) and isinstance(one.content, str)
    ]


def note(samples: list[Sample | Facts]) -> str | None:
    last = samples[-1]
    assert isinstance(last, Facts)
    return last.note
