"""How well a model finds what it has not learned from."""

import numpy as np
from torch import Tensor

from indexer.evaluation.pairs import Pairs, words
from indexer.evaluation.recall import CUTOFFS, rank
from indexer.training.data import Corpus

Recalls = dict[str, float]


def quality(recall: Recalls) -> float:
    """Returns the mean of the recalls, by which epochs are compared."""
    return sum(recall.values()) / len(recall)


def recalls(images: Tensor, texts: Tensor, corpus: Corpus) -> Recalls:
    """Returns recall at 1, 5 and 10 in per cent, `t2i@k` and `i2t@k`.

    `images` float32 (n, d) and `texts` float32 (m, d), rows of unit length, are the corpus's.
    """
    counts = [len(picture.texts) for picture in corpus.pictures]
    about = np.repeat(np.arange(len(counts)), counts)
    found = rank(Pairs(images.numpy(), texts.numpy(), about, words(corpus.texts())))
    return {
        f"{way}@{k}": round(100 * float((ranks <= k).mean()), 2)
        for way, ranks in (("t2i", found.text_to_image), ("i2t", found.image_to_text))
        for k in CUTOFFS
    }
