"""Collects the demo's photographs: `python demo/photos.py [FOLDER]`.

The pictures are those that lie inside the wheels of scikit-image and scikit-learn; nothing is
downloaded and none is kept in this repository. Test charts, silhouettes, logos and thumbnails in
those wheels are left out. What the two projects say about the rights (`skimage.data`,
`sklearn/datasets/images/README.txt`):

    CC0                  brick, camera, cell, chelsea, coffee, grass, gravel, microaneurysms,
                         retina
    public domain        astronaut (NASA), clock_motion, hubble_deep_field (NASA),
                         rocket (SpaceX), text
    no known             coins (Brooklyn Museum), ihc
      restrictions
    nothing stated       moon, page
    nothing stated       motorcycle_left, motorcycle_right: Middlebury 2014 stereo benchmark
                         (Scharstein et al., GCPR 2014)
    CC BY 2.0            china: danielbuechele, flickr.com/photos/danielbuechele/6061409035
                         flower: vultilion, flickr.com/photos/vultilion/6056698931

The captions in `captions.csv` were written for this demo and share the project's licence.
"""

import csv
import filecmp
import io
import shutil
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import click

TABLE = Path(__file__).with_name("captions.csv")
SOURCES = {
    "scikit-image": ("skimage", "data"),
    "scikit-learn": ("sklearn", "datasets/images"),
}
"""Distribution name to package and the folder in it that holds the pictures."""

Row = tuple[str, str]
"""File name of a picture, and one caption of it."""


def read_table(path: Path = TABLE) -> list[Row]:
    """Returns the tracked captions in order, one row per caption."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["image"], row["caption"]) for row in csv.DictReader(file, strict=True)]


def picture_folders() -> dict[str, Path | None]:
    """Returns where each distribution keeps its pictures; None for one that is not installed."""
    folders: dict[str, Path | None] = {}
    for distribution, (package, inside) in SOURCES.items():
        # find_spec of a top-level name imports nothing, which keeps this instant.
        spec = find_spec(package)
        home = spec.submodule_search_locations if spec else None
        folders[distribution] = Path(home[0], inside) if home else None
    return folders


def find_pictures(names: Iterable[str], folders: Iterable[Path]) -> dict[str, Path]:
    """Returns the pictures of these names that exist in the folders, in the order of the names."""
    places = list(folders)
    found = {}
    for name in names:
        for place in places:
            if (place / name).is_file():
                found[name] = place / name
                break
    return found


def collect(pictures: Iterable[Path], rows: Sequence[Row], folder: Path) -> int:
    """Copies the pictures and their captions into the folder; returns how many were new.

    A file that is already there with the same content keeps its modification time, so that
    indexing the folder again does no work. A `captions.csv` of other content is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copied = 0
    names = set()
    for picture in pictures:
        target = folder / picture.name
        names.add(picture.name)
        if not (target.is_file() and filecmp.cmp(picture, target, shallow=False)):
            shutil.copyfile(picture, target)
            copied += 1
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("image", "caption"))
    writer.writerows(row for row in rows if row[0] in names)
    text = table.getvalue().encode()
    captions = folder / "captions.csv"
    if not captions.is_file() or captions.read_bytes() != text:
        captions.write_bytes(text)
    return copied


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".demo/photos")
def main(folder: Path) -> None:
    """Collect the demo's photographs and captions in FOLDER (default .demo/photos)."""
    rows = read_table()
    folders = picture_folders()
    for distribution, place in folders.items():
        if place is None:
            click.echo(
                f"{distribution} is not installed, its photographs are left out; "
                "pip install 'atisbo[demo]' brings it.",
                err=True,
            )
    names = list(dict.fromkeys(name for name, _ in rows))
    pictures = find_pictures(names, [place for place in folders.values() if place])
    if not pictures:
        raise click.ClickException(
            "no demo photographs were found; pip install 'atisbo[demo]' brings them, or index a "
            "folder of your own: make demo MEDIA=/some/folder"
        )
    copied = collect(pictures.values(), rows, folder)
    captions = sum(name in pictures for name, _ in rows)
    click.echo(
        f"{len(pictures)} photographs and {captions} captions in {folder} ({copied} of them new)."
    )


if __name__ == "__main__":
    main()
