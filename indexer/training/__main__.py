"""The one command that makes the built-in model: `python -m indexer.training`."""

import sys
from pathlib import Path

import click
import numpy as np
import torch

from indexer.embedders.pocket.tokenizer import Tokenizer, train
from indexer.training.curves import draw
from indexer.training.material import Material
from indexer.training.recipe import pocket
from indexer.training.sources import HELD_OUT_EACH, PROMPTS, collect, corpus
from indexer.training.teacher import Axes, Teacher, make_reference, principal_axes, write_maps
from indexer.training.trainer import Epoch, Trainer

CACHE_SIDE = 160
CHANNELS = 320
VOCABULARY = 6000


@click.command(help=__doc__)
@click.option("--captioned", type=click.Path(path_type=Path, exists=True), required=True,
              help="Folder with captions.csv, train.txt, dev.txt and images/.")  # fmt: skip
@click.option("--photos", type=click.Path(path_type=Path, exists=True), required=True,
              help="Folder with tars of photos and class names.")  # fmt: skip
@click.option("--teacher", type=click.Path(path_type=Path, exists=True), required=True,
              help="Folder of an open_clip model, with imagenet_labels.txt.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), required=True,
              help="Folder for caches, checkpoint, curves and the model.")  # fmt: skip
@click.option("--workers", default=4, show_default=True, help="Threads; part of the result.")
def main(captioned: Path, photos: Path, teacher: Path, out: Path, workers: int) -> None:
    """Runs the recipe `pocket`, or goes on with it where it was killed."""
    out.mkdir(parents=True, exist_ok=True)
    found = collect(captioned, photos)
    learned = corpus(found.learned, CACHE_SIDE, out / "pixels.npy")
    held_out = corpus(found.held_out, CACHE_SIDE, out / "held_out_pixels.npy")
    say(f"{len(found.learned)} pictures to learn from, {len(found.held_out)} to judge by, "
        f"1 named photo in {HELD_OUT_EACH} kept apart ({len(found.named)}), "
        f"{len(PROMPTS)} ways to name a class")  # fmt: skip
    teaching = Teacher(teacher)
    axes = load_axes(out / "axes.npz") or save_axes(
        principal_axes(teaching, found.learned[::4], CHANNELS), out / "axes.npz"
    )
    for entries, name in ((found.learned, "maps"), (found.held_out, "held_out_maps")):
        if not (out / f"{name}.npy").exists():
            say(f"teacher looks at {len(entries)} pictures")
            write_maps(teaching, entries, axes, out / f"{name}.npy")
    vocabulary = out / "vocabulary.json"
    if not vocabulary.exists():
        labels = (teacher / "imagenet_labels.txt").read_text(encoding="utf-8").splitlines()
        train([*learned.texts(), *labels, *labels], size=VOCABULARY).save(vocabulary)
    tokenizer = Tokenizer.load(vocabulary)
    material = Material(
        corpus=learned,
        held_out=held_out,
        tokenizer=tokenizer,
        maps=np.load(out / "maps.npy", mmap_mode="r"),
        held_out_maps=np.load(out / "held_out_maps.npy", mmap_mode="r"),
        reference=make_reference(teaching, axes, learned, captioned.name),
        trunk=teaching.trunk,
    )
    recipe = pocket(len(tokenizer), workers)
    trainer = Trainer(recipe, material, folder=out, report=report)
    trainer.run()
    draw(trainer.history, out / "curves.png")


def report(epoch: Epoch) -> None:
    """Shows one line per epoch."""
    lost = " ".join(f"{name} {value:.3f}" for name, value in epoch.loss.items())
    found = " ".join(f"{name} {value:.1f}" for name, value in epoch.recall.items())
    say(f"{epoch.phase} {epoch.number}: {lost} | {found} | {epoch.pictures_per_s:.0f} pictures/s")


def say(line: str) -> None:
    """Writes a line of progress."""
    click.echo(line, file=sys.stderr)


def load_axes(file: Path) -> Axes | None:
    """Returns the axes that `save_axes` wrote, if it did."""
    if not file.exists():
        return None
    kept = np.load(file)
    return Axes(
        torch.from_numpy(kept["mean"]), torch.from_numpy(kept["basis"]), float(kept["scale"])
    )


def save_axes(axes: Axes, file: Path) -> Axes:
    """Returns the axes, written to the file."""
    np.savez(file, mean=axes.mean.numpy(), basis=axes.basis.numpy(), scale=axes.scale)
    return axes


if __name__ == "__main__":
    main()
