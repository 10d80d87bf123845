"""How far the verdict on an answer, and the probability of its hits, can be trusted.

    make bench-relevance DATA=/folder/with/flickr8k/and/photos PICTURE=relevance.png
    make bench-relevance DATA=... BENCH_MODEL=open_clip:local-dir:/folder/of/a/model

Queries with and without a right answer in the library, from photos whose contents are known, asked
by looks alone. `small` are photos that `pocket` was not trained on, one in ten of the classed ones
and a thousand of Flickr8k; `large` are all classed photos, most of which it was:

    names       of a class of photos, bare and in "a photo of a ...": its photos there, and removed
    foreign     the same names asked of Flickr8k, whose photos show people, dogs and sports
    captions    of Flickr8k's photos, asked of these, and of the classed photos
    words       that at least three of five captions of eight photos or more of Flickr8k have, asked
                of all of these, and of those without the word in any caption

Half of the subjects are for fitting, the other half are judged. Removed classes leave what is like
them (a yawl where ketches were), so some of what counts as wrong here is not. Kinds of queries
weigh the same, and so do queries with and without an answer. Beside the calibration that comes with
`pocket`, ways to fit one to each library by itself are judged, with any model (relevance_fits).
"""

import csv
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path

import click
import numpy as np
from bench_fusion import LEAST as FEWEST
from bench_fusion import WORDS, Photos, told_by_captions, told_by_class
from numpy.typing import NDArray
from relevance_fits import captioned, classed, told, told_apart
from rich.console import Console
from rich.table import Table

from indexer.calibration import BUILT_IN, NOTHING, STRONG, TOP
from indexer.evaluation.asking import Asked
from indexer.evaluation.calibrating import area, calibration_error, weights
from indexer.training.sources import collect
from indexer.types import Modality
from indexer.wording import words_of
from search_api.originals import shown_member

TEMPLATES = ("{}", "a photo of a {}")
LEAST = 3
CAPTIONS = 600

Shares = NDArray[np.float64]
Flags = NDArray[np.bool_]


def best(photos: Photos, text: str, without=()) -> float:
    """Returns the mean cosine of the best hits, those left out that the library is to lack."""
    index = photos.view.indexes[Modality.IMAGE]
    vector = photos.view.embedder.embed_texts([text])
    found = index.search(vector, TOP + len(without), np.array(photos.ids))
    pairs = zip(found.ids[0].tolist(), found.scores[0].tolist(), strict=True)
    return float(np.mean([score for id, score in pairs if id not in without][:TOP]))


def of_classes(photos: Photos, size: str, captions: Sequence[str]) -> Iterator[Asked]:
    """Yields answers of classed photos, to names and to captions of other photos."""
    count = len(photos.ids)
    for subject, name in enumerate(photos.true):
        # Names with a comma are of groceries, which have siblings by the dozen.
        if len(photos.true[name]) < LEAST or "," in name:
            continue
        for text in (template.format(name) for template in TEMPLATES):
            there, gone = best(photos, text), best(photos, text, photos.true[name])
            yield Asked(f"name, {size}", subject, text, there, count, right=True)
            yield Asked(f"name, {size}", subject, text, gone, count, right=False)
    for subject, text in enumerate(captions):
        cosine = best(photos, text)
        yield Asked(f"foreign caption, {size}", subject, text, cosine, count, right=False)


def of_captioned(photos: Photos, captions: Sequence[str], names: Sequence[str]) -> Iterator[Asked]:
    """Yields answers of captioned photos, to their captions and to names of other things."""
    count = len(photos.ids)
    for subject, text in enumerate(captions):
        yield Asked("caption, small", subject, text, best(photos, text), count, right=True)
    for subject, word in enumerate(WORDS):
        if len(photos.true[word]) < FEWEST:
            continue
        for text in (template.format(word) for template in TEMPLATES):
            there, gone = (
                best(photos, text),
                best(photos, text, set(photos.ids) - photos.false[word]),
            )
            yield Asked("word, small", subject, text, there, count, right=True)
            yield Asked("word, small", subject, text, gone, count, right=False)
    for subject, name in enumerate(names):
        for text in (template.format(name) for template in TEMPLATES):
            cosine = best(photos, text)
            yield Asked("foreign name, small", subject, text, cosine, count, right=False)


def untaught(photos: Photos, data: Path) -> Photos:
    """Returns those photos alone that `pocket` was not trained on, one in ten of each source."""
    named = collect(data / "flickr8k", data / "photos").named
    kept = {(entry.archive.name, entry.member) for entry in named if entry.archive is not None}
    items = photos.catalog.fetch(photos.ids)
    few = copy(photos)
    few.ids = [id for id in photos.ids if (items[id].path, shown_member(items[id])) in kept]
    few.true = {name: ids & set(few.ids) for name, ids in photos.true.items()}
    return few


def fitted(found: list[Asked]) -> NDArray[np.float64]:
    """Returns the logistic's weights of cosine, words, size and one, by Newton's method."""
    inputs = np.array(
        [
            [one.cosine, np.log(len(words_of(one.text)) + 1), np.log(one.searched), 1.0]
            for one in found
        ]
    )
    right = np.array([one.right for one in found], float)
    weight = weights(found)
    made = np.zeros(4)
    for _ in range(100):
        said = 1 / (1 + np.exp(-inputs @ made))
        slope = inputs.T @ (weight * (right - said))
        bend = (inputs * (weight * said * (1 - said))[:, None]).T @ inputs
        step = np.linalg.solve(bend + 1e-9 * np.eye(4), slope)
        made += step
        if np.abs(step).max() < 1e-8:
            break
    return made


def curve(said: Shares, right: Flags, weight: Shares) -> list[tuple[float, float]]:
    """Returns mean probability and share of right answers in each of ten bins that has any."""
    bins = np.minimum((said * 10).astype(int), 9)
    return [
        tuple(
            float(np.average(one[bins == at], weights=weight[bins == at])) for one in (said, right)
        )
        for at in np.unique(bins)
    ]


def draw(file: Path, points: list[tuple[float, float]], found: list[Asked], said) -> None:
    """Writes the calibration curve and the probabilities of each kind of query as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    FigureCanvasAgg(figure)
    left, other = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="#c9ccd3")
    left.plot(*zip(*points, strict=True), marker="o", color="#2f6db3")
    left.set(xlabel="probability told", ylabel="share that was right", title="Calibration")
    kinds = sorted({(one.kind, one.right) for one in found})
    values = [
        [p for one, p in zip(found, said, strict=True) if (one.kind, one.right) == kind]
        for kind in kinds
    ]
    labels = [f"{kind}, {'there' if right else 'not there'}" for kind, right in kinds]
    other.boxplot(values, orientation="horizontal", tick_labels=labels, showfliers=False)
    other.axvspan(NOTHING, STRONG, color="#e07b39", alpha=0.12)
    other.set(xlabel="probability told (shaded: weak)", title="Answers, by kind of query")
    for axes in (left, other):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=110)


def show_built_in(console: Console, found: Sequence[Asked], picture: Path | None) -> None:
    """Prints how the calibration that comes with `pocket` does, and what a fit anew would be."""
    fit = fitted([one for one in found if one.subject % 2 == 0])
    judged = [one for one in found if one.subject % 2]
    (shipped,) = BUILT_IN.values()
    console.print(
        f"Fitted on one half: {fit[0]:.1f} x cosine + {fit[1]:.2f} x ln(words + 1) {fit[2]:+.2f} x "
        f"ln(pictures) {fit[3]:+.1f}; shipped: {shipped}"
    )
    said = np.array([shipped.probability(one.cosine, one.text, one.searched) for one in judged])
    right = np.array([one.right for one in judged])
    cosine = np.array([one.cosine for one in judged])
    weight = weights(judged)
    flat = max(
        (float(np.average((cosine > cut) == right, weights=weight)), cut)
        for cut in np.linspace(cosine.min(), cosine.max(), 400)
    )
    console.print(
        f"The other half: AUC {area(said, right, weight):.3f} (cosine alone "
        f"{area(cosine, right, weight):.3f}); on the right side of one half "
        f"{np.average((said > 0.5) == right, weights=weight):.1%} (best flat cosine, "
        f"{flat[1]:.2f}: {flat[0]:.1%}); expected calibration error "
        f"{calibration_error(said, right, weight):.3f}"
    )
    table = Table("query", "answer", "queries", "strong", "weak", "nothing", title="Verdicts")
    for kind, there in sorted({(one.kind, one.right) for one in judged}):
        mine = np.array([(one.kind, one.right) == (kind, there) for one in judged])
        shares = (
            (said[mine] >= STRONG).mean(),
            ((said[mine] < STRONG) & (said[mine] >= NOTHING)).mean(),
            (said[mine] < NOTHING).mean(),
        )
        table.add_row(
            kind, "there" if there else "not there", str(mine.sum()), *(f"{s:.0%}" for s in shares)
        )
    console.print(table)
    strong, nothing = said >= STRONG, said < NOTHING
    console.print(
        f"strong: precision {np.average(right[strong], weights=weight[strong]):.1%}, recall "
        f"{weight[strong & right].sum() / weight[right].sum():.1%}; nothing: precision "
        f"{np.average(~right[nothing], weights=weight[nothing]):.1%}, recall "
        f"{weight[nothing & ~right].sum() / weight[~right].sum():.1%}"
    )
    if picture is not None:
        draw(picture, curve(said, right, weight), judged, said)


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--model", default="pocket", show_default=True, help="What to calibrate.")
@click.option("--picture", type=click.Path(path_type=Path), default=None)
def main(data: Path, model: str, picture: Path | None) -> None:
    """Prints the tables."""
    console = Console(width=130)
    with tempfile.TemporaryDirectory() as name:
        large = told_by_class(data / "photos", Path(name), model)
        captions_told = told_by_captions(data / "flickr8k", Path(name), model)
        said = captions_of(data / "flickr8k", captions_told)
        firsts = [said[id][0] for id in captions_told.ids][:CAPTIONS]
        small = untaught(large, data)
        names = [name for name, ids in small.true.items() if len(ids) >= LEAST and "," not in name]
        of_small = list(of_classes(small, "small", firsts))
        of_large = list(of_classes(large, "large", firsts))
        of_told = list(of_captioned(captions_told, firsts, names))
        if large.view.embedder.fingerprint in BUILT_IN:
            show_built_in(console, [*of_small, *of_large, *of_told], picture)
        libraries = [
            captioned(captions_told, said, of_told),
            classed("classed photos, small", small, of_small),
            classed("classed photos, large", large, of_large),
        ]
        console.print(
            f"{model}: {', '.join(f'{len(one.photos.ids):,}' for one in libraries)} photos"
        )
        console.print(told(libraries))
        console.print(told_apart(libraries))


def captions_of(data: Path, photos: Photos) -> dict[int, list[str]]:
    """Returns the captions of each photo, by its id."""
    said: dict[str, list[str]] = defaultdict(list)
    with (data / "captions.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            said[Path(row["image"]).name].append(row["caption"])
    return {id: said[Path(item.path).name] for id, item in photos.catalog.fetch(photos.ids).items()}


if __name__ == "__main__":
    main()
