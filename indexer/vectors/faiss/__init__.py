"""Search by FAISS: exact while that keeps the budget, then codes with exact ranking by raw rows."""

import logging
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np

from indexer.errors import Unavailable
from indexer.types import Ids, Matches, Vectors
from indexer.vectors.batching import Batcher
from indexer.vectors.budget import Budget
from indexer.vectors.durable import stamp
from indexer.vectors.faiss.body import Body
from indexer.vectors.faiss.building import FEWEST_CODED, Say, build
from indexer.vectors.faiss.held import Held
from indexer.vectors.faiss.judging import latency_ms
from indexer.vectors.faiss.stored_body import read_body, write_body
from indexer.vectors.faiss.trial import judged_again
from indexer.vectors.faiss.view import View
from indexer.vectors.gpu import open_gpu
from indexer.vectors.samples import Samples, strangers
from indexer.vectors.segments import State
from indexer.vectors.stored import StoredIndex
from indexer.vectors.structure import (
    CAGRA,
    EXACT,
    FILE,
    ON_GPUS,
    Structure,
    read_structure,
    told,
    write_structure,
)

log = logging.getLogger(__name__)

_SMALL_BYTES = 2**25
"""Rows of fewer bytes are scanned in a millisecond or two, so nothing is measured for them."""
_TAIL_ROWS, _TAIL_SHARE = 20_000, 0.03
_DEAD_SHARE = 0.25
_OUTGROWN = 2.0
_NO_BUDGET_KEPT = 1.5
"""An index is built anew only where it misses its budget by this factor: clocks are noisy."""
_READ_ATTEMPTS = 3
_CAME = "rows came"
_BATCHED_BELOW = 8


class FaissIndex(StoredIndex):
    """Rows of one modality, scanned as they are or found by codes, as `structure.json` says.

    Rows that came after the codes were made are scanned, and those that went are passed over, so
    what is added or removed shows at once.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        super().__init__(folder, dim)
        self._folder = folder
        self._view: View | None = None
        self._made_of: tuple[int, int] | None = None
        self._opened: tuple[Structure | None, Body | None] = (None, None)
        self._held: Held | None = None
        self._batcher = Batcher(self._search_all)
        self._stale = False
        self._checking: threading.Thread | None = None
        self._damage: Unavailable | None = None

    @property
    def structure(self) -> Structure | None:
        """What the index is made of; None where rows are scanned for want of anything else."""
        return self._current().structure

    @property
    def tail(self) -> int:
        """How many rows came after the codes were made."""
        return self._current().tail

    def refresh(self) -> bool:
        came = super().refresh()
        if self._view is None or stamp(self._folder / FILE) == self._made_of:
            return came
        self._stale = True
        return True

    def build(
        self,
        samples: Samples,
        budget: Budget,
        *,
        kind: str | None = None,
        say: Say = lambda _text: None,
    ) -> Structure:
        """Returns the structure that keeps the budget, made from the raw rows, saved and in use.

        Args:
            samples: Queries of each modality that the index is asked in, held out from nothing yet.
            budget: What a search may cost and must find.
            kind: One of `indexer.vectors.structure.KINDS` or a FAISS factory string, in place of a
                choice. What GPUs are asked for and cannot do is chosen after all, with a warning.
            say: Takes what was tried and found, for people.

        Raises:
            ConfigError: FAISS cannot make the kind.
            OSError: the files cannot be written.
        """
        state = self._current().state
        gpu = None
        if self._held is not None:
            with self._following:
                gpu = self._held.spare(state, budget.max_memory, kind)
        structure, body = build(state, samples, budget, kind, say, gpu)
        if self._held is not None and self._held.has_rows:
            why = f"{structure.why}; {self._held} holds all rows and is asked first"
            structure = replace(structure, why=why)
        return self._keep(structure, None if body is None else self._on_gpus(structure, body))

    def due(self, budget: Budget | None = None) -> str | None:
        """Returns why the index should be tended, None if it need not be.

        Args:
            budget: What is asked of it from now on; None for what it was made for.
        """
        view = self._current()
        made, rows = view.structure, len(view.state.rows.ids)
        before = made.budget if made else Budget()
        limits = budget or before
        if limits != before:
            return "another budget"
        if made is not None and made.kind == EXACT and made.asked and made.asked not in ON_GPUS:
            few = rows < FEWEST_CODED
            return None if made.asked == EXACT or few else f"{rows:,} rows are enough for codes"
        if made is None or made.kind == EXACT:
            return self._exact_due(view, limits)
        if made.kind in ON_GPUS and view.body is not None and not view.body.is_on_gpus:
            return "no GPU searches it here"
        if not made.trained_rows / _OUTGROWN <= rows <= made.trained_rows * _OUTGROWN:
            return f"{made.trained_rows:,} rows became {rows:,}"
        if view.dead > _DEAD_SHARE * rows:
            return f"{view.dead:,} of its rows are gone"
        if view.tail > max(_TAIL_ROWS, _TAIL_SHARE * rows):
            return f"{view.tail:,} {_CAME}"
        return None

    def tend(
        self, samples: Samples, budget: Budget | None = None, say: Say = lambda _text: None
    ) -> Structure | None:
        """Takes new rows into the codes, or builds anew where that is due; None if nothing was.

        After rows are taken in, recall is measured again; where it fell below the budget, or the
        rows outgrew what was learned from, all is learned anew.

        Raises:
            OSError: the files cannot be written.
        """
        if (why := self.due(budget)) is None:
            return None
        say(why)
        view = self._current()
        made = view.structure
        if budget is not None and made is not None and made.budget != budget:
            return self.build(samples, budget, say=say)
        limits = budget or (made.budget if made else Budget())
        asked = made.asked if made else None
        if made is None or view.body is None or made.kind == CAGRA or not why.endswith(_CAME):
            return self.build(samples, limits, kind=asked, say=say)
        # Read anew: the one in use must not change under searches.
        body = read_body(self._folder, made)
        ids = view.state.rows.ids
        body = body.grown(view.state, np.setdiff1d(ids, body.ids, assume_unique=True))
        body = self._on_gpus(made, body)
        structure = judged_again(View(view.state, made, body), samples)
        low = [one for one in structure.recall.values() if one.high < limits.min_recall]
        if low and all(one.high >= limits.min_recall for one in made.recall.values()):
            say(f"what it learned no longer serves: {told(structure)}")
            return self.build(samples, limits, kind=asked, say=say)
        return self._keep(structure, body)

    def check_structure(self) -> None:
        """Compares the codes with their checksums; rows are the business of `check`.

        Raises:
            Unavailable: a file is missing or damaged; all of them can be made anew.
        """
        structure = read_structure(self._folder)
        if structure is not None and structure.kind != EXACT:
            read_body(self._folder, structure)

    def _on_gpus(self, structure: Structure, body: Body) -> Body:
        """Returns the body, on the GPUs where it is made for them and they are willing."""
        if self._held is None or structure.kind not in ON_GPUS:
            return body
        with self._following:
            return self._held.place(body)

    def _keep(self, structure: Structure, body: Body | None) -> Structure:
        files = write_body(self._folder, body) if body is not None else ()
        structure = structure.with_files(files)
        write_structure(self._folder, structure)
        with self._following:
            self._opened = structure, body
            self._made_of = stamp(self._folder / FILE)
            self._stale = True
        return structure

    def _exact_due(self, view: View, limits: Budget) -> str | None:
        rows = len(view.state.rows.ids)
        needed = 2 * self._dim * rows
        if limits.max_memory is not None and needed > limits.max_memory:
            return f"{rows:,} rows need more memory than allowed"
        if needed < _SMALL_BYTES:
            return None
        random = np.random.default_rng(0).choice(rows, 32)
        took = latency_ms(view, strangers(view.state.gather(random).astype(np.float32)))
        if took > _NO_BUDGET_KEPT * limits.max_latency or (
            view.structure is None and took > limits.max_latency
        ):
            return f"a scan of {rows:,} rows takes {took:.0f} ms"
        return None

    def _search(self, queries: Vectors, k: int, among: Ids | None) -> Matches:
        if among is None and len(queries) < _BATCHED_BELOW:
            return self._batcher.search(queries, k)
        if among is None:
            return self._search_all(queries, k)
        view = self._current()
        return view.search(queries, k, view.chosen(among))

    def _search_all(self, queries: Vectors, k: int) -> Matches:
        view = self._current()
        found = self._held.search(view, queries, k) if self._held is not None else None
        return view.search(queries, k) if found is None else found

    def _current(self) -> View:
        if self._damage is not None:
            raise self._damage
        self._follow()
        if self._view is None:
            raise RuntimeError("an index that follows its store has a view")
        return self._view

    def _take(self, state: State) -> None:
        made_of = stamp(self._folder / FILE)
        is_read = self._view is None or made_of != self._made_of
        if is_read:
            self._opened = self._read()
        structure, body = self._opened
        if self._view is None:
            budget = structure.budget if structure is not None else Budget()
            gpu = open_gpu(self._dim, most_bytes=budget.max_memory)
            self._held = None if gpu is None else Held(gpu)
        if self._held is not None:
            self._opened = structure, self._held.follow(state, structure, body)
        elif is_read and structure is not None and structure.kind in ON_GPUS:
            log.warning(
                "The index in %s was made for GPUs; FAISS sees none that works: the processor "
                "searches it, slower. The next atisbo index makes another.",
                self._folder,
            )
        self._view = View(state, *self._opened)
        self._made_of = made_of
        self._stale = False
        if not self._store.is_checked and self._checking is None and self._fits_in_memory(state):
            self._checking = threading.Thread(target=self._check_rows, daemon=True)
            self._checking.start()

    def _is_followed(self) -> bool:
        return super()._is_followed() and not self._stale

    def _fits_in_memory(self, state: State) -> bool:
        """Whether all raw rows may be read without driving out what others need."""
        if not hasattr(os, "sysconf"):
            return False
        return 4 * self._dim * len(state.rows.ids) < (
            os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        )

    def _check_rows(self) -> None:
        """Checks mapped files while they are in use already, and brings them into memory."""
        try:
            self._store.check()
        except Unavailable as error:
            log.error("%s", error)
            self._damage = error
        self._checking = None

    def _read(self) -> tuple[Structure | None, Body | None]:
        """Returns what is on disk; nothing, said in the log, where that is damaged."""
        for attempt in range(_READ_ATTEMPTS):
            try:
                structure = read_structure(self._folder)
                if structure is None or structure.kind == EXACT:
                    return structure, None
                return structure, read_body(self._folder, structure)
            except Unavailable as error:
                # Another process may have replaced the files between two looks.
                if attempt + 1 == _READ_ATTEMPTS:
                    log.warning(
                        "%s. All rows are scanned until `atisbo verify --repair` made it anew.",
                        error,
                    )
        return None, None
