"""A process that has imported what a command needs, and forks a child for each one it is asked for.

Speaks JSON, a line for each request and answer. Run as a script; see `test_faults.py`.
"""

import gc
import json
import os
import sys
import tempfile
import traceback
import zlib
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

import indexer.catalog.sql
import indexer.cli
import indexer.commands.forget
import indexer.commands.index
import indexer.commands.models
import indexer.commands.passes
import indexer.commands.verify
import indexer.embedders.colour
import indexer.engines.local
import indexer.vectors.exact
from indexer import options
from indexer.cli import main
from indexer.embedders.adapted import EMBEDDED, Adapter, Residual
from indexer.library import Library, open_library, writing
from indexer.spaces import add_space, spaces
from indexer.types import Item, Modality
from indexer.vectors import segments
from tests.integration.fault_points import Fault, watch

# So small that few files are joined and rewritten as thousands are.
segments._MOST_SEGMENTS, segments._MERGED_AT_ONCE = 4, 3


class OtherColours(indexer.embedders.colour.ColourEmbedder):
    """Another model: the same colours, the other way round."""

    name = "colour-b"
    fingerprint = "colour-b-1"

    def embed_images(self, pixels: Any) -> Any:
        return -super().embed_images(pixels)

    def embed_texts(self, texts: Any) -> Any:
        return -super().embed_texts(texts)


_real_open = indexer.commands.passes.open_embedder
indexer.commands.passes.open_embedder = lambda name, **options: (  # type: ignore[assignment]  # a model of this test alone
    OtherColours() if name == "colour-b" else _real_open(name, **options)
)


@click.command()
@options.library
def teach(library: Path) -> None:
    """Add a taught space, as `atisbo teach` does once it has learnt something."""
    draw = np.random.default_rng(0)
    residual = Residual(
        *(0.3 * draw.normal(size=s).astype(np.float32) for s in ((4, 3), (4,), (3, 4), (3,)))
    )
    with writing(library):
        base = next(one for one in spaces(library) if one.base is None)
        add_space(library, base, Adapter(dict.fromkeys(EMBEDDED, residual)), {})


indexer.cli._COMMANDS["add-space"] = ("__main__:teach", "")


def run(argv: list[str], library: str, fault: Mapping[str, Any] | None) -> dict[str, Any]:
    """Runs the command and returns how it ended, and the points that it came by."""
    points = watch(Path(library), Fault(**fault) if fault else None)
    return {"exit": command(argv), "points": points.names}


def command(argv: list[str]) -> int:
    """Returns the exit code of the command."""
    try:
        main(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def check(argv: list[str], library: str, readable: bool) -> dict[str, Any]:
    """Returns what a reader is shown, and what `verify` says, once the command ran again."""
    between = look(library) if readable else None
    again = command(argv)
    final = look(library)
    verified = command(["verify", "--library", library])
    return {"between": between, "again": again, "final": final, "verified": verified}


def look(library: str) -> dict[str, Any]:
    """Returns all that a reader is shown, without ids, and what is wrong with it."""
    opened = open_library(Path(library), index="exact")
    problems: list[str] = []
    files: dict[str, list[Any]] = {}
    captions: dict[str, int | None] = {}
    strays = 0
    for modality, index in opened.indexes.items():
        ids = opened.catalog.ids(modality)
        items = opened.catalog.fetch(ids.tolist())
        strays += len(np.setdiff1d(index.ids, ids))
        lost = np.setdiff1d(ids, index.ids)
        if len(lost):
            problems.append(f"{modality} rows without a vector: {lost.tolist()}")
            continue
        vectors = index.vectors(ids)
        found = index.search(vectors, max(1, len(index))).ids if len(ids) else ids
        for row, id in enumerate(ids.tolist()):
            item = items[id]
            if id not in found[row]:
                problems.append(f"{item.path} is not found by its vector")
            files.setdefault(item.path, []).append(_content(item, vectors[row], opened))
            if item.kind == "caption":
                captions[f"{item.path} {item.position}"] = item.about
    pictures = opened.catalog.fetch(opened.catalog.ids(Modality.IMAGE).tolist())
    about = {name: id and pictures[id].path for name, id in captions.items()}
    copies = opened.catalog.copies(list(pictures))
    places = [[one.path, pictures[id].path] for id, several in copies.items() for one in several]
    known = spaces(Path(library))
    return {
        "files": {path: sorted(content) for path, content in files.items()},
        "about": about,
        "copies": sorted(places),
        "skipped": sorted(f"{one.source.path}" for one in opened.catalog.skipped(1000)),
        "spaces": [one.name for one in known],
        "live": opened.space.name,
        "vectors": {one: len(index) for one, index in opened.indexes.items()},
        "problems": problems,
        "strays": strays,
        "leftovers": sorted(_leftovers(Path(library), opened)),
    }


def _content(item: Item, vector: Any, opened: Library) -> list[Any]:
    preview = opened.thumbnails.read(item.id)
    return [
        item.position,
        item.modality,
        item.text or "",
        item.width or 0,
        np.round(vector, 3).tolist(),
        0 if preview is None else zlib.crc32(preview),
    ]


def _leftovers(folder: Path, opened: Library) -> set[str]:
    """Returns the files that nothing in the library needs."""
    needed = {"library.json", "indexer.lock"} | {f"catalog.db{e}" for e in ("", "-wal", "-shm")}
    for space in spaces(folder):
        place = f"spaces/{space.name}"
        needed |= {f"{place}/space.json"}
        if space.base is not None:
            needed.add(f"{place}/adapter.safetensors")
        for manifest in (folder / place).glob("*/manifest.json"):
            content = json.loads(manifest.read_text())
            inner = f"{place}/{manifest.parent.name}"
            entries = [*content["segments"], *filter(None, [content["removed"]])]
            needed |= {f"{inner}/{entry['file']}" for entry in entries}
            needed.add(f"{inner}/manifest.json")
    for id in opened.catalog.ids(Modality.IMAGE).tolist():
        needed.add(f"thumbnails/{id // 1000:06d}/{id}.webp")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return there - needed


def forked(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Returns what `work` returned in a child, with its output and how it ended."""
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            try:
                for stream in (1, 2):
                    os.dup2(said.fileno(), stream)
                os.write(answer.fileno(), json.dumps(work()).encode())
            finally:  # nothing comes back into the parent's loop
                if sys.exc_info()[0] is not None:
                    traceback.print_exc()
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
        _, status = os.waitpid(child, 0)
        for stream in (answer, said):
            stream.seek(0)
        ended: dict[str, Any] = json.loads(answer.read() or b"{}")
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        return {**ended, "killed": killed, "said": said.read().decode(errors="replace")}


def warm_up() -> None:
    """Runs a command once, so that no child has to load what this one did."""
    with tempfile.TemporaryDirectory() as folder:
        photos, library = Path(folder, "photos"), Path(folder, "library")
        photos.mkdir()
        Image.new("RGB", (9, 9)).save(photos / "1.png")
        (photos / "1.txt").write_text("black\n")
        argv = ["index", str(photos), "--library", str(library)]
        with (
            Path(os.devnull).open("w") as nowhere,
            redirect_stdout(nowhere),
            redirect_stderr(nowhere),
        ):
            main(argv, standalone_mode=False)
            main(["verify", "--library", str(library)], standalone_mode=False)
        look(str(library))
        gc.collect()
    gc.freeze()


def serve() -> None:
    warm_up()
    click.echo(json.dumps({"heavy": sorted({"torch", "faiss"} & set(sys.modules))}))
    for line in sys.stdin:
        asked = json.loads(line)
        work = {"look": look, "run": run, "check": check}[asked.pop("do")]
        click.echo(json.dumps(forked(partial(work, **asked))))


if __name__ == "__main__":
    serve()
