"""The model of a library: the one it is made with, the one it has, the one it moves to."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL.Image import Image
from rich.console import Console

from indexer.commands.passes import Model, open_local_engine
from indexer.commands.progress import ShownProgress
from indexer.commands.vectors import tend_indexes
from indexer.config import Settings
from indexer.embedders import DEFAULT_MODEL
from indexer.errors import ConfigError, Unavailable
from indexer.library import Library, make_library, open_library, stored_model
from indexer.media.image import THUMBNAIL_SIDE, decode
from indexer.media.remote import list_shards
from indexer.pipeline import heal
from indexer.reembed import Reembedded, lacking, reembed
from indexer.scan import scan
from indexer.spaces import begin_space, find_space, open_family, space_for, use_space
from indexer.types import Embedder, Modality, SourceFile


def model_of(
    roots: Sequence[Path],
    named: str | None,
    settings: Settings,
    console: Console,
    *,
    stores: Sequence[str] = (),
) -> Model:
    """Returns the library's model, once there is a library and it uses the one that was named."""
    stored = stored_model(settings.library)
    if stored is not None and named is None:
        return Model(stored, settings, console)
    model = Model(named or settings.model or DEFAULT_MODEL, settings, console)
    if stored is not None:
        move_library(model, settings, console)
    else:
        if not _holds_media(roots, settings.library) and not any(map(list_shards, stores)):
            named_places = ", ".join(map(str, [*roots, *stores]))
            raise ConfigError(
                f"there are no pictures or captions in {named_places}. Name a folder that holds "
                "some."
            )
        make_library(settings.library, model.embedder)
    return model


def _holds_media(roots: Sequence[Path], library: Path) -> bool:
    return any(
        isinstance(found, SourceFile) for root in roots for found in scan(root, exclude=library)
    )


def move_library(model: Model, settings: Settings, console: Console) -> None:
    """Makes the model's own space live, after giving every item of the library a vector in it.

    Nothing is done where the library uses this model already. Needs the lock.

    Raises:
        Unavailable: pictures can neither be read nor have previews; nothing was switched.
    """
    library = open_library(
        settings.library, database=settings.database, index=settings.index, write=True
    )
    embedder = model.embedder
    space = space_for(embedder)
    if space.name == library.space.name:
        return
    heal(library.catalog, library.indexes, library.thumbnails)
    begin_space(settings.library, space)
    done = _fill(library, embedder, settings, console)
    if done.missing:
        shown = ", ".join(str(file.location) for file in done.missing[:3])
        raise Unavailable(
            f"{len(done.missing):,} pictures can neither be read nor have a preview to go by, such "
            f"as {shown}. The library stays with {library.space.model}. Make their folders "
            "available and run the same command to go on, or switch without them: "
            f"atisbo models use {space.name}"
        )
    use_space(settings.library, space.name)
    tend_indexes(settings, console, model=model)
    previews = f", {done.previews:,} of them by their previews" if done.previews else ""
    console.print(
        f"The library has moved to {space.model}: {sum(done.items.values()):,} items got new "
        f"vectors in {done.seconds:,.1f} s{previews}. To go back: atisbo index --model "
        f"{library.space.model}. To free its place: atisbo models drop {library.space.name}",
        highlight=False,
        soft_wrap=True,
    )


def _fill(library: Library, embedder: Embedder, settings: Settings, console: Console) -> Reembedded:
    space = find_space(settings.library, space_for(embedder).name)
    indexes = {
        modality: open_family(settings.library, space, modality, settings.index)
        for modality in Modality
    }

    def preview(id: int) -> Image | None:
        stored = library.thumbnails.read(id)
        side = max(2 * embedder.image_side, THUMBNAIL_SIDE)
        return None if stored is None else decode(BytesIO(stored), min_side=side)

    total = lacking(library.catalog, indexes)
    with ShownProgress(total, console, of="items") as progress:
        return reembed(
            library.catalog,
            indexes,
            embedder=embedder,
            engine=open_local_engine((), embedder, settings, thumbnails=False),
            preview=preview,
            progress=lambda count: progress.advance(done=count, items=count),
            batch_size=settings.batch_size,
        )
