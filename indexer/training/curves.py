"""The course of a run as a picture: losses above, recall below, phases side by side."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from indexer.training.trainer import Epoch


def draw(history: Sequence[Epoch], file: Path) -> None:
    """Writes the picture, PNG."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    at = range(1, len(history) + 1)
    for name in dict.fromkeys(name for epoch in history for name in epoch.loss):
        above.plot(at, [epoch.loss.get(name, float("nan")) for epoch in history], label=name)
    for name in ("t2i@10", "i2t@10", "t2i@1", "i2t@1"):
        below.plot(at, [epoch.recall[name] for epoch in history], label=name)
    for number in range(1, len(history)):
        if history[number].phase != history[number - 1].phase:
            above.axvline(number + 0.5, color="grey", linewidth=0.8)
            below.axvline(number + 0.5, color="grey", linewidth=0.8)
    above.set_ylabel("loss")
    above.set_yscale("log")
    below.set_ylabel("recall on held-out pictures, %")
    below.set_xlabel("epoch (grey lines: a new phase)")
    above.legend(ncols=4, fontsize="small")
    below.legend(ncols=4, fontsize="small")
    figure.savefig(file, dpi=110)
