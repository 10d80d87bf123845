"""What was measured over HTTP, as tables."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.table import Table

COLUMNS = ("", "queries", "clients", "requests/s", "p50, ms", "p90, ms", "p99, ms", "failed")


@dataclass(slots=True)
class Report:
    """What was measured."""

    title: str
    about: str
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def shown(report: Report) -> Table:
    """Returns the report as a table for the terminal."""
    table = Table(title=report.title, title_justify="left", caption_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in ("", "queries") else "right")
    for row in report.rows:
        table.add_row(*row)
    table.caption = "\n".join(report.notes)
    return table


def markdown(report: Report, command: str) -> str:
    """Returns the report as a section of a document."""
    aligned = ["---", "---", *(["---:"] * (len(COLUMNS) - 2))]
    lines = ["## Over HTTP", "", f"{datetime.now(UTC):%Y-%m-%d}. {report.title}. {report.about}"]
    lines += ["", f"    {command}", "", f"| {' | '.join(COLUMNS)} |", f"|{'|'.join(aligned)}|"]
    lines += [f"| {' | '.join(row)} |" for row in report.rows]
    return "\n".join([*lines, "", *(f"- {note}" for note in report.notes), ""])
