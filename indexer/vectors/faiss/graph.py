"""CAGRA graphs: made on GPUs, by builds of FAISS with cuVS alone; the processor can follow them.

A graph joins each row to its nearest ones. It holds the rows themselves too, in float16, on the GPU
and in the processor's copy, which is what is saved: so rows lie on disk twice, and nothing can be
added to it. Rows that come later are scanned, until the graph is made anew.
"""

import logging

import faiss
import numpy as np

from indexer.vectors.faiss.body import Body
from indexer.vectors.faiss.placed import WAY_OUT
from indexer.vectors.gpu import Gpu
from indexer.vectors.gpu_device import REFUSALS, first_line
from indexer.vectors.segments import State

_LINK_BYTES = 4 * (64 + 128)  # of the graph, and of the one that it is pruned from

log = logging.getLogger(__name__)


def graphed(state: State, gpu: Gpu) -> Body | None:
    """Returns a body of one graph for each GPU, on the processor; None where GPUs cannot make it.

    That is said in a warning: they have too little room, fail, or this FAISS lacks the class.
    """
    ids = state.rows.ids
    needed = len(ids) * (2 * state.dim + _LINK_BYTES)
    if not gpu.has_room(f"graphs of {len(ids):,} vectors", needed):
        return None
    shards = []
    for at, device in enumerate(gpu.devices):
        library = device.library
        # FAISS keeps no more than the address of these rows until the graph is copied
        rows = state.gather(np.arange(at, len(ids), len(gpu.devices)))
        try:
            config = library.GpuIndexCagraConfig()
            config.device = device.number
            made = library.GpuIndexCagra(
                device.resources, state.dim, faiss.METRIC_INNER_PRODUCT, config
            )
            made.train(rows, numeric_type=library.Float16)
            shards.append(library.index_gpu_to_cpu(made))
        except (*REFUSALS, AttributeError) as error:
            gpu.refused = f"does not make graphs ({first_line(error)})"
            log.warning("%s %s. %s", device, gpu.refused, WAY_OUT)
            return None
    return Body(ids, None, tuple(shards))
