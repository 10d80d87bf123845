"""What an index is made of, why, and what it was measured to find: structure.json.

    structure.json     the fields of `Structure`; without the file an index scans its raw rows
    GGGGGGGG.rows      int64 ids (rows,) of the rows that the codes stand for; little endian
    GGGGGGGG.maps      float32 mean (dim,), maps of queries and of rows (dim, dims), variances of
                       mapped rows (dims,); or no such file
    GGGGGGGG-NN.codes  a FAISS index; row p of the rows is number p // shards in shard p % shards

All of it is a derivative: it can be deleted, and made anew from the raw rows.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from indexer.errors import IndexMismatch, Unavailable
from indexer.types import Modality
from indexer.vectors.budget import Budget
from indexer.vectors.durable import write_atomically

FORMAT = 1
FILE = "structure.json"
OWN_SUFFIXES = {".rows", ".maps", ".codes"}
EXACT = "exact"
CODES = "codes"
LISTS = "lists"
IVFPQ = "ivfpq"
CAGRA = "cagra"
ON_GPUS = (IVFPQ, CAGRA)
"""What is made for GPUs, which search it while they work; the processor can too."""
KINDS = (EXACT, CODES, LISTS, *ON_GPUS)


@dataclass(frozen=True, slots=True)
class Recall:
    """The share of the true ten best that searches found, with its 95 % interval."""

    mean: float
    low: float
    high: float
    queries: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the structure."""

    file: str
    bytes: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Structure:
    """What an index is made of.

    `kind` is one of `KINDS` or a FAISS factory string; `asked` is the kind that a person named,
    None where it was chosen; `why` says what it was chosen by, for people. `rows` is how many rows
    there were when it was measured, `trained_rows` when its codes were learned. `dims` is the
    length of what is coded. `effort` says how many lists are probed, or neighbours followed;
    `depths`, for how many results, how many candidates are ranked exactly. `memory_bytes` is what
    must be in memory for a fast search, `latency_ms` the median of one search when it was made,
    `exact_ms` that of a scan of all raw rows.
    """

    kind: str
    why: str
    rows: int
    dim: int
    budget: Budget
    asked: str | None = None
    trained_rows: int = 0
    dims: int = 0
    effort: int = 0
    depths: Mapping[int, int] = field(default_factory=dict)
    memory_bytes: int = 0
    latency_ms: float = 0.0
    exact_ms: float = 0.0
    seconds: float = 0.0
    made: str = ""
    recall: Mapping[Modality, Recall] = field(default_factory=dict)
    files: tuple[StoredFile, ...] = ()

    def with_files(self, files: tuple[StoredFile, ...]) -> "Structure":
        """Returns it, held by these files."""
        return replace(self, files=files)

    def depth(self, k: int) -> int:
        """Returns how many candidates to rank for k results."""
        wider = [results for results in sorted(self.depths) if results >= k]
        if wider:
            return self.depths[wider[0]]
        most = max(self.depths)
        return -(-self.depths[most] * k // most)


def read_structure(folder: Path) -> Structure | None:
    """Returns the structure of the index in `folder`, None if it has none.

    Raises:
        IndexMismatch: a newer atisbo made it.
        Unavailable: structure.json is damaged.
    """
    path = folder / FILE
    try:
        stored: dict[str, Any] = json.loads(path.read_bytes())
        if stored.pop("format") > FORMAT:
            raise IndexMismatch(
                f"{path} is of a newer atisbo. Update atisbo, or delete the file and run "
                "atisbo index --rebuild-vectors."
            )
        return Structure(
            **{
                **stored,
                "budget": Budget(**stored["budget"]),
                "depths": {int(k): depth for k, depth in stored["depths"].items()},
                "recall": {Modality(m): Recall(**one) for m, one in stored["recall"].items()},
                "files": tuple(StoredFile(**one) for one in stored["files"]),
            }
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(f"{path} is damaged: {error}") from error


def write_structure(folder: Path, structure: Structure) -> None:
    """Makes it the index's structure, in one step, and deletes files of the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = {"format": FORMAT, **asdict(structure)}
    write_atomically(folder / FILE, json.dumps(stored, indent=1).encode())
    named = {one.file for one in structure.files}
    for path in folder.iterdir():
        if path.suffix in OWN_SUFFIXES and path.name not in named:
            path.unlink(missing_ok=True)


def drop_structure(folder: Path) -> None:
    """Leaves the index with its raw rows alone; the budget and the kind that were asked stay.

    Where structure.json itself is damaged, these go too.
    """
    before = _wishes(folder)
    if before is None:
        (folder / FILE).unlink(missing_ok=True)
        return
    write_structure(folder, replace(before, why="its codes were damaged"))


def copy_wishes(source: Path, target: Path) -> None:
    """Gives a copy of an index, made of raw rows alone, the budget and the kind that were asked."""
    wishes = _wishes(source)
    if wishes is not None:
        write_structure(target, replace(wishes, why="it is a copy of the vectors alone"))


def _wishes(folder: Path) -> Structure | None:
    """Returns the scan of all rows that keeps what was asked of the index; None if nothing was."""
    try:
        made = read_structure(folder)
    except Unavailable:
        return None
    if made is None:
        return None
    return Structure(EXACT, "", 0, made.dim, made.budget, made.asked)


def told(structure: Structure) -> str:
    """Returns what a structure was measured to give, for people."""
    if structure.kind == EXACT:
        return f"finds all, {_costs(structure)}"
    recalls = [
        f"recall@10 {one.mean:.3f} ({one.low:.3f} to {one.high:.3f}) for {modality} queries"
        for modality, one in structure.recall.items()
    ] or ["recall not measured: too few queries to learn from"]
    return ", ".join([*recalls, _costs(structure)])


def _costs(structure: Structure) -> str:
    return f"{structure.latency_ms:.1f} ms a search, {size(structure.memory_bytes)} in memory"


def size(number: float) -> str:
    """Returns bytes for people, in units of 1,000."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
