"""How much of itself an index looks at: lists that are probed, or neighbours that are followed."""

from collections.abc import Sequence
from typing import Any

import faiss

_PROBED = tuple(2**power for power in range(2, 20))
_FOLLOWED = tuple(2**power for power in range(5, 13))


def efforts(index: "faiss.Index") -> Sequence[int]:
    """Returns what may be chosen, least first; 0 for an index that looks at everything."""
    inner: Any = _inner(index)
    if isinstance(inner, faiss.IndexIVF):
        return [*(one for one in _PROBED if one < inner.nlist), inner.nlist]
    return _FOLLOWED if isinstance(inner, faiss.IndexHNSW) else (0,)


def parameters(index: "faiss.Index", effort: float) -> Any:
    """Returns what makes one search of the index look at so much, None where it always does."""
    inner: Any = _inner(index)
    known: Any = faiss  # its stubs know the C++ names of parameters only
    if isinstance(inner, faiss.IndexIVF):
        chosen = known.SearchParametersIVF(nprobe=min(int(effort), inner.nlist))
    elif isinstance(inner, faiss.IndexHNSW):
        chosen = known.SearchParametersHNSW(efSearch=int(effort))
    else:
        return None
    if inner is index:
        return chosen
    return known.SearchParametersPreTransform(index_params=chosen)


def _inner(index: "faiss.Index") -> "faiss.Index":
    while isinstance(index, faiss.IndexPreTransform):
        index = faiss.downcast_index(index.index)
    return index
