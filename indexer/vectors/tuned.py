"""What an index must offer to be kept within a budget."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from indexer.types import VectorIndex
from indexer.vectors.budget import Budget
from indexer.vectors.samples import Samples
from indexer.vectors.structure import Structure

Say = Callable[[str], None]


@runtime_checkable
class TunedIndex(VectorIndex, Protocol):
    """An index that can be made of different things, by what it may cost."""

    @property
    def structure(self) -> Structure | None:
        """What it is made of; None where rows are scanned for want of anything else."""
        ...

    @property
    def tail(self) -> int:
        """How many rows came after it was made."""
        ...

    def due(self, budget: Budget | None = None) -> str | None:
        """Returns why it should be tended, None if it need not be."""
        ...

    def tend(
        self, samples: Samples, budget: Budget | None = None, say: Say = ...
    ) -> Structure | None:
        """Makes it fit its rows and its budget; None if nothing was to be done."""
        ...

    def build(
        self, samples: Samples, budget: Budget, *, kind: str | None = None, say: Say = ...
    ) -> Structure:
        """Makes it anew from the raw rows."""
        ...

    def check_structure(self) -> None:
        """Compares what it is made of with its checksums."""
        ...
