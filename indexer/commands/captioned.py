"""The captions of a library and their pictures, with the vectors that a space stores of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from indexer.errors import ConfigError, Unavailable
from indexer.evaluation.pairs import Numbers, Pairs, words
from indexer.library import Library
from indexer.spaces import Space, open_vectors
from indexer.types import Ids, Modality, Vectors


@dataclass(frozen=True, slots=True)
class Captioned:
    """Ids int64 (t,) of captions and (i,) of their pictures, ascending; `said` is what the captions
    say; the rest as in `Pairs`.
    """

    captions: Ids
    pictures: Ids
    about: Numbers
    words: Numbers
    said: Sequence[str]

    def stored(self, library: Library, space: Space) -> Pairs:
        """Returns the pairs with the vectors that the space stores.

        Raises:
            Unavailable: the space lacks one.
        """
        read = partial(_stored, library, space)
        return Pairs(
            read(Modality.IMAGE, self.pictures),
            read(Modality.TEXT, self.captions),
            self.about,
            self.words,
        )

    def searched(self, library: Library) -> Pairs:
        """Returns the pairs with the vectors of the library's own indexes, read where they lie.

        Raises:
            Unavailable: an index lacks one.
        """
        try:
            return Pairs(
                library.indexes[Modality.IMAGE].vectors(self.pictures),
                library.indexes[Modality.TEXT].vectors(self.captions),
                self.about,
                self.words,
            )
        except KeyError as error:
            raise _lacking(library.space, error) from error


def captioned(library: Library, sample: int | None = None, *, seed: int = 0) -> Captioned:
    """Returns the library's captions and their pictures, or those of a sample of its pictures.

    Raises:
        ConfigError: there are fewer than two pictures with captions.
    """
    captions, of_captions = library.catalog.pairs()
    pictures = np.unique(of_captions)
    if len(pictures) < 2:
        raise ConfigError(
            f"the library {library.folder} has {len(pictures)} pictures with captions; this "
            "takes at least 2. Put captions beside the pictures (photo.txt, or a table with the "
            "columns image and caption) and run atisbo index again."
        )
    if sample is not None and sample < len(pictures):
        generator = np.random.default_rng(seed)
        pictures = np.sort(generator.choice(pictures, sample, replace=False))
        kept = np.isin(of_captions, pictures)
        captions, of_captions = captions[kept], of_captions[kept]
    items = library.catalog.fetch(captions.tolist())
    said = [items[id].text or "" for id in captions.tolist()]
    about = np.searchsorted(pictures, of_captions).astype(np.int64)
    return Captioned(captions, pictures, about, words(said), said)


def _stored(library: Library, space: Space, modality: Modality, ids: Ids) -> Vectors:
    try:
        return open_vectors(library.folder, space, modality, "exact").vectors(ids)
    except KeyError as error:
        raise _lacking(space, error) from error


def _lacking(space: Space, error: KeyError) -> Unavailable:
    return Unavailable(
        f"space {space.name} lacks the vector of an item that the catalogue shows ({error}). "
        "Run atisbo index again."
    )
