"""Choosing what an index is made of: by measuring, not by a table."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter

import numpy as np

from indexer.errors import ConfigError
from indexer.vectors.budget import Budget
from indexer.vectors.faiss.body import Body, factored, trained
from indexer.vectors.faiss.making import (
    CODE_BYTES,
    GPU_CODE_BYTES,
    coded,
    coded_for_gpus,
    named,
)
from indexer.vectors.faiss.placed import Placed
from indexer.vectors.faiss.trial import PLACE_BYTES, Trial
from indexer.vectors.gpu import Gpu
from indexer.vectors.samples import Samples
from indexer.vectors.segments import State
from indexer.vectors.structure import (
    CODES,
    EXACT,
    IVFPQ,
    KINDS,
    LISTS,
    ON_GPUS,
    Structure,
    size,
    told,
)

Say = Callable[[str], None]

FEWEST_CODED = 1000
"""Fewer rows teach a quantiser nothing, and are scanned in no time."""
_ID_BYTES = 8
"""What each row takes besides its code where codes lie in lists."""

log = logging.getLogger(__name__)


def build(
    state: State,
    samples: Samples,
    budget: Budget,
    asked: str | None,
    say: Say,
    gpu: Gpu | None = None,
) -> tuple[Structure, Body | None]:
    """Returns the cheapest structure that keeps the budget, or the nearest to it, and its body.

    `gpu` are GPUs that may search the body; None where there are none that work, or where they
    hold all rows instead.

    Raises:
        ConfigError: FAISS cannot make the kind that was asked for.
    """
    if not len(state.rows.ids):
        why = "there is nothing to search yet"
        return Structure(EXACT, why, 0, state.dim, budget, asked=asked), None
    started = perf_counter()
    work = _Workshop(state, samples, budget, say, gpu)
    structure, body = work.asked(asked) if asked else work.chosen()
    return replace(
        structure,
        asked=asked,
        seconds=round(perf_counter() - started, 1),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    ), body


class _Workshop:
    """Makes and compares structures for one state."""

    def __init__(
        self, state: State, samples: Samples, budget: Budget, say: Say, gpu: Gpu | None
    ) -> None:
        self._state = state
        self._budget = budget
        self._say = say
        self._gpu = gpu
        self._placed: Placed | None = None
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
        why = f"an exact scan {' and '.join(lacking)}"
        if self._gpu is not None:
            why += f", and {self._gpu}: {self._gpu.refused}"
        self._say(why)
        best: tuple[Structure, Body] | None = None
        for kind, code_bytes in self._candidates():
            make = self._on_gpus if kind in ON_GPUS else self._coded
            if (made := make(kind, code_bytes)) is None:
                self._gpu = None
                continue
            structure, body = made
            self._say(f"{structure.why}; {told(structure)}")
            missed = self._missed(structure)
            if not missed:
                return self._because(structure, why), body
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
            if kind in ON_GPUS:
                return self._asked_of_gpus(kind)
            if empty is None:
                structure, body = self._coded(kind, CODE_BYTES[0])
            else:
                body = trained(empty, self._state, self._trial.sample())
                structure = self._tuned(kind, body)
        except RuntimeError as error:
            raise ConfigError(
                f"FAISS cannot make {kind!r} of {self._rows:,} rows: "
                f"{str(error).rsplit(': ', maxsplit=1)[-1]}. Name {', '.join(KINDS)} or a "
                "factory string such as IVF1024,SQ8."
            ) from error
        return self._because(structure, "asked for"), body

    def _asked_of_gpus(self, kind: str) -> tuple[Structure, Body | None]:
        """Returns the smallest of the kind that finds enough; another, with a warning, if none."""
        lacking = "FAISS sees no GPU here that works"
        for code_bytes in GPU_CODE_BYTES if kind == IVFPQ else GPU_CODE_BYTES[:1]:
            if self._gpu is None:
                break
            made = self._on_gpus(kind, code_bytes)
            if made is None:
                lacking = f"{self._gpu}: {self._gpu.refused}"
                break
            structure, body = made
            if self._keeps_recall(structure):
                return self._because(structure, "asked for"), body
            lacking = f"{structure.why}: {told(structure)}"
        log.warning(
            "%s was asked for and cannot be had (%s). What keeps the budget on the processor is "
            "made instead; --rebuild-vectors --kind names another.",
            kind,
            lacking,
        )
        self._gpu = None
        return self.chosen()

    def _candidates(self) -> Iterator[tuple[str, int]]:
        allowed = self._budget.max_memory or np.inf
        for code_bytes in GPU_CODE_BYTES if self._gpu is not None else ():
            if self._rows * (code_bytes + _ID_BYTES + PLACE_BYTES) <= allowed:
                yield IVFPQ, code_bytes
        for code_bytes in CODE_BYTES:
            if self._rows * (code_bytes + PLACE_BYTES) <= allowed:
                yield CODES, code_bytes
        yield LISTS, CODE_BYTES[0]

    def _coded(self, kind: str, code_bytes: int) -> tuple[Structure, Body]:
        body = coded(kind, code_bytes, self._state, self._trial.sample(), self._trial.asked())
        return self._tuned(kind, body), body

    def _on_gpus(self, kind: str, code_bytes: int) -> tuple[Structure, Body] | None:
        """Returns what was made for the GPUs, measured on them; None where they do not search."""
        if self._gpu is None:
            return None
        if self._placed is not None:
            self._placed.release()  # the one tried before: should it be chosen, it comes back
        sample, asked = self._trial.sample(), self._trial.asked()
        body = coded_for_gpus(kind, code_bytes, self._state, sample, asked, self._gpu)
        if body is None or not body.is_on_gpus:
            return None
        self._placed = body.placed
        structure = self._tuned(kind, body)
        # Where they failed meanwhile, it is the processor that was measured.
        return (structure, body) if body.is_on_gpus else None

    def _tuned(self, kind: str, body: Body) -> Structure:
        return self._trial.tuned(kind, body, named(kind, body, self._gpu))

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
