"""One page that shows a space, or two side by side: similarities, recall, a map and the figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import Unavailable
from indexer.evaluation.live import Searched
from indexer.evaluation.recall import CUTOFFS, Recall
from indexer.evaluation.space import FlatMap, SpaceMeasures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _FAINT = "#1f2430", "#c9ccd3"
_IMAGE, _TEXT, _UNMATCHED = "#2f6db3", "#e07b39", "#9aa0ab"
_BARS = (("#2f6db3", "#9dc0e6"), ("#e07b39", "#f3c3a1"))
_MOST_POINTS = 1_500
_LINES = 24
_MERGED_BINS = 4


@dataclass(frozen=True, slots=True)
class Look:
    """What the page shows of one space."""

    name: str
    recall: Recall
    measures: SpaceMeasures
    flat: FlatMap
    live: Mapping[str, Searched] = field(default_factory=dict)


def draw(looks: Sequence[Look], title: str, file: Path) -> None:
    """Writes a PNG page of one space, or of two for comparison.

    Raises:
        Unavailable: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    style = {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": _FAINT,
        "axes.titlelocation": "left",
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "text.parse_math": False,
    }
    with rc_context(style):  # type: ignore[arg-type]  # its keys are a closed list of literals
        columns = len(looks) + 1
        layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15)
        figure = Figure(figsize=(6.2 * columns, 9.6), layout=layout)
        FigureCanvasAgg(figure)
        figure.suptitle(title, x=0.02, ha="left", fontsize=14, fontweight="bold")
        axes = figure.subplots(2, columns, squeeze=False)
        span = _span(looks)
        for at, look in enumerate(looks):
            label = f": {look.name}" if len(looks) > 1 else ""
            _histogram(axes[0, at], look, span, label)
            _map(axes[1, at], look.flat, label)
        _recall(axes[0, -1], looks)
        _figures(axes[1, -1], looks)
        try:
            figure.savefig(file, format="png", dpi=110)
        except OSError as error:
            raise Unavailable(f"the picture {file} cannot be written: {error.strerror}") from error


def _span(looks: Sequence[Look]) -> tuple[float, float]:
    """Returns the range of cosines that any of the spaces fills."""
    edges = looks[0].measures.similarities.edges
    filled = np.zeros(len(edges) - 1, bool)
    for look in looks:
        for counts in (look.measures.similarities.matched, look.measures.similarities.unmatched):
            filled |= counts > 1e-5 * counts.sum()
    at = np.flatnonzero(filled)
    return float(edges[at[0]]) - 0.03, float(edges[at[-1] + 1]) + 0.03


def _histogram(axes: "Axes", look: Look, span: tuple[float, float], label: str) -> None:
    found = look.measures.similarities
    edges = found.edges[::_MERGED_BINS]
    for counts, colour, name, mean in (
        (found.unmatched, _UNMATCHED, "unmatched", found.unmatched_mean),
        (found.matched, _IMAGE, "matched", found.matched_mean),
    ):
        share = counts.reshape(-1, _MERGED_BINS).sum(axis=1) / counts.sum()
        axes.stairs(share, edges, fill=True, color=colour, alpha=0.55)
        axes.stairs(share, edges, color=colour, label=f"{name}: {counts.sum():,} pairs")
        axes.axvline(mean, color=colour, linestyle=":", linewidth=1.5)
    axes.set_xlim(*span)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.25)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_title(f"Similarity of pairs{label}\nAUC {found.auc:.4f}")
    axes.set_xlabel("cosine; both shapes have the same area, dotted lines are means")
    axes.legend(loc="upper left", ncols=2, frameon=True, framealpha=1, edgecolor="none")


def _recall(axes: "Axes", looks: Sequence[Look]) -> None:
    width = 0.8 / len(looks)
    centres = np.arange(2 * len(CUTOFFS)) + np.repeat([0, 0.6], len(CUTOFFS))
    for at, look in enumerate(looks):
        directions = (look.recall.text_to_image, look.recall.image_to_text)
        found = [one.recall[k] for one in directions for k in CUTOFFS]
        places = centres + (at - (len(looks) - 1) / 2) * width
        values = np.array([100 * one.value for one in found])
        low = values - [100 * one.low for one in found]
        high = np.array([100 * one.high for one in found]) - values
        axes.bar(places, values, width * 0.92, color=_BARS[at][0], label=look.name)
        axes.errorbar(
            places,
            values,
            yerr=np.clip([low, high], 0, None),
            fmt="none",
            ecolor=_INK,
            elinewidth=1,
            capsize=3,
        )
        for place, value, above in zip(places, values, high, strict=True):
            axes.annotate(
                f"{value:.1f}",
                (place, value + above),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
    axes.set_xticks(centres, [f"@{k}" for k in CUTOFFS] * 2)
    for middle, name in ((centres[1], "text to image"), (centres[4], "image to text")):
        axes.annotate(
            name,
            (middle, 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -30),
            textcoords="offset points",
            ha="center",
            va="top",
        )
    axes.set_ylim(0, min(112.0, axes.get_ylim()[1] * (1.1 if len(looks) == 1 else 1.25)))
    axes.set_ylabel("%")
    axes.tick_params(axis="x", length=0)
    axes.set_title("Recall, with 95 % confidence intervals")
    if len(looks) > 1:
        axes.legend(frameon=False, loc="upper left")


def _map(axes: "Axes", flat: FlatMap, label: str) -> None:
    # Rows are in no order of likeness, so an even stride is a fair draw, and the same in any space.
    shown = np.linspace(0, len(flat.images) - 1, min(_MOST_POINTS, len(flat.images))).astype(int)
    images, texts = flat.images[shown], flat.texts[shown]
    size = 9 if len(shown) > 200 else 26
    axes.scatter(
        images[:, 0], images[:, 1], s=size, color=_IMAGE, alpha=0.45, linewidths=0, label="images"
    )
    axes.scatter(
        texts[:, 0], texts[:, 1], s=size, color=_TEXT, alpha=0.45, linewidths=0, label="captions"
    )
    joined = np.linspace(0, len(shown) - 1, min(_LINES, len(shown))).astype(int)
    for at in joined:
        ends = np.stack([images[at], texts[at]])
        axes.plot(*ends.T, color=_INK, linewidth=0.8, alpha=0.75)
    for ends, colour in ((images[joined], _IMAGE), (texts[joined], _TEXT)):
        axes.scatter(
            ends[:, 0], ends[:, 1], s=22, color=colour, edgecolors=_INK, linewidths=0.6, zorder=3
        )
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(f"axis 1: {flat.explained[0]:.0%} of the variance")
    axes.set_ylabel(f"axis 2: {flat.explained[1]:.0%}")
    axes.set_title(f"Map of images and captions{label}\n{len(joined)} pairs joined by lines")
    axes.legend(frameon=False, loc="upper right", markerscale=2)


def _figures(axes: "Axes", looks: Sequence[Look]) -> None:
    axes.set_axis_off()
    axes.set_title("Figures")
    table = [("", *(look.name if len(looks) > 1 else "" for look in looks))]
    columns = [_column(look) for look in looks]
    table += [
        (name, *(value for _, value in row))
        for name, row in ((one[0][0], one) for one in zip(*columns, strict=True))
    ]
    step = 0.95 / len(table)
    for row, cells in enumerate(table):
        height = 0.97 - row * step
        axes.text(0, height, cells[0], transform=axes.transAxes, va="top")
        for at, cell in enumerate(cells[1:]):
            place = 1.0 - 0.3 * (len(cells) - 2 - at)
            axes.text(
                place,
                height,
                cell,
                transform=axes.transAxes,
                va="top",
                ha="right",
                fontweight="bold",
                color=_BARS[at][0] if len(looks) > 1 else _INK,
            )


def _column(look: Look) -> Sequence[tuple[str, str]]:
    recall, space = look.recall, look.measures
    return (
        (
            "pictures and captions searched",
            f"{recall.image_to_text.queries:,} / {recall.text_to_image.queries:,}",
        ),
        ("median rank, text to image", f"{recall.text_to_image.median_rank:,.0f}"),
        ("median rank, image to text", f"{recall.image_to_text.median_rank:,.0f}"),
        *_live(look),
        ("alignment (0 is best)", f"{space.alignment:.3f}"),
        ("uniformity of images (lower is better)", f"{space.uniformity.images:.3f}"),
        ("uniformity of captions", f"{space.uniformity.texts:.3f}"),
        ("uniformity across", f"{space.uniformity.cross:.3f}"),
        ("modality gap", f"{space.gap:.3f}"),
        ("gap to spread", f"{space.gap_to_spread:.3f}"),
        ("separability of modalities (0.5 is mixed)", f"{space.separability:.3f}"),
        ("AUC, matched over unmatched", f"{space.similarities.auc:.4f}"),
        ("pairs measured, seed", f"{space.pairs:,}, {space.seed}"),
    )


def _live(look: Look) -> Iterator[tuple[str, str]]:
    """Yields what the index loses as it is searched, by the ten best."""
    for at, found in enumerate(look.live.values()):
        of = "as it is searched" if len(look.live) == 1 else f"searched, way {at + 1}"
        for name, live, loss in (
            ("text to image", found.live.text_to_image, found.loss.text_to_image),
            ("image to text", found.live.image_to_text, found.loss.image_to_text),
        ):
            told = f"{100 * live.recall[10].value:.1f} % ({100 * loss[10].value:+.1f})"
            yield f"@10 {of}, {name} (loss)", told
