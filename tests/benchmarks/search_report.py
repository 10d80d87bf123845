"""The tables of the search benchmark: for the terminal, and for a document."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import fmean, stdev
from typing import Any

from rich.table import Table
from search_child import CROWD
from search_data import ASKED_IN

COLUMNS = ("", "build, s", "bytes a vector on disk", "memory of its own, MB", "mapped files, MB",
           *(f"recall@10, {one}s ask" for one in ASKED_IN), "p50, ms", "p99, ms",
           "searches/s", f"searches/s, {CROWD} threads", "first answer, s")  # fmt: skip


@dataclass(slots=True)
class Report:
    """What was measured at one size."""

    title: str
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def row(
    name: str, built: dict[str, Any], found: dict[str, Any], first_s: float, n: int
) -> Sequence[str]:
    """Returns the cells of a row: what building and searching an index of n vectors took."""
    shares = [found["recall"][one] for one in ASKED_IN]
    return (
        name,
        f"{built['build_s']:,.1f}",
        f"{built['bytes'] / n:,.0f}",
        *(f"{found[one]:,.0f}" for one in ("own_mb", "mapped_mb")),
        *(f"{fmean(one):.3f} ± {1.96 * stdev(one) / len(one) ** 0.5:.3f}" for one in shares),
        *(f"{found[one]:,.2f}" for one in ("p50_ms", "p99_ms")),
        *(f"{found[one]:,.0f}" for one in ("qps", "qps_crowd")),
        f"{first_s:.2f}",
    )


def shown(report: Report) -> Table:
    """Returns the report as a table for the terminal."""
    table = Table(title=report.title, title_justify="left", caption_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="right" if column else "left")
    for row in report.rows:
        table.add_row(*row)
    table.caption = "\n".join(report.notes)
    return table


def markdown(reports: Sequence[Report], about: str, command: str) -> str:
    """Returns a section of a document."""
    lines = ["## Search", "", f"{datetime.now(UTC):%Y-%m-%d}. {about}", "", f"    {command}", ""]
    for report in reports:
        lines += [f"### {report.title}", "", f"| {' | '.join(COLUMNS)} |"]
        lines.append(f"|---|{'---:|' * (len(COLUMNS) - 1)}")
        lines += [f"| {' | '.join(row)} |" for row in report.rows]
        lines += ["", *(f"- {note}" for note in report.notes), ""]
    return "\n".join(lines)
