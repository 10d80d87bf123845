"""Choosing what an index is made of: by measuring, not by a table."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter

import numpy as np

from indexer.errors import ConfigError
from indexer.vectors.budget import Budget
from indexer.vectors.faiss.body import Body, factored, trained
from indexer.vectors.faiss.making import CODE_BYTES, coded, named
from indexer.vectors.faiss.trial import PLACE_BYTES, Trial
from indexer.vectors.samples import Samples
from indexer.vectors.segments import State
from indexer.vectors.structure import CODES, EXACT, KINDS, LISTS, Structure, size, told

Say = Callable[[str], None]

FEWEST_CODED = 1000
"""Fewer rows teach a quantiser nothing, and are scanned in no time."""


def build(
    state: State, samples: Samples, budget: Budget, asked: str | None, say: Say
) -> tuple[Structure, Body | None]:
    """Returns the cheapest structure that keeps the budget, or the nearest to it, and its body.

    Raises:
        ConfigError: FAISS cannot make the kind that was asked for.
    """
    if not len(state.rows.ids):
        why = "there is nothing to search yet"
        return Structure(EXACT, why, 0, state.dim, budget, asked=asked), None
    started = perf_counter()
    work = _Workshop(state, samples, budget, say)
    structure, body = work.asked(asked) if asked else work.chosen()
    return replace(
        structure,
        asked=asked,
        seconds=round(perf_counter() - started, 1),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    ), body


class _Workshop:
    """Makes and compares structures for one state."""

    def __init__(self, state: State, samples: Samples, budget: Budget, say: Say) -> None:
        self._state = state
        self._budget = budget
        self._say = say
        self._rows = len(state.rows.ids)
        self._trial = Trial(state, samples, budget)

    def chosen(self) -> tuple[Structure, Body | None]:
        lacking = self._lacking(self._trial.exact_bytes, self._trial.exact_ms)
        if not lacking:
            return self._trial.exact("a scan of all rows is within the budget"), None
        if self._rows < FEWEST_CODED:
            return self._trial.exact(
                f"so few rows are scanned, though that {' and '.join(lacking)}"
            ), None
        self._say(f"an exact scan {' and '.join(lacking)}")
        best: tuple[Structure, Body] | None = None
        for kind, code_bytes in self._candidates():
            structure, body = self._coded(kind, code_bytes)
            self._say(f"{structure.why}; {told(structure)}")
            missed = self._missed(structure)
            if not missed:
                return self._because(structure, f"an exact scan {' and '.join(lacking)}"), body
            if best is None or self._rank(structure) > self._rank(best[0]):
                best = structure, body
        if best is None or not self._keeps_recall(best[0]):
            only = "nothing smaller finds enough, so all rows are scanned"
            return self._trial.exact(f"{only}, though that {' and '.join(lacking)}"), None
        structure, body = best
        return self._because(structure, f"nothing keeps all: it {self._missed(structure)}"), body

    def asked(self, kind: str) -> tuple[Structure, Body | None]:
        try:
            empty = None if kind in KINDS else factored(self._state.dim, kind)
            if kind == EXACT:
                return self._trial.exact("asked for"), None
            if self._rows < FEWEST_CODED:
                return self._trial.exact(f"{self._rows:,} are too few for {kind}"), None
            if empty is None:
                structure, body = self._coded(kind, CODE_BYTES[0])
            else:
                body = trained(empty, self._state, self._trial.sample())
                structure = self._tuned(kind, body)
        except RuntimeError as error:
            raise ConfigError(
                f"FAISS cannot make {kind!r} of {self._rows:,} rows: "
                f"{str(error).rsplit(': ', maxsplit=1)[-1]}. Name exact, codes, lists or a factory "
                "string such as IVF1024,SQ8."
            ) from error
        return self._because(structure, "asked for"), body

    def _candidates(self) -> Iterator[tuple[str, int]]:
        for code_bytes in CODE_BYTES:
            if self._rows * (code_bytes + PLACE_BYTES) <= (self._budget.max_memory or np.inf):
                yield CODES, code_bytes
        yield LISTS, CODE_BYTES[0]

    def _coded(self, kind: str, code_bytes: int) -> tuple[Structure, Body]:
        body = coded(kind, code_bytes, self._state, self._trial.sample(), self._trial.asked())
        return self._tuned(kind, body), body

    def _tuned(self, kind: str, body: Body) -> Structure:
        return self._trial.tuned(kind, body, named(kind, body))

    def _lacking(self, memory_bytes: int, latency: float) -> list[str]:
        limit, lacking = self._budget.max_memory, []
        if limit is not None and memory_bytes > limit:
            lacking.append(f"needs {size(memory_bytes)} in memory, more than {size(limit)}")
        if latency > self._budget.max_latency:
            lacking.append(f"takes {latency:.1f} ms, more than {self._budget.max_latency:g} ms")
        return lacking

    def _keeps_recall(self, structure: Structure) -> bool:
        return all(one.high >= self._budget.min_recall for one in structure.recall.values())

    def _missed(self, structure: Structure) -> str:
        missed = self._lacking(structure.memory_bytes, structure.latency_ms)
        if not self._keeps_recall(structure):
            missed.append(f"finds less than {self._budget.min_recall:.0%}")
        return " and ".join(missed)

    def _rank(self, structure: Structure) -> tuple[bool, int, float]:
        missed = len(self._lacking(structure.memory_bytes, structure.latency_ms))
        return self._keeps_recall(structure), -missed, -structure.latency_ms

    def _because(self, structure: Structure, why: str) -> Structure:
        return replace(structure, why=f"{structure.why}; {why}")
