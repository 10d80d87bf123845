"""The file that keeps what a space's scores are worth, and the service that follows it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexer.backup import backup
from indexer.calibration import (
    BUILT_IN,
    FILE,
    Calibration,
    Figures,
    Fitted,
    calibration_of,
    read_fitted,
    write_fitted,
)
from indexer.catalog import open_catalog
from indexer.config import load_settings
from indexer.embedders import open_embedder
from indexer.embedders.adapted import EMBEDDED, Adapter, Residual
from indexer.errors import IndexMismatch, Unavailable
from indexer.library import live_space, make_library, open_library
from indexer.spaces import (
    add_space,
    drop_space,
    own_space,
    space_folder,
    use_space,
    write_first,
)
from indexer.verify import verify
from search_api.judging import KeptCalibration
from search_api.live import LiveSpace

MADE = Calibration(20.0, 0.5, -6.0, size=-0.7, sizes=(100, 400), lengths=(1, 8))
FIGURES = Figures(100, 0.8, 0.75, 0.85, 0.8, 0.05, 0.9, 0.4, None, 0.0)
FITTED = Fitted("weights", "2026-01-02T03:04:05+00:00", 200, 400, 200, FIGURES, MADE)
REFUSED = replace(FITTED, calibration=None, refused="scores tell too little")
UNASKED = replace(REFUSED, figures=None)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    make_library(folder, open_embedder("colour"))
    open_library(folder, write=True).catalog.close()
    return folder


def place(library: Path) -> Path:
    return space_folder(library, live_space(library))


def own(library: Path) -> Fitted:
    return replace(FITTED, fingerprint=live_space(library).fingerprint)


def break_it(library: Path) -> None:
    (place(library) / FILE).write_text('{"format": 1, "calib')


@pytest.mark.parametrize("fitted", [FITTED, REFUSED, UNASKED])
def test_what_was_written_is_read(tmp_path: Path, fitted: Fitted) -> None:
    write_fitted(tmp_path, fitted)
    assert read_fitted(tmp_path, "weights") == fitted
    assert calibration_of(tmp_path, "weights") == fitted.calibration
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_belongs_to_other_weights_counts_as_nothing(tmp_path: Path) -> None:
    assert read_fitted(tmp_path, "weights") is None
    write_fitted(tmp_path, FITTED)
    assert read_fitted(tmp_path, "others") is None
    assert calibration_of(tmp_path, "others") is None


def test_what_comes_with_the_model_stays_where_nothing_better_was_fitted(tmp_path: Path) -> None:
    (fingerprint,) = BUILT_IN
    assert calibration_of(tmp_path, fingerprint) is BUILT_IN[fingerprint]
    write_fitted(tmp_path, replace(REFUSED, fingerprint=fingerprint))
    assert calibration_of(tmp_path, fingerprint) is BUILT_IN[fingerprint]
    write_fitted(tmp_path, replace(FITTED, fingerprint=fingerprint))
    assert calibration_of(tmp_path, fingerprint) == MADE


def _without(stored: dict[str, object]) -> None:
    del stored["figures"]


def _of_words(stored: dict[str, object]) -> None:
    stored["calibration"]["cosine"] = "steep"


def _upside_down(stored: dict[str, object]) -> None:
    stored["calibration"]["cosine"] = -3


def _endless(stored: dict[str, object]) -> None:
    stored["calibration"]["offset"] = float("nan")


@pytest.mark.parametrize("change", [_without, _of_words, _upside_down, _endless])
def test_a_damaged_file_is_named_with_a_way_out(
    tmp_path: Path, change: Callable[[dict[str, object]], None]
) -> None:
    write_fitted(tmp_path, FITTED)
    stored = json.loads((tmp_path / FILE).read_text())
    change(stored)
    (tmp_path / FILE).write_text(json.dumps(stored))
    with pytest.raises(Unavailable, match=r"relevance.json is damaged.*atisbo calibrate"):
        read_fitted(tmp_path, "weights")


def test_a_file_of_a_newer_atisbo_is_refused(tmp_path: Path) -> None:
    write_fitted(tmp_path, FITTED)
    stored = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({**stored, "format": 2}))
    with pytest.raises(IndexMismatch, match="newer atisbo"):
        read_fitted(tmp_path, "weights")


def test_lengths_and_sizes_beyond_what_was_fitted_count_like_the_nearest() -> None:
    long, longer = " ".join("bcdefghi"), " ".join("bcdefghijklm")
    assert MADE.probability(0.3, long, 200) == MADE.probability(0.3, longer, 200)
    assert MADE.probability(0.3, "dog", 400) == MADE.probability(0.3, "dog", 10**7)
    assert MADE.probability(0.3, "dog", 399) != MADE.probability(0.3, "dog", 400)
    assert replace(MADE, cosine=1e6).probability(-1.0, "a", 200) == pytest.approx(0)


def test_a_service_follows_a_fit(tmp_path: Path) -> None:
    kept = KeptCalibration(tmp_path, "weights")
    assert kept() is None
    write_fitted(tmp_path, FITTED)
    assert kept() == MADE
    write_fitted(tmp_path, REFUSED)
    assert kept() is None


def test_a_damaged_file_is_said_once_and_answers_go_on(
    library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_fitted(place(library), own(library))
    kept = KeptCalibration(place(library), live_space(library).fingerprint)
    assert kept() == MADE
    break_it(library)
    assert [kept(), kept(), kept()] == [None] * 3
    (line,) = caplog.messages
    assert "Answers have no verdict" in line
    assert FILE in line


def test_verify_finds_a_damaged_file_and_drops_it(library: Path) -> None:
    write_fitted(place(library), own(library))
    catalog = open_catalog(library / "catalog.db")
    assert not verify(library, catalog).findings
    break_it(library)
    (finding,) = verify(library, catalog).findings
    assert (FILE in finding.fact, finding.mended) == (True, False)
    (finding,) = verify(library, catalog, repair=True).findings
    assert finding.mended
    assert not (place(library) / FILE).exists()
    assert not verify(library, catalog).findings


def test_a_backup_carries_it_along(library: Path, tmp_path: Path) -> None:
    write_fitted(place(library), own(library))
    copy = tmp_path / "copy"
    backup(library, copy, open_catalog(library / "catalog.db"), open_catalog)
    assert read_fitted(place(copy), live_space(copy).fingerprint) == own(library)


def test_it_goes_with_its_space(library: Path) -> None:
    first = live_space(library)
    write_fitted(place(library), own(library))
    other = own_space("other", "other-1", 3)
    write_first(library, other)
    use_space(library, other.name)
    assert calibration_of(place(library), other.fingerprint) is None
    drop_space(library, first.name)
    assert not space_folder(library, first).exists()


def test_a_service_that_follows_a_switch_judges_by_the_space_it_switched_to(library: Path) -> None:
    settings = load_settings(library=library)
    first = live_space(library)
    follow = LiveSpace(settings, first, open_embedder("colour"))
    shape = ((4, 3), (4,), (3, 4), (3,))
    residual = Residual(*(np.full(size, 0.1, np.float32) for size in shape))
    other = add_space(library, first, Adapter(dict.fromkeys(EMBEDDED, residual)), {})
    write_fitted(space_folder(library, other), replace(FITTED, fingerprint=other.fingerprint))
    use_space(library, other.name)
    view = follow()
    assert view is not None
    assert view.calibration() == MADE
    use_space(library, first.name)
    view = follow()
    assert view is not None
    assert view.calibration() is None
