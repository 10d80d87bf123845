"""`atisbo teach` on three libraries: foreign names, shortened captions, captions known by heart.

The first is one that no English model knows, the last one where nothing is to be gained.
"""

import csv
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import click

GERMAN = (
    "bonsai Bonsai|scorpion Skorpion|flamingo Flamingo|cellphone Handy|faces Gesicht|crab Krebs|"
    "chandelier Kronleuchter|dragonfly Libelle|airplanes Flugzeug|rooster Hahn|dalmatian "
    "Dalmatiner|motorbikes Motorrad|minaret Minarett|nautilus Perlboot|headphone Kopfhörer|"
    "watch Uhr|electric guitar E-Gitarre|leopards Leopard|kangaroo Känguru|crocodile Krokodil|"
    "pagoda Pagode|hedgehog Igel|car side Auto|grand piano Flügel|trilobite Trilobit|"
    "elephant Elefant|ketch Segelboot|starfish Seestern|brain Gehirn|sea horse Seepferdchen|"
    "hawksbill Schildkröte|umbrella Regenschirm|accordion Akkordeon|laptop Rechner|"
    "sunflower Sonnenblume|ibis Ibis|lamp Lampe|llama Lama|menorah Leuchter|"
    "butterfly Schmetterling|dolphin Delfin|schooner Schoner|soccer ball Fußball|pizza Pizza|"
    "pyramid Pyramide|cup Tasse|chair Stuhl|wheelchair Rollstuhl|helicopter Hubschrauber|"
    "buddha Buddha|revolver Revolver|stop sign Stoppschild|strawberry Erdbeere|lotus Lotosblume|"
    "camera Kamera|barrel Fass|anchor Anker|ferry Fähre|beaver Biber|pigeon Taube|"
    "scissors Schere|cannon Kanone|lobster Hummer|octopus Krake|wrench Schraubenschlüssel|"
    "a cat Katze|a dog Hund|bathroom Badezimmer|bedroom Schlafzimmer|kitchen Küche|"
    "front of a house Haus"
)
MOST_PER_NAME = 40
SMALL_WORDS = frozenset(
    "a an the is are in on of and with to at his her their its it by from while that who as into "
    "up down out through over near two three one some other another being there".split()
)


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True,
              help="Folder with flickr8k/ and photos/.")  # fmt: skip
@click.option("--model", default="pocket", show_default=True)
def main(data: Path, model: str) -> None:
    """Makes the libraries in a temporary folder, indexes and teaches them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        makers = {
            "class names in German": lambda to: german(data / "photos", to),
            "last two words of each caption": lambda to: told(data / "flickr8k", to, "dev", 2),
            "whole captions, of training photos": lambda to: told(data / "flickr8k", to, "train"),
        }
        for number, (title, make) in enumerate(makers.items()):
            photos, library = folder / f"photos{number}", str(folder / f"library{number}")
            photos.mkdir()
            make(photos)
            click.secho(f"\n{title}", bold=True)
            run("index", str(photos), "--library", library, "--model", model, quiet=True)
            run("teach", "--library", library)


def run(*arguments: str, quiet: bool = False) -> None:
    """Runs atisbo; `teach` exits with 1 where it refuses."""
    done = subprocess.run(
        [sys.executable, "-m", "indexer", *arguments], capture_output=quiet, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"atisbo {arguments[0]} failed: {done.stderr or 'see above'}")


def german(photos: Path, folder: Path) -> None:
    """Writes photos of the named classes, each captioned with the German name."""
    names = dict(pair.rsplit(" ", 1) for pair in GERMAN.split("|"))
    taken: Counter[str] = Counter()
    for archive in ("caltech101", "houses", "catsdogs"):
        with tarfile.open(photos / f"{archive}.tar") as tar:
            members = {member.name: member for member in tar if member.isfile()}
            for path in sorted(name for name in members if name.endswith(".txt")):
                label = content(tar, members[path]).decode().strip()
                if label in names and taken[label] < MOST_PER_NAME:
                    taken[label] += 1
                    stem = f"{archive}-{Path(path).stem}"
                    picture = members[path.removesuffix(".txt") + ".jpg"]
                    (folder / f"{stem}.jpg").write_bytes(content(tar, picture))
                    (folder / f"{stem}.txt").write_text(f"{names[label]}\n", encoding="utf-8")


def content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Returns the bytes of a member that is a file."""
    opened = tar.extractfile(member)
    if opened is None:
        raise SystemExit(f"{member.name} is not a file")
    return opened.read()


def told(captioned: Path, folder: Path, split: str, words: int | None = None) -> None:
    """Copies 1,000 photos of the split, captioned with the last words that matter, or all."""
    names = set((captioned / f"{split}.txt").read_text(encoding="utf-8").split()[:1000])
    for name in names:
        shutil.copy(captioned / "images" / name, folder)
    with (captioned / "captions.csv").open(encoding="utf-8", newline="") as source:
        rows = [row for row in csv.DictReader(source) if Path(row["image"]).name in names]
    with (folder / "captions.csv").open("w", encoding="utf-8", newline="") as target:
        table = csv.writer(target)
        table.writerow(["image", "caption"])
        table.writerows((Path(r["image"]).name, said(r["caption"], words)) for r in rows)


def said(caption: str, words: int | None) -> str:
    """Returns the caption, or its last words without the small ones."""
    if words is None:
        return caption
    kept: Iterable[str] = re.findall(r"[a-z]+", caption.lower())
    return " ".join([word for word in kept if word not in SMALL_WORDS][-words:])


if __name__ == "__main__":
    main()
