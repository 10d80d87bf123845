"""Making a body of each kind that codes rows, from a sample and from queries that it will serve."""

from collections.abc import Sequence

from indexer.types import Vectors
from indexer.vectors.faiss.body import Body, codes, partitioned, probed
from indexer.vectors.faiss.graph import graphed
from indexer.vectors.faiss.maps import learned
from indexer.vectors.gpu import Gpu
from indexer.vectors.segments import State
from indexer.vectors.structure import CAGRA, CODES, IVFPQ, LISTS, ON_GPUS

CODE_BYTES = (32, 64, 128)
GPU_CODE_BYTES = (32, 64)
_GPU_PARTS = (1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64)
"""Of a code that FAISS searches on GPUs, which are its bytes."""


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


def coded_for_gpus(
    kind: str, code_bytes: int, state: State, sample: Vectors, asked: Sequence[Vectors], gpu: Gpu
) -> Body | None:
    """Returns a body, on these GPUs, which may have refused it; None if they cannot make it.

    Args:
        kind: "ivfpq" or "cagra".
        code_bytes: How long a code is at most; a graph has none.
        state: As for `coded`.
        sample: As for `coded`.
        asked: As for `coded`.
        gpu: The GPUs; what they refuse, and why, they say in a warning.
    """
    if kind == CAGRA:
        body = graphed(state, gpu)
        return None if body is None else body.on(gpu)
    parts, dims = _parts(code_bytes, state.dim)
    maps = learned(sample, asked, dims).balanced(parts)
    return probed(state, sample, maps, parts, len(gpu.devices)).on(gpu)


def named(kind: str, body: Body, gpu: Gpu | None) -> str:
    """Returns what a body is, for people; `gpu` are those that search it."""
    where = f" on {gpu}" if gpu is not None and kind in ON_GPUS else ""
    if kind == CAGRA:
        return f"a CAGRA graph{where}, candidates ranked by raw rows"
    if body.maps is None:
        return f"FAISS {kind}, candidates ranked by raw rows"
    lists = "in lists " if kind in (LISTS, IVFPQ) else ""
    code_bytes, dims = body.shards[0].sa_code_size(), body.maps.row.shape[1]
    return (
        f"codes of {code_bytes} bytes {lists}over {dims} learned dimensions{where}, candidates "
        "ranked by raw rows"
    )


def _parts(code_bytes: int, dim: int) -> tuple[int, int]:
    """Returns how many parts a code for GPUs has, and how many dimensions they code together.

    Each codes up to four; the most dimensions go before the longest code.
    """
    known = [parts for parts in _GPU_PARTS if parts <= min(code_bytes, dim)]
    dims, parts = max((parts * min(4, dim // parts), parts) for parts in known)
    return parts, dims
