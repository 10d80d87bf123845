"""What commands do for fast searches once vectors came or went."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from rich.console import Console

from indexer.asked import AskedTexts
from indexer.commands.passes import Model
from indexer.config import Settings
from indexer.errors import ConfigError
from indexer.library import adapted, live_space, open_space
from indexer.phrases import asked_texts
from indexer.tuning import Words, rebuild, tend
from indexer.types import Modality, VectorIndex, Vectors
from indexer.vectors.budget import Budget, budget_of
from indexer.vectors.structure import Structure, told
from indexer.vectors.tuned import TunedIndex

_PAST = 5_000
LABELS = {
    Modality.IMAGE: "pictures",
    Modality.TEXT: "captions",
    Modality.VIDEO: "films",
}


def tend_indexes(settings: Settings, console: Console, *, model: Model | None = None) -> None:
    """Makes the live space's indexes fit what is in them now, where that is due; needs the lock.

    Raises:
        ConfigError: a budget is named that says nothing, or that this kind of index cannot keep.
    """
    indexes = _tuned(settings)
    budget = _budget(settings)
    if not indexes:
        if budget is not None:
            raise _not_tuned(settings)
        return
    with _Shown(console) as shown:
        made = tend(indexes, budget, words=_words(settings, model), say=shown)
    _tell(made, console)


def rebuild_indexes(
    settings: Settings, console: Console, *, kind: str | None, model: Model | None = None
) -> None:
    """Makes the live space's indexes anew from stored vectors; needs the lock.

    Raises:
        ConfigError: there is no library, FAISS cannot make the kind, or the index has none.
    """
    indexes = _tuned(settings)
    if not indexes:
        raise _not_tuned(settings)
    with _Shown(console) as shown:
        made = rebuild(
            indexes, _budget(settings), kind=kind, words=_words(settings, model), say=shown
        )
    _tell(made, console)


def _tuned(settings: Settings) -> Mapping[Modality, TunedIndex]:
    opened: Mapping[Modality, VectorIndex] = open_space(
        settings.library, live_space(settings.library), settings.index
    )
    return {modality: index for modality, index in opened.items() if isinstance(index, TunedIndex)}


def _not_tuned(settings: Settings) -> ConfigError:
    return ConfigError(
        f"the index {settings.index!r} scans all vectors and has no budget to keep. Use the index "
        "faiss (ATISBO_INDEX=faiss)."
    )


def _budget(settings: Settings) -> Budget | None:
    return budget_of(settings.max_memory, settings.min_recall, settings.max_latency)


class _Embedded:
    """Texts to judge by, embedded as the live space's queries are."""

    def __init__(self, settings: Settings, model: Model) -> None:
        self._folder = settings.library
        self._model = model

    def past(self) -> Vectors:
        return self._vectors(AskedTexts(self._folder).texts(_PAST))

    def phrases(self) -> Vectors:
        return self._vectors(asked_texts())

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        space = live_space(self._folder)
        if not texts:
            return np.empty((0, space.dim), np.float32)
        return adapted(self._folder, space, self._model.embedder).embed_texts(texts)


def _words(settings: Settings, model: Model | None) -> Words | None:
    """Returns what embeds texts to judge by; None where no model is at hand."""
    return None if model is None else _Embedded(settings, model)


def _tell(made: Mapping[Modality, Structure], console: Console) -> None:
    for modality, structure in made.items():
        console.print(
            f"{LABELS[modality]}: {structure.why}. {told(structure)}; took "
            f"{structure.seconds:,.0f} s",
            style="dim",
            highlight=False,
            soft_wrap=True,
        )


class _Shown:
    """A line that says what is being tried."""

    def __init__(self, console: Console) -> None:
        self._status = console.status("Looking at the indexes")

    def __enter__(self) -> Callable[[Modality, str], None]:
        self._status.__enter__()
        return lambda modality, text: self._status.update(f"{LABELS[modality]}: {text}")

    def __exit__(self, *error: object) -> None:
        self._status.stop()
