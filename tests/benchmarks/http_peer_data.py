"""What `clip back` serves: the same vectors and paths, indexed by clip-retrieval itself."""

import json
import subprocess
from pathlib import Path

import pandas as pd
from http_library import PER_FOLDER, path_of
from http_words import folders

INSTALL = """python -m venv PEER && PEER/bin/pip install clip-retrieval 'setuptools<70'
    (in a place of its own, since it asks for numpy 1), then --clip-back-python PEER/bin/python"""


def made_index(cache: Path, pictures: int, python: Path, memory: str) -> Path:
    """Returns the file that names the index, made by `clip-retrieval index` and kept.

    Args:
        cache: Where the drawn vectors are.
        pictures: How many there are.
        python: The interpreter that has clip-retrieval.
        memory: What its index may take, as it takes that: "4G", its default.
    """
    folder = cache / f"peer-{pictures}"
    index = folder / "index"
    if not (index / "image.index").exists():
        vectors = folder / "embeddings" / "img_emb" / "img_emb_0.npy"
        metadata = folder / "embeddings" / "metadata" / "metadata_0.parquet"
        for file in (vectors, metadata):
            file.parent.mkdir(parents=True, exist_ok=True)
        if not vectors.exists():
            vectors.symlink_to((cache / f"drawn-{pictures}" / "base" / "base.npy").resolve())
        names = folders(-(-pictures // PER_FOLDER))
        paths = [path_of(number, names) for number in range(pictures)]
        pd.DataFrame({"image_path": paths}).to_parquet(metadata)
        command = [str(python), "-c", "from clip_retrieval.cli import main; main()", "index"]
        options = [f"--embeddings_folder={folder / 'embeddings'}", f"--index_folder={index}"]
        subprocess.run([*command, *options, f"--max_index_memory_usage={memory}"], check=True)
    named = folder / "indices.json"
    named.write_text(json.dumps({"drawn": str(index)}), encoding="utf-8")
    return named


def described(indices: Path) -> str:
    """Returns what the index is, as clip-retrieval tells it."""
    folder = Path(json.loads(indices.read_text(encoding="utf-8"))["drawn"])
    told = json.loads((folder / "image.json").read_text(encoding="utf-8"))
    return f"{told['index_key']} {told['index_param']}"
