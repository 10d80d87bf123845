"""The commands `atisbo search` and `atisbo serve`. Heavy imports wait until a command runs."""

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer import options
from indexer.config import load_settings
from indexer.errors import BadQuery, ConfigError
from search_api.grammar import parse_query
from search_api.query import DEFAULT_K, MAX_K, Fusion, Sort, Target

if TYPE_CHECKING:
    from flask import Flask
    from PIL.Image import Image

    from indexer.types import Hit, Item
    from search_api.pictures import Pictures
    from search_api.query import Query
    from search_api.searcher import Answer


_ASKING = (
    "like",
    "more",
    "less",
    "k",
    "target",
    "words",
    "fusion",
    "sort",
    "diversity",
    "collapse",
    "cursor",
)
"""The options of a search that say what is asked."""

model_option = click.option(
    "--model", metavar="NAME", help="Where the library's model is now, if its weights have moved."
)


@click.command()
@click.argument("text", required=False)
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A picture to look for, alone or together with the text.",
)
@click.option(
    "--like",
    type=int,
    metavar="ID",
    help="An item of the library to look for, by its id.",
)
@click.option("--more", type=int, multiple=True, metavar="ID", help="Find more like this item.")
@click.option("--less", type=int, multiple=True, metavar="ID", help="Find less like this item.")
@click.option(
    "-k",
    type=click.IntRange(1, MAX_K),
    default=DEFAULT_K,
    show_default=True,
    help="How many results at most.",
)
@click.option(
    "--target",
    type=click.Choice([str(target) for target in Target]),
    default=str(Target.IMAGE),
    show_default=True,
    help="What to find: pictures and moments of films (image) or only one of them, captions "
    "(text), films (video), or all of these.",
)
@click.option(
    "--words/--no-words",
    default=True,
    help="Whether captions, subtitles and names that fit the words count, not just looks.",
)
@click.option(
    "--fusion",
    type=click.Choice([str(fusion) for fusion in Fusion]),
    default=str(Fusion.SPACE),
    show_default=True,
    help="Search once for the sum of all terms (space), or for each and fuse the ranks.",
)
@click.option(
    "--sort",
    type=click.Choice([str(sort) for sort in Sort]),
    default=str(Sort.SCORE),
    show_default=True,
    help="Best first, or the best 200 by when they were taken.",
)
@click.option(
    "--diversity",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="From best first (0) to as different as may be (1).",
)
@click.option("--collapse", is_flag=True, help="One result for near-duplicates, and for a film.")
@click.option("--cursor", help="What --json gave as next: go on from there.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@options.library
@options.database
@model_option
@options.device
def search(
    text: str | None, image: Path | None, as_json: bool, model: str | None, **chosen: Any
) -> None:
    """Find pictures, moments of films, captions or films by TEXT, by a picture, or by both.

    TEXT is plain words, and may have more in it: -word to look away from, 2:word with a weight,
    "quoted words" that must stand in a caption, subtitle or name, (words) that belong together,
    like:17 for an item, and filters such as taken:2019-07, folder:holidays, kind:film,
    near:41.4,2.17,5km, size:>12mp, -tag:work. If it begins with -, put -- before it.

    Results go to stdout, best first: score, path with the place in the file, and, for captions,
    the text. For a picture and --target text, words of a vocabulary come before them. Into a pipe
    they go as tab-separated lines: score, absolute path, then, where there are such, the text, the
    time in the film, and the entry of the shard.
    """
    asking = {name: chosen.pop(name) for name in _ASKING}
    like, more = asking["like"], asking["more"]
    if not (text and text.strip()) and image is None and like is None and not more:
        raise click.UsageError("Give a text, --image FILE, --like ID or --more ID to search by.")
    asking |= {
        "target": Target(asking["target"]),
        "fusion": Fusion(asking["fusion"]),
        "sort": Sort(asking["sort"]),
    }
    try:
        if image is None:
            # Checked before seconds go into loading a model.
            parse_query(text=text, **asking)
        from search_api.app import open_read_side

        searcher, pictures = open_read_side(load_settings(**chosen), model=model)
        content = read_picture(pictures, image) if image else None
        query = parse_query(text=text, image=content, **asking)
    except BadQuery as error:
        if error.position is None or text is None:
            raise
        raise BadQuery(f"{error}\n  {text}\n  {' ' * error.position}^") from error
    answer = searcher.search(query)
    if as_json:
        click.echo(as_document(query, answer, searcher.embedder.name))
    elif sys.stdout.isatty():
        show_table(answer)
    else:
        for hit in answer.hits:
            click.echo(tab_separated(hit.score, hit.item))


def read_picture(pictures: "Pictures", path: Path) -> "Image":
    """Returns the decoded picture of a file named on the command line."""
    try:
        with path.open("rb") as stream:
            return pictures.upload(stream)
    except OSError as error:
        raise ConfigError(f"{path} cannot be opened: {error.strerror or error}.") from error


def as_document(query: "Query", answer: "Answer", model: str) -> str:
    """Returns the answer in the JSON of the HTTP interface, with the absolute paths."""
    from search_api.routes.answers import SearchBody

    body = SearchBody.of(answer, target=query.target, model=model).model_dump(mode="json")
    for hit, found in zip(body["hits"], answer.hits, strict=True):
        hit["item"]["absolute_path"] = found.item.address
        copies = answer.copies.get(found.item.id, ())
        hit["item"]["absolute_copies"] = [copy.address for copy in copies]
    return json.dumps(body, indent=2)


def tab_separated(score: float, item: "Item") -> str:
    """Returns one line for programs; tabs and line ends inside a field become blanks."""
    at_ms = shown_at_ms(item)
    fields = [f"{score:.4f}", item.address]
    if item.text is not None:
        fields.append(item.text)
    if at_ms is not None:
        fields.append(clock(at_ms))
    if item.member is not None:
        fields.append(item.member)
    return "\t".join(" ".join(field.splitlines()).replace("\t", " ") for field in fields)


def place(item: "Item") -> str:
    """Returns where the item is, for people: "/films/trip.mp4 at 1:23"."""
    at_ms = shown_at_ms(item)
    from search_api.originals import shown_member

    inside = "" if item.member is None else f" ({shown_member(item)})"
    return f"{item.address}{inside}" + ("" if at_ms is None else f" at {clock(at_ms)}")


def shown_at_ms(item: "Item") -> int | None:
    """Returns where in its film to look for the item: a subtitle from its first word on."""
    if item.span is None:
        return None
    return item.span.best_ms if item.text is None else item.span.start_ms


def clock(at_ms: int) -> str:
    """Returns a time in a film as players show it: "1:23", "1:02:03"."""
    minutes, seconds = divmod(at_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def show_table(answer: "Answer") -> None:
    """Prints the answer for people."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if answer.labels:
        words = ", ".join(label.text for label in answer.labels)
        click.echo(f"What it shows, in words: {words}\n")
    if not answer.hits and answer.labels:
        click.echo("There are no captions to find.", err=True)
        return
    if not answer.hits:
        click.echo("Nothing to find here yet. Add a folder: atisbo index FOLDER", err=True)
        return
    if answer.verdict == "nothing":
        click.echo("Nothing here looks like that. The nearest:", err=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("score", justify="right", style="cyan")
    if answer.verdict is not None:
        table.add_column("sure", justify="right")
    table.add_column("id", justify="right", style="dim")
    table.add_column("path", overflow="fold")
    captions = any(hit.item.text is not None for hit in answer.hits)
    if captions:
        table.add_column("caption", overflow="fold")
    said = any(reason.text for hit in answer.hits for reason in hit.reasons)
    if said:
        table.add_column("found by", overflow="fold", style="dim")
    for number, hit in enumerate(answer.hits):
        item = hit.item
        if number and number == answer.likely:
            table.add_section()
        # Text, because a path like [bold].jpg is no markup.
        copies = answer.copies.get(item.id, ())
        path = Text("\n".join([place(item), *(copy.address for copy in copies)]))
        score = f"{hit.score:.4f}" if hit.reasons else ""
        row = [Text(score)]
        row += [] if answer.verdict is None else [Text(f"{100 * (hit.probability or 0):.0f} %")]
        row += [Text(str(item.id)), path]
        row += [Text(item.text or "")] if captions else []
        table.add_row(*row, *([Text(found_by(hit))] if said else []))
    Console().print(table)


def found_by(hit: "Hit") -> str:
    """Returns the words by which it was found: 'caption: "a dog"'; empty if by its looks."""
    for reason in hit.reasons:
        if reason.text is not None and reason.text != hit.item.text:
            return f'{reason.part}: "{reason.text}"'
    return ""


@click.command()
@options.library
@options.database
@model_option
@options.device
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; 0 takes any free one. [default: 8420]"
)
@click.option(
    "--threads",
    type=click.IntRange(1, 512),
    help="Requests served side by side by each process. [default: 8]",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="Processes that serve, each with a model of its own in memory. [default: 1]",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A further host name that the service answers to; may be repeated.",
)
def serve(model: str | None, allowed_hosts: tuple[str, ...], **chosen: Any) -> None:
    """Serve the web page and the HTTP interface until stopped with Ctrl-C."""
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("search_api").setLevel(logging.INFO)
    from indexer.library import stored_model
    from search_api.guard import is_wildcard, trusted_hosts
    from search_api.server import Serving, address, listen
    from search_api.server import serve as run

    settings = load_settings(allowed_hosts=list(allowed_hosts) or None, **chosen)
    if stored_model(settings.library) is None:
        raise ConfigError(
            f"there is no library in {settings.library}. "
            f"Make one with: atisbo index FOLDER --library {settings.library}"
        )
    bound = listen(settings.host, settings.port)
    url = address(bound, settings.host)
    warn_if_reachable(settings.host, url)

    def make_app() -> "Flask":
        from search_api.app import create_app, open_read_side

        searcher, pictures = open_read_side(settings, model=model)
        searcher.warm_up()
        return create_app(
            searcher,
            pictures,
            hosts=trusted_hosts(settings.host, settings.allowed_hosts),
            any_address=is_wildcard(settings.host),
        )

    def ready() -> None:
        click.echo(f"atisbo serves {settings.library} at {url} (Ctrl-C stops it)")

    click.echo(f"Opening the library {settings.library} ...", err=True)
    many = Serving(settings.processes, settings.threads)
    sys.exit(run(make_app, bound, many, ready))


def warn_if_reachable(host: str, url: str) -> None:
    """Says on stderr that there is no authentication, where that matters."""
    from search_api.guard import is_loopback

    if not is_loopback(host):
        click.secho(
            f"Warning: {url} can be reached from other machines, and there is no authentication: "
            "whoever reaches it can see every picture and caption of the library.",
            err=True,
            fg="yellow",
        )
