"""The `atisbo` command. Commands are loaded when called, so that `--help` answers at once."""

import importlib
import sys
from typing import Any

import click

from indexer.errors import AtisboError

_COMMANDS = {
    "index": ("indexer.commands.index:index", "Make folders of pictures and captions searchable."),
    "watch": ("indexer.commands.watch:watch", "Keep folders in step while they change."),
    "search": ("search_api.cli:search", "Find pictures or captions by text or by a picture."),
    "serve": ("search_api.cli:serve", "Serve the web page and the HTTP API."),
    "evaluate": ("indexer.commands.evaluate:evaluate", "Judge a library by its own captions."),
    "calibrate": (
        "indexer.commands.calibrate:calibrate_command",
        "Measure what scores are worth, for verdicts.",
    ),
    "teach": ("indexer.commands.teach:teach", "Teach a library's space by its own captions."),
    "train": ("indexer.commands.train:train", "Train a small model on captioned pictures."),
    "models": ("indexer.commands.models:models", "List models and spaces; switch between spaces."),
    "verify": ("indexer.commands.verify:verify_command", "Prove that a library is sound."),
    "backup": ("indexer.commands.backup:backup_command", "Copy the library while it is in use."),
    "export": ("indexer.commands.export:export", "Hand out items and vectors, or pictures."),
    "import": ("indexer.commands.import_:import_command", "Take in what export wrote."),
    "failures": ("indexer.commands.failures:failures", "List files that could not be read."),
    "tag": ("indexer.commands.tag:tag", "Tag pictures and films, or list the tags."),
    "forget": ("indexer.commands.forget:forget", "Take files out of the library."),
    "duplicates": ("indexer.commands.duplicates:duplicates", "List pictures held twice."),
    "status": ("indexer.commands.status:status", "Show what a library holds."),
}
EXIT_FAILED = 2


class _Commands(click.Group):
    """A group whose commands are imported on first use and whose errors are one clear line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AtisboError as error:
            click.secho(f"atisbo: {error}", fg="red", err=True)
            sys.exit(EXIT_FAILED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="atisbo", message="%(package)s %(version)s")
def main() -> None:
    """Search your own pictures and captions by meaning."""
