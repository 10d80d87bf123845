"""What an answer is worth in the space that gave it, and the calibration that tells it."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

from indexer.calibration import BUILT_IN, FILE, Calibration, calibration_of
from indexer.errors import AtisboError
from indexer.types import Hit, Modality
from indexer.vectors.durable import stamp
from search_api.query import Query, Sort, Text
from search_api.relevance import Judgement, judge
from search_api.view import View

log = logging.getLogger(__name__)


class KeptCalibration:
    """The calibration of a space, read again when its file was replaced; safe with threads."""

    def __init__(self, space: Path, fingerprint: str) -> None:
        """Takes the folder of the space."""
        self._space = space
        self._fingerprint = fingerprint
        self._lock = Lock()
        self._seen: tuple[int, int] | None = None
        self._kept = BUILT_IN.get(fingerprint)

    def __call__(self) -> Calibration | None:
        """Returns the calibration; None where there is none, or its file cannot be read."""
        with self._lock:
            found = self._stamp()
            if found != self._seen:
                self._seen, self._kept = found, self._read()
            return self._kept

    def _stamp(self) -> tuple[int, int] | None:
        try:
            return stamp(self._space / FILE)
        except OSError:
            return None

    def _read(self) -> Calibration | None:
        try:
            return calibration_of(self._space, self._fingerprint)
        except AtisboError as error:
            log.warning("Answers have no verdict: %s", error)
            return None


def judged(view: View, query: Query, hits: Sequence[Hit]) -> Judgement:
    """Returns what the hits are worth, where they are pictures that one text asked for."""
    finds = [term.what for term in query.terms if term.weight > 0]
    text = finds[0].text if len(finds) == 1 and isinstance(finds[0], Text) else None
    pictures = query.target.modalities == (Modality.IMAGE,)
    if not pictures or query.more or query.sort is not Sort.SCORE:
        text = None
    searched = len(view.indexes[Modality.IMAGE])
    found = judge(hits, text, view.calibration(), searched)
    # What follows on later pages says nothing of the answer as a whole.
    return replace(found, verdict=None) if query.seen else found
