"""What clip-retrieval and rclip leave on disk, made with the demo model."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from indexer.embedders import open_embedder
from indexer.types import Vectors


def embedded(photos: Sequence[Path]) -> Vectors:
    model = open_embedder("colour")
    return model.embed_images([model.preprocess(Image.open(one).convert("RGB")) for one in photos])


def said(words: Sequence[str]) -> Vectors:
    return open_embedder("colour").embed_texts(words)


def clip_retrieval(folder: Path, photos: Sequence[Path], vectors: Vectors) -> Path:
    """Writes the folder as clip-retrieval does, in two parts."""
    words = [f"something {one.stem}" for one in photos]
    for name in ("img_emb", "text_emb", "metadata"):
        (folder / name).mkdir(parents=True)
    half = len(photos) // 2
    for number, part in enumerate((slice(None, half), slice(half, None))):
        np.save(folder / f"img_emb/img_emb_{number}.npy", vectors[part].astype(np.float16))
        np.save(folder / f"text_emb/text_emb_{number}.npy", said(words)[part].astype(np.float16))
        table = {"image_path": [str(one) for one in photos[part]], "caption": words[part]}
        pq.write_table(pa.table(table), folder / f"metadata/metadata_{number}.parquet")
    return folder


def rclip(path: Path, photos: Sequence[Path], vectors: Vectors, *, version: int = 4) -> Path:
    """Writes the database as rclip 3 does."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE images (id INTEGER PRIMARY KEY, deleted BOOLEAN, filepath TEXT NOT NULL "
            "UNIQUE, modified_at DATETIME NOT NULL, size INTEGER NOT NULL, vector BLOB NOT NULL, "
            "indexing BOOLEAN)"
        )
        connection.execute("CREATE TABLE db_version (version INTEGER)")
        connection.execute("INSERT INTO db_version VALUES (?)", (version,))
        for one, vector in zip(photos, vectors, strict=True):
            stat = one.stat()
            connection.execute(
                "INSERT INTO images(filepath, modified_at, size, vector) VALUES (?, ?, ?, ?)",
                (str(one), stat.st_mtime, stat.st_size, vector.astype("<f4").tobytes()),
            )
    connection.close()
    return path
