"""Lines for people that name files: whole, and as they are."""

from rich.console import Console

WARNING = "yellow"


def say(console: Console, line: str, *, style: str | None = None) -> None:
    """Prints the line unbroken, so that a path in it can be copied, and no `[name]` as markup."""
    console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
