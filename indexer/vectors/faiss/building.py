"""Choosing what an index is made of: by measuring, not by a table."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from time import perf_counter

import faiss
import numpy as np

from indexer.errors import ConfigError
from indexer.types import Modality, Vectors
from indexer.vectors.budget import Budget
from indexer.vectors.faiss.body import Body, codes, factored, partitioned, trained
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
from indexer.vectors.faiss.maps import learned
from indexer.vectors.faiss.scan import decoded
from indexer.vectors.faiss.view import View
from indexer.vectors.samples import Queries, Samples
from indexer.vectors.segments import State
from indexer.vectors.structure import CODES, EXACT, KINDS, LISTS, Recall, Structure, size, told

Say = Callable[[str], None]

_TRAINED_ON = 65_536
FEWEST_CODED = 1000
"""Fewer rows teach a quantiser nothing, and are scanned in no time."""
_CODE_BYTES = (32, 64, 128)
_HELD_OUT, _FEWEST_HELD_OUT, _HELD_OUT_ROWS = 400, 100, 2_000_000
_PLACE_BYTES = 28
"""What each row takes besides its code: its id twice, segment, row and places."""
_SEED = 1


def build(
    state: State, samples: Samples, budget: Budget, asked: str | None, say: Say
) -> tuple[Structure, Body | None]:
    """Returns the cheapest structure that keeps the budget, or the nearest to it, and its body.

    Half of the queries that are held out choose how many candidates are ranked; the other half
    tell the recall. All others are learned from.

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


class _Workshop:
    """What trying out structures for one state needs, worked out once."""

    def __init__(self, state: State, samples: Samples, budget: Budget, say: Say) -> None:
        self._state = state
        self._budget = budget
        self._say = say
        self._rows = len(state.rows.ids)
        self._raw = View(state, None, None)
        self._learning, self._held_out = _parted(samples, self._rows)
        self._exact_ms = latency_ms(self._raw, _any(self._held_out))
        self._exact_bytes = self._rows * (2 * state.dim + _PLACE_BYTES)

    def chosen(self) -> tuple[Structure, Body | None]:
        lacking = self._lacking(self._exact_bytes, self._exact_ms)
        if not lacking:
            return self._exact("a scan of all rows is within the budget"), None
        if self._rows < FEWEST_CODED:
            return self._exact(
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
            return self._exact(f"{only}, though that {' and '.join(lacking)}"), None
        structure, body = best
        return self._because(structure, f"nothing keeps all: it {self._missed(structure)}"), body

    def asked(self, kind: str) -> tuple[Structure, Body | None]:
        try:
            empty = None if kind in KINDS else factored(self._state.dim, kind)
            if kind == EXACT:
                return self._exact("asked for"), None
            if self._rows < FEWEST_CODED:
                return self._exact(f"{self._rows:,} are too few for {kind}"), None
            if empty is None:
                structure, body = self._coded(kind, _CODE_BYTES[0])
            else:
                body = trained(empty, self._state, self._sample())
                structure = self._tuned(kind, body)
        except RuntimeError as error:
            raise ConfigError(
                f"FAISS cannot make {kind!r} of {self._rows:,} rows: "
                f"{str(error).rsplit(': ', maxsplit=1)[-1]}. Name exact, codes, lists or a factory "
                "string such as IVF1024,SQ8."
            ) from error
        return self._because(structure, "asked for"), body

    def _candidates(self) -> Iterator[tuple[str, int]]:
        for code_bytes in _CODE_BYTES:
            if self._rows * (code_bytes + _PLACE_BYTES) <= (self._budget.max_memory or np.inf):
                yield CODES, code_bytes
        yield LISTS, _CODE_BYTES[0]

    def _coded(self, kind: str, code_bytes: int) -> tuple[Structure, Body]:
        sample = self._sample()
        asked = [one.vectors for one in self._learning.values() if len(one)] or [sample]
        # Each quantiser of 4 bits codes two dimensions, or one where there are so few.
        dims = min(4 * code_bytes, self._state.dim // 2 * 2 or 1)
        parts = dims if dims <= 2 * code_bytes else dims // 2
        maps = learned(sample, asked, dims).balanced(parts)
        make = codes if kind == CODES else partitioned
        body = make(self._state, sample, maps, parts)
        return self._tuned(kind, body), body

    def _tuned(self, kind: str, body: Body) -> Structure:
        """Returns the structure with the least effort and depth that find enough, measured."""
        structure = Structure(
            kind=kind,
            why=_name(kind, body),
            rows=self._rows,
            dim=self._state.dim,
            budget=self._budget,
            trained_rows=self._rows,
            dims=0 if body.maps is None else body.maps.row.shape[1],
            memory_bytes=sum(_bytes(shard) for shard in body.shards) + _PLACE_BYTES * self._rows,
            exact_ms=round(self._exact_ms, 2),
        )
        view = View(self._state, structure, body)
        deepest = max(1, min(DEPTHS[-1], self._rows // 8))
        for effort in efforts(body.shards[0]):
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
        view = View(self._state, structure, body)
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

    def _exact(self, why: str) -> Structure:
        return Structure(
            kind=EXACT,
            why=why,
            rows=self._rows,
            dim=self._state.dim,
            budget=self._budget,
            memory_bytes=self._exact_bytes,
            latency_ms=round(self._exact_ms, 2),
            exact_ms=round(self._exact_ms, 2),
            recall={
                modality: Recall(1.0, 1.0, 1.0, len(one))
                for modality, one in self._held_out.items()
                if len(one)
            },
        )

    def _sample(self) -> Vectors:
        """Returns up to 65,536 rows, float32, always the same ones."""
        if self._rows <= _TRAINED_ON:
            places = np.arange(self._rows)
        else:
            random = np.random.default_rng(_SEED)
            places = np.sort(random.choice(self._rows, _TRAINED_ON, replace=False))
        return decoded(self._state.gather(places))

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


def _name(kind: str, body: Body) -> str:
    if body.maps is None:
        return f"FAISS {kind}, candidates ranked by raw rows"
    lists = "in lists " if kind == LISTS else ""
    code_bytes, dims = body.shards[0].sa_code_size(), body.maps.row.shape[1]
    return (
        f"codes of {code_bytes} bytes {lists}over {dims} learned dimensions, candidates ranked by "
        "raw rows"
    )


def _bytes(shard: "faiss.Index") -> int:
    return len(faiss.serialize_index(shard))
