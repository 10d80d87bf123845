"""A library of drawn pictures and captions, with the rows, vectors and words of a real one.

Pictures lie in folders with names, one in ten has a caption, each has a date, a camera and a size;
only the files themselves are missing. Dates go over 100 months, so that one month is 1 %. Vectors
are those of `search_data`.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

from conditions import random_checkpoint
from http_words import captions, folders
from search_data import Case, Drawn, drawn, portions
from sqlalchemy import Connection, Table, insert

from indexer.catalog.sql import SqlCatalog
from indexer.catalog.tables import FileRow, ItemRow, RootRow
from indexer.embedders import open_embedder
from indexer.library import make_library, open_library
from indexer.types import Ids, Modality

ROOT = "/home/someone/Pictures"
PER_FOLDER = 500
CAPTIONED = 10
MONTHS = 100
_CAPTION_FILE = "captions.csv"
_CAPTIONS_SEED = 10**6
_AT_ONCE = 20_000
_SAVED_EVERY = 10
_DONE = "benchmark-library"


def month(number: int) -> str:
    """Returns a month, as a filter says it, in which a hundredth of the pictures was taken."""
    return f"{2015 + number // 12}-{number % 12 + 1:02d}"


def path_of(picture: int, names: Sequence[str]) -> str:
    """Returns the path of a picture, from 0."""
    return f"{names[picture // PER_FOLDER]}/IMG_{picture:07d}.jpg"


def made_library(cache: Path, pictures: int, model: str, index_kind: str | None) -> Path:
    """Returns a library of so many pictures, kept in the cache."""
    folder = cache / f"library-{pictures}"
    if not (folder / _DONE).exists():
        case = drawn(cache, pictures)
        embedder = open_embedder(model_file(cache, model))
        if embedder.dim != case.base.shape[1]:
            raise SystemExit(
                f"{model} makes vectors of {embedder.dim} dimensions, drawn ones have "
                f"{case.base.shape[1]}. Name another with --model."
            )
        make_library(folder, embedder)
        _fill(folder, case)
        kind = ["--kind", index_kind] if index_kind else []
        atisbo = [sys.executable, "-m", "indexer", "index", "--rebuild-vectors", *kind]
        subprocess.run([*atisbo, "--library", str(folder)], check=True)
        (folder / _DONE).touch()
    return folder


def model_file(cache: Path, model: str) -> str:
    """Returns the model's name; for `random:ARCHITECTURE` of a checkpoint kept in the cache."""
    kept = cache / f"{model.removeprefix('random:')}.pt"
    if model.startswith("random:") and kept.exists():
        return f"open_clip:{model.removeprefix('random:')}@{kept}"
    return random_checkpoint(model, cache)


def _fill(folder: Path, case: Case) -> None:
    library = open_library(folder, write=True)
    many = len(case.base)
    with library.catalog._writing() as connection:
        _write_rows(connection, many)
    pictures, words = (library.indexes[one] for one in (Modality.IMAGE, Modality.TEXT))
    for number, (ids, vectors) in enumerate(portions(case), 1):
        pictures.add(ids + 1, vectors)
        if number % _SAVED_EVERY == 0:
            pictures.save()
    pictures.save()
    ids = caption_ids(library.catalog)
    words.add(ids, Drawn().texts(len(ids), _CAPTIONS_SEED))
    words.save()
    library.catalog.close()


def caption_ids(catalog: SqlCatalog) -> Ids:
    """Returns the ids of all captions."""
    return catalog.matching((), Modality.TEXT)


def _write_rows(connection: Connection, many: int) -> None:
    """Writes the rows; picture n of the vectors gets the id n + 1."""
    (root,) = connection.execute(insert(RootRow).returning(RootRow.id), {"path": ROOT}).one()
    names = folders(-(-many // PER_FOLDER))
    file_rows, item_rows = (cast(Table, one.__table__) for one in (FileRow, ItemRow))
    write = partial(_write, connection)
    write(file_rows, (_file(root, n, path_of(n, names)) for n in range(many)))
    write(item_rows, (_picture(n) for n in range(many)))
    caption_file = {**_file(root, many, _CAPTION_FILE), "kind": "caption"}
    for fact in ("taken_at", "camera", "width", "height"):
        caption_file[fact] = None
    write(file_rows, iter([caption_file]))
    said = captions(many // CAPTIONED)
    about = (path_of(n * CAPTIONED, names) for n in range(len(said)))
    both = zip(said, about, strict=True)
    write(item_rows, (_caption(many + 1, at, *one) for at, one in enumerate(both)))


def _write(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while some := [row for _, row in zip(range(_AT_ONCE), rows, strict=False)]:
        connection.execute(insert(table), some)


def _file(root: int, number: int, path: str) -> dict[str, Any]:
    months = number % MONTHS
    taken = datetime(2015 + months // 12, months % 12 + 1, 1) + timedelta(minutes=number % 40_000)
    return {
        "id": number + 1,
        "root_id": root,
        "path": path,
        "kind": "image",
        "size_bytes": 2_000_000 + number,
        "mtime_ns": 1_700_000_000_000_000_000 + number,
        "state": "indexed",
        "digest": f"{number:032x}",
        "taken_at": taken,
        "camera": ("Canon EOS 80D", "NIKON D750", "Pixel 8")[number % 3],
        "width": 4032,
        "height": 3024,
    }


def _picture(number: int) -> dict[str, Any]:
    return {
        "id": number + 1,
        "file_id": number + 1,
        "modality": "image",
        "position": 0,
        "width": 4032,
        "height": 3024,
        "searchable": True,
    }


def _caption(file_id: int, position: int, text: str, about: str) -> dict[str, Any]:
    return {
        "file_id": file_id,
        "modality": "text",
        "position": position,
        "text": text,
        "about_path": about,
        "searchable": True,
    }
