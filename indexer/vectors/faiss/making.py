"""Making a body of each kind that codes rows, from a sample and from queries that it will serve."""

from collections.abc import Sequence

from indexer.types import Vectors
from indexer.vectors.faiss.body import Body, codes, partitioned
from indexer.vectors.faiss.maps import learned
from indexer.vectors.segments import State
from indexer.vectors.structure import CODES, LISTS

CODE_BYTES = (32, 64, 128)


def coded(
    kind: str, code_bytes: int, state: State, sample: Vectors, asked: Sequence[Vectors]
) -> Body:
    """Returns a body of codes, or of codes in lists, for the processor.

    Args:
        kind: "codes" or "lists".
        code_bytes: How long a code is.
        state: The rows.
        sample: Some of them, float32 (n, dim).
        asked: Lots of queries, each float32 (any, dim).
    """
    # Each quantiser of 4 bits codes two dimensions, or one where there are so few.
    dims = min(4 * code_bytes, state.dim // 2 * 2 or 1)
    parts = dims if dims <= 2 * code_bytes else dims // 2
    maps = learned(sample, asked, dims).balanced(parts)
    make = codes if kind == CODES else partitioned
    return make(state, sample, maps, parts)


def named(kind: str, body: Body) -> str:
    """Returns what a body is, for people."""
    if body.maps is None:
        return f"FAISS {kind}, candidates ranked by raw rows"
    lists = "in lists " if kind == LISTS else ""
    code_bytes, dims = body.shards[0].sa_code_size(), body.maps.row.shape[1]
    return (
        f"codes of {code_bytes} bytes {lists}over {dims} learned dimensions, candidates ranked by "
        "raw rows"
    )
