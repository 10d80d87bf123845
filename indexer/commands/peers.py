"""Taking in the library of another tool with its vectors, once it is proved that they are ours."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from indexer.commands.companions import companions_of
from indexer.commands.lines import WARNING, say
from indexer.commands.passes import Model, limits, show_counts
from indexer.commands.peer_files import Wanted, surveyed
from indexer.commands.progress import ShownProgress
from indexer.commands.vectors import tend_indexes
from indexer.config import Settings
from indexer.errors import ConfigError, IndexMismatch
from indexer.exchange.clip_retrieval import ClipRetrieval, is_clip_retrieval
from indexer.exchange.peers import Peer
from indexer.exchange.proof import SAME, Proofs, prove
from indexer.exchange.rclip import Rclip, rclip_database
from indexer.exchange.survey import Survey
from indexer.exchange.taking import PeerEngine
from indexer.library import live_space, make_library, open_library, stored_model, writing
from indexer.media import readers
from indexer.pipeline import Report, bulk_index, heal
from indexer.sync import digest_of, part_copies, settle_copies
from indexer.types import Kind, Modality, SourceFile

_SHOWN_REASONS = 12
_CAPTIONS_ALONE = "there are vectors of captions alone; atisbo index embeds the pictures"
_NEWER = "the file is newer than its vector; atisbo index embeds it"
_COMPANION = "it goes with the picture beside it"


def peer_at(source: Path) -> Peer | None:
    """Returns the other tool's library at that place, None if there is none that is known."""
    if is_clip_retrieval(source):
        return ClipRetrieval(source)
    database = rclip_database(source)
    return None if database is None else Rclip(database)


def take_over(peer: Peer, wanted: Wanted, settings: Settings) -> None:
    """Takes the peer's pictures, captions and vectors into the library of the settings.

    Raises:
        ConfigError: no model is named, or nothing of it can be used.
        IndexMismatch: its vectors are of another model.
    """
    console = Console(stderr=True)
    for trouble in peer.troubles:
        say(console, f"left out: {trouble}", style=WARNING)
    model = Model(_model_name(peer, wanted, settings), settings, console)
    _check_width(peer, settings)
    with console.status("Looking for its files"):
        files, found = surveyed(peer, wanted, settings)
    if not found.pictures:
        raise ConfigError(_nothing(peer, found))
    embedder = model.embedder
    _refuse_width(peer, model.name, embedder.dim)
    with console.status("Comparing a sample"):
        reader = readers((), limits(settings, 2 * embedder.image_side))[Kind.IMAGE]
        proofs = prove(peer, found, embedder, reader)
    texts = _keep_proved(proofs, peer, found, wanted, model)
    with writing(settings.library):
        make_library(settings.library, embedder)
        report, there = _taken_in(peer, found, files, texts, model, settings, console)
    _show(peer, found, report, there, proofs, console)


def _model_name(peer: Peer, wanted: Wanted, settings: Settings) -> str:
    stored = stored_model(settings.library)
    if stored is not None and wanted.model not in (None, stored):
        raise ConfigError(
            f"the library {settings.library} is one of {stored}. Leave --model out, or name "
            "another folder with --library OTHER_FOLDER."
        )
    named = stored or wanted.model or settings.model or peer.likely
    if named is None:
        raise ConfigError(
            f"{peer.name} does not write down which model it used. Name it with --model NAME, such "
            "as open_clip:ViT-B-32-quickgelu/openai; it is checked before anything comes in."
        )
    return named


def _check_width(peer: Peer, settings: Settings) -> None:
    """Refuses vectors of another width before a model is loaded for them, where that is known."""
    if stored_model(settings.library) is not None:
        space = live_space(settings.library)
        _refuse_width(peer, space.model, space.dim)


def _refuse_width(peer: Peer, model: str, dim: int) -> None:
    """Passes if the peer's vectors are as long as the model's.

    Raises:
        IndexMismatch: they are not.
    """
    width = peer.dims.get(Modality.IMAGE, peer.dims.get(Modality.TEXT))
    if width != dim:
        raise IndexMismatch(
            f"the {peer.name} library holds vectors of {width} numbers, {model} makes {dim}: "
            f"another model made it.{_way_out(peer)}"
        )


def _keep_proved(proofs: Proofs, peer: Peer, found: Survey, wanted: Wanted, model: Model) -> bool:
    """Takes out of the survey what was not proved; returns whether vectors of captions were.

    Raises:
        IndexMismatch: the vectors of pictures are of another model.
        ConfigError: nothing could be compared.
    """
    decisive = proofs.pictures or proofs.captions
    if decisive is not None and not decisive.is_same:
        raise IndexMismatch(
            f"the {peer.name} library was not made with {model.name}: {decisive}, where the same "
            f"model gives a median of {SAME} or more.{_way_out(peer)}"
        )
    if decisive is None and not wanted.unproved:
        raise ConfigError(
            f"nothing proves that the {peer.name} library was made with {model.name}: no picture "
            "of the sample can be read and embedded again. If you are sure of the model, add "
            "--unproved; else embed the pictures anew with: atisbo index FOLDER"
        )
    texts = proofs.captions.is_same if proofs.captions else wanted.unproved
    if Modality.IMAGE not in peer.dims:
        _leave(found, list(found.pictures), _CAPTIONS_ALONE)
    if proofs.newer is not None and not proofs.newer.is_same:
        _leave(found, [file for file in found.pictures if file in found.newer], _NEWER)
    if not texts:
        found.sidecars.clear()
    return texts


def _leave(found: Survey, files: Sequence[SourceFile], reason: str) -> None:
    if files:
        found.left_out[reason] += sum(len(found.pictures.pop(file)) for file in files)


def _taken_in(
    peer: Peer,
    found: Survey,
    files: Sequence[SourceFile],
    texts: bool,
    model: Model,
    settings: Settings,
    console: Console,
) -> tuple[Report, int]:
    """Returns what came in, and how many files were there already; needs the lock."""
    library = open_library(
        settings.library, database=settings.database, index=settings.index, write=True
    )
    library.check(model.embedder)
    heal(library.catalog, library.indexes, library.thumbnails)
    companions = companions_of(files, library.catalog)
    _leave(found, [file for file in found.pictures if file.key in companions], _COMPANION)
    wanted = [*found.pictures, *found.sidecars]
    changed = library.catalog.changed(wanted)
    fresh, copies = part_copies(changed, library.catalog)
    read = limits(settings, 2 * model.embedder.image_side)
    engine = PeerEngine(
        peer,
        found,
        embedder=model.embedder,
        captions=readers(files, read)[Kind.CAPTION],
        digest=digest_of,
        max_pixels=read.max_pixels,
        texts=texts,
    )
    with ShownProgress(len(fresh), console) as progress:
        report = bulk_index(
            fresh,
            engine=engine,
            catalog=library.catalog,
            indexes=library.indexes,
            thumbnails=library.thumbnails,
            progress=progress,
            checkpoint_items=settings.checkpoint_items,
        )
    settle_copies(copies, library.catalog, library.indexes, library.thumbnails)
    tend_indexes(settings, console, model=model)
    return report, len(wanted) - len(changed)


def _show(
    peer: Peer,
    found: Survey,
    report: Report,
    there: int,
    proofs: Proofs,
    console: Console,
) -> None:
    measured = [f"pictures: {proofs.pictures}"] if proofs.pictures else []
    if proofs.captions is not None and proofs.captions.is_same:
        measured.append(f"captions: {proofs.captions}")
    click.echo(f"{show_counts(report)} came in from {peer.name}; {there:,} files were there.")
    click.echo(f"The same model, by {'; '.join(measured) or 'your word alone'}.")
    if proofs.captions is not None and not proofs.captions.is_same:
        say(
            console,
            "Its captions have vectors of another model: they were embedded anew.",
            style=WARNING,
        )
    for reason, count in found.left_out.most_common(_SHOWN_REASONS):
        say(console, f"left out {count:,}: {reason}", style=WARNING)
    roots = sorted({file.root for file in [*found.pictures, *found.sidecars]})
    click.echo(f"Bring in the rest, and keep it in step, with: atisbo index {shlex.join(roots)}")


def _nothing(peer: Peer, found: Survey) -> str:
    reasons = "; ".join(f"{count:,}: {why}" for why, count in found.left_out.most_common(4))
    return (
        f"none of the pictures of {peer.name} can be taken in ({reasons or 'it is empty'}). Name "
        "the folder that holds them with --root FOLDER, or where they went with --map OLD=NEW."
    )


def _way_out(peer: Peer) -> str:
    likely = f" It was likely {peer.likely}." if peer.likely else ""
    return (
        f"{likely} Name the right one with --model (a library of its own takes --library "
        "OTHER_FOLDER too), or embed the pictures anew with: atisbo index FOLDER"
    )
