"""What a body of some rows finds: tuned and measured by queries that nothing was learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from indexer.types import Modality, Vectors
from indexer.vectors.budget import Budget
from indexer.vectors.faiss.body import Body
from indexer.vectors.faiss.effort import efforts
from indexer.vectors.faiss.judging import (
    DEPTHS,
    Truth,
    depths_for,
    latency_ms,
    measured,
    ranks,
    truths,
)
from indexer.vectors.faiss.placed import size_of
from indexer.vectors.faiss.scan import decoded
from indexer.vectors.faiss.view import View
from indexer.vectors.samples import Queries, Samples
from indexer.vectors.segments import State
from indexer.vectors.structure import EXACT, Recall, Structure

PLACE_BYTES = 28
"""What each row takes besides its code: its id twice, segment, row and places."""

_TRAINED_ON = 65_536
_HELD_OUT, _FEWEST_HELD_OUT, _HELD_OUT_ROWS = 400, 100, 2_000_000
_SEED = 1


def judged_again(view: View, samples: Samples) -> Structure:
    """Returns the view's structure with what it finds now, after rows came or went."""
    if view.structure is None:
        raise ValueError("an index without a structure cannot be judged")
    _, held_out = _parted(samples, len(view.state.rows.ids))
    truth = truths(view, held_out)
    return replace(
        view.structure,
        rows=len(view.state.rows.ids),
        recall={modality: measured(view, one) for modality, one in truth.items()},
        latency_ms=round(latency_ms(view, _any(held_out)), 2),
    )


class Trial:
    """The rows of a state, and queries to try bodies of them with, worked out once.

    Half of the queries that are held out choose how many candidates are ranked; the other half
    tell the recall. All others are learned from.
    """

    def __init__(self, state: State, samples: Samples, budget: Budget) -> None:
        self.state = state
        self.rows = len(state.rows.ids)
        self._budget = budget
        self._raw = View(state, None, None)
        self._learning, self._held_out = _parted(samples, self.rows)
        self.exact_ms = latency_ms(self._raw, _any(self._held_out))
        self.exact_bytes = self.rows * (2 * state.dim + PLACE_BYTES)

    def asked(self) -> Sequence[Vectors]:
        """Returns lots of queries to learn from, float32 (any, dim), or the sample of the rows."""
        lots = [one.vectors for one in self._learning.values() if len(one)]
        return lots or [self.sample()]

    def sample(self) -> Vectors:
        """Returns up to 65,536 rows, float32, always the same ones."""
        if self.rows <= _TRAINED_ON:
            places = np.arange(self.rows)
        else:
            random = np.random.default_rng(_SEED)
            places = np.sort(random.choice(self.rows, _TRAINED_ON, replace=False))
        return decoded(self.state.gather(places))

    def exact(self, why: str) -> Structure:
        """Returns the structure that scans all rows."""
        return Structure(
            kind=EXACT,
            why=why,
            rows=self.rows,
            dim=self.state.dim,
            budget=self._budget,
            memory_bytes=self.exact_bytes,
            latency_ms=round(self.exact_ms, 2),
            exact_ms=round(self.exact_ms, 2),
            recall={
                modality: Recall(1.0, 1.0, 1.0, len(one))
                for modality, one in self._held_out.items()
                if len(one)
            },
        )

    def tuned(self, kind: str, body: Body, why: str) -> Structure:
        """Returns the structure with the least effort and depth that find enough, measured."""
        structure = Structure(
            kind=kind,
            why=why,
            rows=self.rows,
            dim=self.state.dim,
            budget=self._budget,
            trained_rows=self.rows,
            dims=0 if body.maps is None else body.maps.row.shape[1],
            memory_bytes=sum(map(size_of, body.shards)) + PLACE_BYTES * self.rows,
            exact_ms=round(self.exact_ms, 2),
        )
        view = View(self.state, structure, body)
        most = DEPTHS[-1] if body.placed is None else body.placed.most
        deepest = max(1, min(DEPTHS[-1], most, self.rows // 8))
        for effort in efforts(body.shards[0]):
            if body.placed is not None and effort > body.placed.most:
                break
            found = {
                modality: ranks(view, one, deepest, effort)
                for modality, one in self._to_tune.items()
            }
            depths = depths_for(
                found,
                self._budget.min_recall,
                deepest,
            )
            structure = replace(
                structure, effort=effort, depths=depths or {10: deepest, 100: deepest}
            )
            if depths is not None:
                break
        view = View(self.state, structure, body)
        return replace(
            structure,
            latency_ms=round(latency_ms(view, _any(self._held_out)), 2),
            recall={modality: measured(view, one) for modality, one in self._to_test.items()},
        )

    @cached_property
    def _to_tune(self) -> Mapping[Modality, Truth]:
        half = {modality: one.some(0, None, 2) for modality, one in self._held_out.items()}
        return truths(self._raw, half)

    @cached_property
    def _to_test(self) -> Mapping[Modality, Truth]:
        half = {modality: one.some(1, None, 2) for modality, one in self._held_out.items()}
        return truths(self._raw, half)


def _parted(samples: Samples, rows: int) -> tuple[Samples, Samples]:
    """Returns what to learn from, and what is held out to choose and to measure by.

    Their true neighbours are found by scanning all rows, so there are fewer for more rows.
    """
    most = max(_FEWEST_HELD_OUT, min(_HELD_OUT, _HELD_OUT * _HELD_OUT_ROWS // max(rows, 1)))
    learning: dict[Modality, Queries] = {}
    held_out: dict[Modality, Queries] = {}
    for modality, queries in samples.items():
        kept = min(2 * most, -(-len(queries) // 2))
        held_out[modality], learning[modality] = queries.some(0, kept), queries.some(kept)
    return learning, held_out


def _any(samples: Samples) -> Queries:
    """Returns queries to time by: of the modality that has most."""
    return max(samples.values(), key=len)
