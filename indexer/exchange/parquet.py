"""A library as Parquet, vectors included, and back without embedding anything.

    metadata.json          {"format": 2, "model", "fingerprint", "dim", "items": {"image", "text"}}
    image/00000.parquet    pictures, by item id; 100,000 to a file
    text/00000.parquet     captions
    copies.parquet         files that are exact copies of another: root, path, ..., of_root, of_path

`pandas.read_parquet("OUT/image")` reads it. So does clip-retrieval's reader:
`EmbeddingReader("OUT/image", file_format="parquet", embedding_column="embedding",
meta_columns=["image_path", "caption"])`. `embedding` is list<float32>, of unit length.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.errors import ConfigError, Unavailable, writable
from indexer.exchange.chosen import Chosen, Held, Whole
from indexer.types import (
    EmbeddedFile,
    EmbeddedItem,
    Facts,
    Kind,
    Modality,
    SourceFile,
    Span,
    TakenFrom,
    VectorIndex,
    Vectors,
)

FORMAT = 2
_ROWS_A_FILE = 100_000
_ROWS_A_BATCH = 1024
_SUMMARY = "metadata.json"
_COPIES = "copies.parquet"

_FILE = [
    ("root", pa.string()),
    ("path", pa.string()),
    ("kind", pa.string()),
    ("size_bytes", pa.int64()),
    ("mtime_ns", pa.int64()),
    ("digest", pa.string()),
]
_FACTS = [
    ("taken_at", pa.timestamp("us")),
    ("taken_within_s", pa.int64()),
    ("taken_from", pa.string()),
    ("utc_offset_min", pa.int64()),
    ("camera", pa.string()),
    ("latitude", pa.float64()),
    ("longitude", pa.float64()),
    ("duration_ms", pa.int64()),
    ("codec", pa.string()),
    ("note", pa.string()),
]
_ITEMS = pa.schema(
    [
        ("item_id", pa.int64()),
        *_FILE,
        ("position", pa.int64()),
        ("text", pa.string()),
        ("about_path", pa.string()),
        ("about_position", pa.int64()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("start_ms", pa.int64()),
        ("end_ms", pa.int64()),
        ("best_ms", pa.int64()),
        ("origin", pa.string()),
        ("member", pa.string()),
        *_FACTS,
        ("image_path", pa.string()),
        ("caption", pa.string()),
        ("embedding", pa.list_(pa.float32())),
    ]
)
_COPIED = pa.schema([*_FILE, ("of_root", pa.string()), ("of_path", pa.string())])


@dataclass(frozen=True, slots=True)
class Summary:
    """What made the vectors, and how many there are."""

    model: str
    fingerprint: str
    dim: int
    items: Mapping[str, int]


def write(
    out: Path,
    catalog: Whole,
    indexes: Mapping[Modality, VectorIndex],
    chosen: Chosen,
    *,
    model: str,
    fingerprint: str,
    dim: int,
) -> Summary:
    """Writes the chosen items into the new folder `out`, which appears when it is whole.

    Items that have no vector are left out.

    Raises:
        ConfigError: `out` exists.
        Unavailable: it cannot be written.
    """
    if out.exists():
        raise ConfigError(f"{out} exists already. Name a new folder.")
    partial = out.with_name(f".{out.name}.partial")
    with writable(out):
        partial.mkdir(parents=True, exist_ok=True)
        counts: dict[str, int] = {}
        copied: list[dict[str, Any]] = []
        for modality in Modality:
            folder = partial / modality
            folder.mkdir(exist_ok=True)
            counts[modality] = _write_items(
                folder, chosen.blocks(catalog, modality), indexes[modality], catalog, copied
            )
        pq.write_table(pa.Table.from_pylist(copied, _COPIED), partial / _COPIES)
        facts = {"model": model, "fingerprint": fingerprint, "dim": dim, "items": counts}
        (partial / _SUMMARY).write_text(json.dumps({"format": FORMAT, **facts}, indent=1))
        partial.rename(out)
    return Summary(model, fingerprint, dim, counts)


def _write_items(
    folder: Path,
    blocks: Iterable[Sequence[Held]],
    index: VectorIndex,
    catalog: Whole,
    copied: list[dict[str, Any]],
) -> int:
    written, writer = 0, None
    known = set(index.ids.tolist())
    for block in blocks:
        some = [one for one in block if one.item.id in known]
        if writer is None or written // _ROWS_A_FILE != (written + len(some)) // _ROWS_A_FILE:
            if writer is not None:
                writer.close()
            number = len(list(folder.iterdir()))
            writer = pq.ParquetWriter(folder / f"{number:05d}.parquet", _ITEMS)
        ids = np.array([one.item.id for one in some], np.int64)
        captions = catalog.captions(ids.tolist())
        rows = [
            _row(one, [caption.text or "" for caption in captions.get(one.item.id, ())])
            for one in some
        ]
        vectors = index.vectors(ids)
        columns = {name: [row[name] for row in rows] for name in _ITEMS.names[:-1]}
        offsets = np.arange(len(some) + 1, dtype=np.int32) * vectors.shape[1]
        embedding = pa.ListArray.from_arrays(offsets, vectors.reshape(-1))
        writer.write_table(pa.table({**columns, "embedding": embedding}, _ITEMS))
        for one in some:
            copied += [_copy(copy, one.file) for copy in one.copies]
        written += len(some)
    if writer is not None:
        writer.close()
    return written


def _row(one: Held, captions: Sequence[str]) -> dict[str, Any]:
    item = one.item
    return {
        **_file(one.file),
        "item_id": item.id,
        "position": item.position,
        "text": item.text,
        "about_path": one.about,
        "about_position": one.about_position,
        "width": item.width,
        "height": item.height,
        "start_ms": item.span.start_ms if item.span else None,
        "end_ms": item.span.end_ms if item.span else None,
        "best_ms": item.span.best_ms if item.span else None,
        "origin": item.origin,
        "member": item.member,
        **{name: getattr(one.facts, name) for name, _ in _FACTS},
        "image_path": one.about if item.modality is Modality.TEXT else one.file.address,
        "caption": item.text if item.text is not None else next(iter(captions), None),
    }


def _file(file: SourceFile) -> dict[str, Any]:
    return {
        "root": file.root,
        "path": file.path,
        "kind": file.kind.value,
        "size_bytes": file.size_bytes,
        "mtime_ns": file.mtime_ns,
        "digest": file.digest,
    }


def _copy(copy: SourceFile, original: SourceFile) -> dict[str, Any]:
    return {**_file(copy), "of_root": original.root, "of_path": original.path}


class Export:
    """An export that was read, with the roots rewritten: an engine for `bulk_index`."""

    def __init__(self, folder: Path, roots: Mapping[str, str]) -> None:
        """Opens the export.

        Raises:
            ConfigError: the folder holds no whole export, or one of a newer format.
        """
        self._folder = folder
        self._roots = roots
        try:
            facts = json.loads((folder / _SUMMARY).read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{folder} holds no export: its {_SUMMARY} cannot be read ({error}). Name a folder "
                "that atisbo export made."
            ) from error
        if facts["format"] > FORMAT:
            raise ConfigError(f"{folder} was made by a newer atisbo. Update atisbo.")
        self.facts = Summary(facts["model"], facts["fingerprint"], facts["dim"], facts["items"])
        self._counts: dict[tuple[str, str], int] = {}

    def files(self) -> Sequence[SourceFile]:
        """Returns the files whose items are in the export.

        Raises:
            Unavailable: a file of the export is damaged.
        """
        found: dict[tuple[str, str], SourceFile] = {}
        names = [name for name, _ in _FILE]
        for modality in Modality:
            for batch in self._batches(modality, names):
                for row in batch.to_pylist():
                    file = self._file(row)
                    found[file.key] = file
                    self._counts[file.key] = self._counts.get(file.key, 0) + 1
        return list(found.values())

    def copies(self) -> Sequence[tuple[SourceFile, SourceFile]]:
        """Returns the exact copies, each with its original."""
        path = self._folder / _COPIES
        rows = pq.read_table(path).to_pylist() if path.exists() else []
        return [
            (self._file(row), self._file({**row, "root": row["of_root"], "path": row["of_path"]}))
            for row in rows
        ]

    def run(self, files: Iterable[SourceFile]) -> Iterator[EmbeddedFile]:
        """Yields the files' items with their stored vectors."""
        wanted = {file.key for file in files}
        left = dict(self._counts)
        for modality in Modality:
            for batch in self._batches(modality, None):
                vectors = _vectors(batch, self.facts.dim)
                parts: dict[tuple[str, str], list[int]] = {}
                rows = batch.drop_columns(["embedding"]).to_pylist()
                sources = [self._file(row) for row in rows]
                for at, source in enumerate(sources):
                    if source.key in wanted:
                        parts.setdefault(source.key, []).append(at)
                for key, places in parts.items():
                    left[key] -= len(places)
                    yield EmbeddedFile(
                        sources[places[0]],
                        modality,
                        [_item(rows[at]) for at in places],
                        vectors[places],
                        last=not left[key],
                        facts=_facts(rows[places[0]]),
                    )

    def _file(self, row: Mapping[str, Any]) -> SourceFile:
        return SourceFile(
            self._roots.get(row["root"], row["root"]),
            row["path"],
            Kind(row["kind"]),
            row["size_bytes"],
            row["mtime_ns"],
            row["digest"],
        )

    def _batches(self, modality: Modality, columns: Sequence[str] | None) -> Iterator[Any]:
        for path in sorted((self._folder / modality).glob("*.parquet")):
            try:
                with pq.ParquetFile(path) as file:
                    yield from file.iter_batches(_ROWS_A_BATCH, columns=columns)
            except (pa.ArrowInvalid, OSError) as error:
                raise Unavailable(f"{path} is damaged: {error}. Export again.") from error


def _vectors(batch: Any, dim: int) -> Vectors:
    """Returns float32 (rows, dim) of unit length: what was stored, without its rounding."""
    vectors = batch.column("embedding").flatten().to_numpy(zero_copy_only=False)
    vectors = np.asarray(vectors, np.float32).reshape(-1, dim)
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit


def _item(row: Mapping[str, Any]) -> EmbeddedItem:
    return EmbeddedItem(
        position=row["position"],
        text=row["text"],
        about=row["about_path"],
        about_position=row.get("about_position"),
        width=row["width"],
        height=row["height"],
        span=None
        if row.get("best_ms") is None
        else Span(row["start_ms"], row["end_ms"], row["best_ms"]),
        origin=row.get("origin"),
        member=row.get("member"),
    )


def _facts(row: Mapping[str, Any]) -> Facts | None:
    """Returns what the file tells of itself; exports of format 1 tell nothing."""
    found = {name: row.get(name) for name, _ in _FACTS}
    if all(value is None for value in found.values()):
        return None
    if found["taken_from"] is not None:
        found["taken_from"] = TakenFrom(found["taken_from"])
    return Facts(**found, width=row["width"], height=row["height"])
