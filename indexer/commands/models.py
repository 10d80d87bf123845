"""`atisbo models`: the models there are, the spaces of a library, and which of them is live."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

import indexer.embedders
from indexer import options
from indexer.commands.lines import say
from indexer.commands.vectors import tend_indexes
from indexer.config import load_settings
from indexer.errors import ConfigError
from indexer.library import open_library, open_space, stored_model, writing
from indexer.pipeline import heal
from indexer.reembed import lacking
from indexer.spaces import Space, drop_space, open_vectors, spaces, use_space
from indexer.types import Modality

_CARD = Path(indexer.embedders.__file__).parent / "pocket" / "weights" / "MODEL_CARD.md"
_MODELS = {
    "pocket": "the built-in model; its card: atisbo models --card",
    "pocket:FOLDER": "one made by atisbo train: the folder model/ of its run",
    "colour": "the demo model, knows colours only",
    "open_clip:MODEL/PRETRAINED": "such as open_clip:ViT-B-32/laion2b_s34b_b79k, from the hub",
    "open_clip:MODEL@CHECKPOINT": "a checkpoint file",
    "open_clip:local-dir:FOLDER": "a model folder",
}


@click.group(invoke_without_command=True)
@options.library
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--card", is_flag=True, help="Show the card of the built-in model.")
@click.pass_context
def models(ctx: click.Context, as_json: bool, card: bool, library: Path | None) -> None:
    """List the models, and the spaces of a library; switch between its spaces."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = library
        return
    if card:
        if not _CARD.exists():
            raise ConfigError("this installation has no model card. Install atisbo again.")
        click.echo(_CARD.read_text(encoding="utf-8"))
        return
    folder = load_settings(library=library).library
    known = spaces(folder) if stored_model(folder) is not None else ()
    facts = [_facts(folder, space) for space in known]
    if as_json:
        click.echo(json.dumps({"models": _MODELS, "library": str(folder), "spaces": facts}))
        return
    console = Console()
    names = Table(title="Models", title_justify="left", show_header=False)
    for name, about in _MODELS.items():
        names.add_row(name, about)
    console.print(names)
    if not facts:
        say(console, f"There is no library in {folder} yet.")
        return
    say(console, f"Spaces of {folder}", style="italic")
    for one in facts:
        click.echo(_described(one))


@models.command()
@click.argument("name")
@options.library
@options.database
@click.pass_obj
def use(outer: Path | None, /, name: str, library: Path | None, **chosen: object) -> None:
    """Make the space NAME of the library live."""
    settings = load_settings(library=library or outer, **chosen)
    spaces(settings.library)  # no library is an error before the lock would make its folder
    with writing(settings.library):
        opened = open_library(
            settings.library, database=settings.database, index="exact", write=True
        )
        heal(opened.catalog, opened.indexes, opened.thumbnails)
        space = use_space(settings.library, name)
        missing = lacking(opened.catalog, open_space(settings.library, space, "exact"))
        tend_indexes(settings, Console(stderr=True))
    click.echo(f"Space {space.name} is live. A running atisbo serve follows.")
    if missing:
        click.echo(
            f"{missing:,} items have no vector in it and are not found. To complete it: atisbo "
            f"index --model {space.model}",
            err=True,
        )


@models.command()
@click.argument("name")
@options.library
@click.pass_obj
def drop(outer: Path | None, /, name: str, library: Path | None) -> None:
    """Delete the space NAME of the library; never the live one, never another's base."""
    settings = load_settings(library=library or outer)
    spaces(settings.library)
    with writing(settings.library):
        drop_space(settings.library, name)
    click.echo(f"Space {name} is gone.")


def _facts(folder: Path, space: Space) -> dict[str, Any]:
    files = (folder / "spaces" / space.name).rglob("*")
    held = {m: len(open_vectors(folder, space, m, "exact")) for m in Modality}
    return {
        "name": space.name,
        "live": space.live,
        "model": space.model,
        "base": space.base,
        "fingerprint": space.fingerprint,
        "dim": space.dim,
        "pictures": held[Modality.IMAGE],
        "captions": held[Modality.TEXT],
        "bytes": sum(path.stat().st_size for path in files if path.is_file()),
        **space.facts,
    }


def _described(facts: dict[str, Any]) -> str:
    """Returns a few lines on one space; its name stands alone, to be copied."""
    lines = [
        f"{'live' if facts['live'] else '':6}{facts['name']}",
        f"model {facts['model']}, weights {facts['fingerprint']}, {facts['dim']} dimensions",
        f"{facts['pictures']:,} pictures, {facts['captions']:,} captions, "
        f"{facts['bytes'] / 1e6:,.1f} MB",
    ]
    if facts["base"] is not None:
        lines.append(f"on top of {facts['base']}{_taught(facts.get('taught'))}")
    return "\n      ".join(lines)


def _taught(facts: dict[str, Any] | None) -> str:
    if facts is None:
        return ""
    text, image = (
        f"{100 * facts[f'{one}_before']:.1f} to {100 * facts[f'{one}_after']:.1f}"
        for one in ("text", "image")
    )
    return (
        f"\n      taught {facts['on'][:10]}, held-out recall@{facts['k']} in %: text to image "
        f"{text}, image to text {image} (p = {facts['p_gain']:.4f})"
    )
