"""What commands do so that answers to a text have a verdict: the live space is calibrated."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console

from indexer.calibration import BUILT_IN, Fitted, read_fitted, write_fitted
from indexer.commands.captioned import captioned
from indexer.commands.lines import WARNING, say
from indexer.commands.passes import Model
from indexer.config import Settings
from indexer.errors import AtisboError, ConfigError, Unavailable
from indexer.evaluation.calibrating import LEAST_PICTURES, calibrate
from indexer.library import Library, adapted, live_space, open_library
from indexer.spaces import Space, space_folder
from indexer.types import Modality, Vectors

_MOST = 10_000
"""So many pictures with captions are asked for, and so many of all are drawn to compare sizes."""
_GROWN = 2


@dataclass(frozen=True, slots=True)
class Held:
    """How many pictures and captions a library holds."""

    pictures: int
    captions: int


def held(library: Library) -> Held:
    """Returns what the library holds."""
    items = library.catalog.counts().items
    return Held(items.get(Modality.IMAGE, 0), items.get(Modality.TEXT, 0))


def is_due(space: Space, fitted: Fitted | None, now: Held) -> bool:
    """Whether there are captions enough, and the library doubled or halved since the last fit."""
    if space.fingerprint in BUILT_IN or now.captions < LEAST_PICTURES:
        return False
    return fitted is None or any(
        not before / _GROWN < count < before * _GROWN
        for before, count in (
            (fitted.pictures, now.pictures),
            (fitted.captions, now.captions),
        )
    )


def calibrate_if_due(settings: Settings, console: Console, model: Model) -> None:
    """Fits a calibration to the live space, where it has none of its own; needs the lock.

    Where that fails the library stays as it is, which is said.
    """
    space = live_space(settings.library)
    place = space_folder(settings.library, space)
    library = open_library(settings.library, database=settings.database, index=settings.index)
    try:
        if not is_due(space, _fitted(place, space), held(library)) or not _enough(library):
            return
        made = fit_space(library, model, console)
        write_fitted(place, made)
    except AtisboError as error:
        say(console, f"Answers to a text were not calibrated: {error}", style=WARNING)
    else:
        say(console, f"Verdicts on answers: {told(made)}", style="dim")


def fit_space(library: Library, model: Model, console: Console, *, seed: int = 0) -> Fitted:
    """Returns what comes of fitting a calibration to the library's live space; nothing is written.

    Raises:
        ConfigError: there are too few pictures with captions.
        IndexMismatch: the model is not the library's.
        Unavailable: a vector is missing.
    """
    chosen = captioned(library, _MOST, seed=seed)
    if len(chosen.pictures) < LEAST_PICTURES:
        raise ConfigError(
            f"the library {library.folder} has {len(chosen.pictures)} pictures with captions; what "
            f"its scores are worth is measured on at least {LEAST_PICTURES}. Until then answers "
            "have no verdict of the library's own."
        )
    space, now = library.space, held(library)
    embedder = adapted(library.folder, space, model.embedder)
    with console.status("Measuring what scores are worth here"):
        outcome = calibrate(
            chosen.searched(library),
            chosen.said,
            embedder.embed_texts,
            drawn=_drawn(library, seed),
            total=now.pictures,
            before=BUILT_IN.get(space.fingerprint),
            seed=seed,
        )
    return Fitted(
        fingerprint=space.fingerprint,
        on=datetime.now(UTC).isoformat(timespec="seconds"),
        pictures=now.pictures,
        captions=now.captions,
        asked_about=len(chosen.pictures),
        figures=outcome.figures,
        calibration=outcome.calibration,
        refused=outcome.refused,
    )


def told(fitted: Fitted) -> str:
    """Returns what a fit came to, for people."""
    figures = fitted.figures
    if fitted.calibration is None or figures is None:
        return f"refused on {fitted.on[:10]}: {fitted.refused}"
    return (
        f"fitted on {fitted.on[:10]} by captions of {fitted.asked_about:,} pictures; of "
        f"{figures.queries:,} held-out queries {figures.right_side:.0%} on the right side"
    )


def relevance_of(library: Library) -> str:
    """Returns how the verdicts of the live space came about, or why there are none, for people."""
    space = library.space
    try:
        fitted = read_fitted(space_folder(library.folder, space), space.fingerprint)
    except AtisboError as error:
        return f"none: {error}"
    built_in = "comes with the model" if space.fingerprint in BUILT_IN else ""
    if fitted is None:
        return built_in or (
            f"none: atisbo index fits it once {LEAST_PICTURES} pictures have captions, or atisbo "
            "calibrate"
        )
    if built_in and fitted.calibration is None:
        return f"{built_in}; one of the library's own was {told(fitted)}"
    return told(fitted)


def _fitted(place: Path, space: Space) -> Fitted | None:
    """Returns what was fitted before; a damaged file counts as none, and is written anew."""
    try:
        return read_fitted(place, space.fingerprint)
    except Unavailable:
        return None


def _enough(library: Library) -> bool:
    """Whether enough pictures have captions; subtitles are captions too, but of no picture."""
    _, pictures = library.catalog.pairs()
    return len(np.unique(pictures)) >= LEAST_PICTURES


def _drawn(library: Library, seed: int) -> Vectors:
    index = library.indexes[Modality.IMAGE]
    ids = index.ids
    chosen = np.random.default_rng(seed).choice(ids, min(_MOST, len(ids)), replace=False)
    return index.vectors(np.sort(chosen))
