"""The tables of the search benchmark: for the terminal, and for a document."""

from collections.abc import Iterator, Sequence
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


FILTERED = ("a filter lets through", *(f"recall@10, {one}s ask" for one in ASKED_IN),
            "p50, ms, asked first", "p50, ms, asked again")  # fmt: skip


@dataclass(slots=True)
class Report:
    """What was measured at one size."""

    title: str
    rows: list[Sequence[str]] = field(default_factory=list)
    filters: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def row(
    name: str, built: dict[str, Any], found: dict[str, Any], first_s: float, n: int
) -> Sequence[str]:
    """Returns the cells of a row: what building and searching an index of n vectors took."""
    return (
        name,
        f"{built['build_s']:,.1f}",
        f"{built['bytes'] / n:,.0f}",
        *(f"{found[one]:,.0f}" for one in ("own_mb", "mapped_mb")),
        *(_interval(found["recall"][one]) for one in ASKED_IN),
        *(f"{found[one]:,.2f}" for one in ("p50_ms", "p99_ms")),
        *(f"{found[one]:,.0f}" for one in ("qps", "qps_crowd")),
        f"{first_s:.2f}",
    )


def filter_row(found: dict[str, Any]) -> Sequence[str]:
    """Returns the cells of a row: what searches among a share of the ids cost and found."""
    return (
        f"{found['share']:.2%}",
        *(_interval(found["recall"][one]) for one in ASKED_IN),
        *(f"{found[one]:,.2f}" for one in ("first_ms", "again_ms")),
    )


def _interval(shares: Sequence[float]) -> str:
    return f"{fmean(shares):.3f} ± {1.96 * stdev(shares) / len(shares) ** 0.5:.3f}"


def shown(report: Report) -> Iterator[Table]:
    """Yields the report's tables for the terminal."""
    tables = [(report.title, COLUMNS, report.rows), ("", FILTERED, report.filters)]
    for title, columns, rows in tables:
        if not rows and not title:
            continue
        table = Table(title=title or None, title_justify="left", caption_justify="left")
        for number, column in enumerate(columns):
            table.add_column(column, justify="right" if number else "left")
        for row in rows:
            table.add_row(*row)
        table.caption = "\n".join(report.notes) if title else None
        yield table


def markdown(reports: Sequence[Report], about: str, command: str) -> str:
    """Returns a section of a document."""
    lines = ["## Search", "", f"{datetime.now(UTC):%Y-%m-%d}. {about}", "", f"    {command}", ""]
    for report in reports:
        lines += [f"### {report.title}", "", *_lines(COLUMNS, report.rows)]
        if report.filters:
            lines += ["Codes, filtered:", "", *_lines(FILTERED, report.filters)]
        lines += [*(f"- {note}" for note in report.notes), ""]
    return "\n".join(lines)


def _lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    head = [f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}"]
    return [*head, *(f"| {' | '.join(row)} |" for row in rows), ""]
