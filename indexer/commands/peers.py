"""Taking in the library of another tool with its vectors, after a proof that they are ours too."""

from pathlib import Path

import click
from PIL.Image import Image
from rich.console import Console

from indexer.commands.passes import Model, limits, show_counts
from indexer.commands.progress import ShownProgress
from indexer.config import Settings
from indexer.errors import ConfigError, MediaError
from indexer.exchange.clip_retrieval import ClipRetrieval, is_clip_retrieval
from indexer.exchange.peers import Peer, PeerEngine, prove, survey
from indexer.exchange.rclip import Rclip, is_rclip
from indexer.library import make_library, open_library, stored_model, writing
from indexer.media import readers
from indexer.media.image import IMAGE_SUFFIXES, size_of
from indexer.pipeline import bulk_index, heal
from indexer.sync import content_digest
from indexer.types import Kind, Sample, SourceFile


def peer_at(source: Path) -> Peer | None:
    """Returns the other tool's library at that place, None if there is none that is known."""
    if is_clip_retrieval(source):
        return ClipRetrieval(source)
    return Rclip(source) if is_rclip(source) else None


def take_over(peer: Peer, root: Path | None, model: str | None, settings: Settings) -> None:
    """Takes the peer's pictures, captions and vectors into the library of the settings.

    Raises:
        ConfigError: no model is named, or nothing of it can be used.
        IndexMismatch: its vectors are of another model.
    """
    console = Console(stderr=True)
    for trouble in peer.troubles:
        console.print(f"left out: {trouble}", style="yellow", highlight=False)
    named = stored_model(settings.library) or model or settings.model
    if named is None:
        likely = f" It was likely {peer.hint}." if peer.hint else ""
        raise ConfigError(
            f"{peer.name} does not tell which model it used. Name it with --model NAME.{likely}"
        )
    with console.status("Looking for its pictures"):
        found = survey(peer, root, suffixes=IMAGE_SUFFIXES, digest=content_digest)
    with writing(settings.library):
        embedder = Model(named, settings, console).embedder
        reader = readers((), limits(settings, 2 * embedder.image_side))[Kind.IMAGE]

        def picture(file: SourceFile) -> Image:
            for sample in reader.read(file):
                if isinstance(sample, Sample) and not isinstance(sample.content, str):
                    return sample.content
            raise MediaError("it holds no picture")

        cosine = prove(peer, found.files, embedder, picture)
        make_library(settings.library, embedder)
        library = open_library(
            settings.library, database=settings.database, index=settings.index, write=True
        )
        library.check(embedder)
        heal(library.catalog, library.indexes, library.thumbnails)
        changed = library.catalog.changed(list(found.files))
        engine = PeerEngine(peer, found, size_of)
        with ShownProgress(len(changed), console) as progress:
            report = bulk_index(
                changed,
                engine=engine,
                catalog=library.catalog,
                indexes=library.indexes,
                thumbnails=library.thumbnails,
                progress=progress,
                checkpoint_items=settings.checkpoint_items,
            )
    click.echo(
        f"{show_counts(report)} came in from {peer.name}, nothing embedded but a sample that "
        f"proves the model (median cosine {cosine:.4f}); {len(found.files) - len(changed):,} files "
        "were there."
    )
    for reason, count in found.left_out.items():
        click.echo(f"left out {count:,}: {reason}", err=True)
    if engine.without:
        click.echo(f"left out {engine.without:,}: no vector; atisbo index embeds them", err=True)
    root_of = next(iter(found.files)).root
    click.echo(f"Keep it in step from now on with: atisbo index {root_of}")
