"""All that a run reads, none of which it changes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.embedders.pocket.tokenizer import Tokenizer
from indexer.training.data import Corpus
from indexer.training.student import Reference


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to learn from, and to be judged by.

    `maps` is float16 (n, c, h, w), a teacher's feature maps of the corpus's whole pictures, and
    `held_out_maps` those of the held-out pictures, needed where a phase reads them as its input.
    `reference` is the teacher's own space. `trunk`, the teacher's convolutional network, is needed
    by phases that go stage by stage. Without a teacher only contrast is learned.
    """

    corpus: Corpus
    held_out: Corpus
    tokenizer: Tokenizer
    maps: NDArray[np.float16] | None = None
    held_out_maps: NDArray[np.float16] | None = None
    reference: Reference | None = None
    trunk: Any = None
