"""A catalogue of a million rows is never read in full for a search or a small sync."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, event

from indexer.catalog.sql import SqlCatalog
from indexer.filters import (
    Between,
    Camera,
    Coded,
    Condition,
    Filter,
    Has,
    InFolder,
    Is,
    Known,
    Measure,
    Named,
    Near,
    Shown,
    Tagged,
    Taken,
    Within,
)
from indexer.types import EmbeddedFile, EmbeddedItem, Kind, Modality, Skipped
from tests import million, postgres
from tests.million import file

BIG = ("items", "files")
MOST_ROWS = 10_000
"""What a plan may expect to read of a big table for a few ids."""


@pytest.fixture(scope="module", params=["sqlite", "sqlite with statistics", "postgresql"])
def catalog(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SqlCatalog]:
    if request.param == "postgresql":
        server: postgres.Server = request.getfixturevalue("postgres_server")
        url: str | Path = server.new_database()
    else:
        url = tmp_path_factory.mktemp("million") / "catalog.db"
    opened = SqlCatalog(url)
    million.fill(opened._engine)
    if request.param != "sqlite":
        million.analyze(opened._engine)
    yield opened
    opened.close()
    if isinstance(url, Path):
        url.unlink()


@dataclass(frozen=True, slots=True)
class Reading:
    """How a plan reads a big table; `rows` is None where the database does not guess."""

    how: str
    full: bool
    covering: bool
    rows: float | None = None


def readings(catalog: SqlCatalog, call: Callable[[SqlCatalog], object]) -> list[Reading]:
    """Returns how the statements that the call makes read the big tables."""
    engine = catalog._engine
    seen: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, values: Any, ___: object, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")) and any(
            re.search(rf"\b{name}\b", statement) for name in BIG
        ):
            seen.append((statement, values[0] if many else values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        call(catalog)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert seen, "the call asked the database for nothing"
    explained = _explained_sqlite if engine.dialect.name == "sqlite" else _explained_postgres
    with engine.connect() as connection:
        return [one for statement in seen for one in explained(connection, *statement)]


def _explained_sqlite(connection: Connection, statement: str, values: Any) -> Iterator[Reading]:
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
        detail = row[3]
        if found := re.match(r"(SCAN|SEARCH) (items|files)(_\d)?\b", detail):
            # The rows that may be shown, and those of a root, are nearly all there are.
            used = re.search(r"\((.*)\)", detail)
            every = {"searchable=?", "searchable=? AND modality=?", "root_id=?"}
            full = found[1] == "SCAN" or (used is not None and used[1] in every)
            yield Reading(detail, full, "COVERING" in detail)


def _explained_postgres(connection: Connection, statement: str, values: Any) -> Iterator[Reading]:
    explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar()
    plans = [json.loads(explained)[0] if isinstance(explained, str) else explained[0]]
    plans = [plans[0]["Plan"]]
    while plans:
        node = plans.pop()
        plans += node.get("Plans", [])
        if node.get("Relation Name") in BIG and node["Node Type"] != "ModifyTable":
            how = f"{node['Node Type']} of {node['Relation Name']} {node.get('Index Cond', '')}"
            bitmap = node["Node Type"] == "Bitmap Heap Scan"
            full = not bitmap and "Index Cond" not in node
            covering = node["Node Type"] == "Index Only Scan"
            yield Reading(how[:300], full, covering, node["Plan Rows"])


def _part(number: int) -> EmbeddedFile:
    item = EmbeddedItem(width=1, height=1)
    return EmbeddedFile(file(number), Modality.IMAGE, [item], np.zeros((1, 1), np.float32))


FEW = [file(number) for number in (4, 5, 50_000, 50_001, 998_004)]
NEW = [replace(one, path=f"new/{one.path}") for one in FEW]
PICTURES = list(range(100_000, 100_200, 4))
MANY = list(range(400_000, 408_000, 4))
ITEMS = list(range(200_000, 200_200))
FORGOTTEN = [file(number) for number in range(300_001, 300_009)]
MARKED: list[Skipped] = [Skipped(file(n), "truncated") for n in (4000, 4004, 4007)]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda one: one.fetch(ITEMS), id="fetch"),
        pytest.param(lambda one: one.fetch(ITEMS[:1]), id="fetch one"),
        pytest.param(lambda one: one.captions(PICTURES), id="captions"),
        pytest.param(lambda one: one.captions(PICTURES[:1]), id="captions of one"),
        pytest.param(lambda one: one.files_of(np.array(ITEMS)), id="files_of"),
        pytest.param(lambda one: one.copies(PICTURES), id="copies"),
        pytest.param(lambda one: one.companions(PICTURES), id="companions"),
        pytest.param(lambda one: one.films(PICTURES), id="films"),
        pytest.param(lambda one: one.moments(PICTURES[0]), id="moments"),
        pytest.param(lambda one: one.facts(PICTURES), id="facts"),
        pytest.param(lambda one: one.places(PICTURES), id="places"),
        pytest.param(lambda one: one.sources(np.array(ITEMS)), id="sources"),
        pytest.param(lambda one: one.originals({1_001}), id="originals"),
        pytest.param(lambda one: one.changed(FEW), id="changed"),
        pytest.param(lambda one: one.add([_part(4)]), id="add"),
        pytest.param(lambda one: one.publish([FEW[0], *MARKED]), id="publish"),
        pytest.param(lambda one: one.move(list(zip(FEW, NEW, strict=True))), id="move"),
        pytest.param(lambda one: one.relink({file(501): [(0, "x.jpg")]}), id="relink"),
        pytest.param(lambda one: one.copy([(NEW[0], FEW[1])]), id="copy"),
        pytest.param(lambda one: one.attach([(NEW[0], FEW[1])]), id="attach"),
        pytest.param(lambda one: one.tags_of(ITEMS), id="tags_of"),
        pytest.param(lambda one: one.tag(ITEMS[:5], add=["x"]), id="tag"),
        pytest.param(SqlCatalog.tags, id="tags"),
        pytest.param(lambda one: one.worded("200001 img", Modality.IMAGE, 50), id="worded"),
        pytest.param(lambda one: one.worded("200001", Modality.TEXT, 50), id="worded captions"),
        pytest.param(lambda one: one.keep_out(FORGOTTEN[:2]), id="keep_out"),
        pytest.param(lambda one: one.forget(FORGOTTEN), id="forget"),
    ],
)
def test_a_few_rows_are_found_by_an_index(
    catalog: SqlCatalog, call: Callable[[SqlCatalog], object]
) -> None:
    found = readings(catalog, call)
    assert found
    assert not [one.how for one in found if one.full]
    assert not [one for one in found if (one.rows or 0) > MOST_ROWS]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda one: one.fetch(MANY), id="fetch"),
        pytest.param(lambda one: one.captions(MANY), id="captions"),
        pytest.param(lambda one: one.places(MANY), id="places"),
        pytest.param(lambda one: one.files_of(np.array(MANY)), id="files_of"),
        pytest.param(lambda one: one.sources(np.array(MANY)), id="sources"),
    ],
)
def test_thousands_of_rows_are_found_by_an_index_on_sqlite(
    catalog: SqlCatalog, call: Callable[[SqlCatalog], object]
) -> None:
    if catalog._engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL weighs a merge of whole indexes against look-ups by itself")
    assert not [one.how for one in readings(catalog, call) if one.full]


def test_what_a_crash_left_and_failures_are_found_by_an_index(catalog: SqlCatalog) -> None:
    for call in (
        SqlCatalog.heal,
        lambda one: one.skipped(50),
        lambda one: one.partial(50),
        SqlCatalog.kept_out,
    ):
        found = [one.how for one in readings(catalog, call)]
        assert not [how for how in found if how.startswith(("SCAN", "Seq Scan"))]


def test_counts_read_indexes_alone(catalog: SqlCatalog) -> None:
    found = readings(catalog, SqlCatalog.counts)
    assert len(found) == 6
    assert all(one.covering for one in found), found


FEW_OF_MANY = [
    Taken(datetime(2016, 7, 1), datetime(2016, 7, 2)),
    Camera("nikon"),
    Near(41.4, 2.17, 5),
    Within(41, 2, 42, 3),
    Between(Measure.DURATION_MS, low=60_000),
    Coded("png"),
    Tagged("favourite"),
    Has(Known.TAG),
    Is(Shown.MOMENT),
]


@pytest.mark.parametrize("condition", FEW_OF_MANY, ids=str)
def test_items_of_a_few_files_are_found_by_them(catalog: SqlCatalog, condition: Condition) -> None:
    if catalog._engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL weighs these by what is stored, which here is nothing")
    found = readings(catalog, lambda one: one.matching([Filter(condition)], Modality.IMAGE))
    assert not [one.how for one in found if one.full]


def test_filters_that_nearly_all_pass_read_no_item_itself(catalog: SqlCatalog) -> None:
    if catalog._engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL reads a table where that is cheaper than its index")
    for filters in ([], [Filter(FEW_OF_MANY[0], excluded=True)], [Filter(InFolder("2017"))]):
        found = readings(catalog, lambda one, asked=filters: one.matching(asked, Modality.IMAGE))
        items = [one for one in found if one.how.split()[1] == "items"]
        assert items
        assert all(one.covering for one in items), items


def test_the_newest_of_all_are_found_along_their_dates(catalog: SqlCatalog) -> None:
    if catalog._engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL weighs these by what is stored, which here is nothing")
    found = [one.how for one in readings(catalog, lambda one: one.dated((), Modality.IMAGE, 50))]
    assert any("ix_files_taken_at" in how for how in found), found


def test_filters_of_a_million_items_find_the_right_ones(catalog: SqlCatalog) -> None:
    every = catalog.matching((), Modality.IMAGE)
    assert len(every) > 249_000
    card = catalog.matching([Filter(InFolder("CARD"))], Modality.IMAGE).tolist()
    roots = {id: item.root for id, item in catalog.fetch(every[:300].tolist()).items()}
    assert card == [id for id, root in sorted(roots.items()) if root == million.OTHER_ROOT]
    assert len(card) > 200
    (one,) = catalog.matching([Filter(Named("img_50001.jpg"))], Modality.IMAGE).tolist()
    assert catalog.fetch([one])[one].path.endswith("IMG_50001.jpg")
    about = catalog.matching([Filter(Named("img_50001.jpg"))], Modality.TEXT).tolist()
    assert about == [one - 3, one - 2, one - 1]


def test_a_million_rows_answer_as_few_do(catalog: SqlCatalog) -> None:
    """The plans above are worth nothing if they find the wrong rows."""
    assert sorted(catalog.fetch([200_001, 10**9])) == [200_001]
    assert catalog.fetch([200_001])[200_001].about == 200_004
    captions = catalog.captions([200_004])[200_004]
    assert [one.id for one in captions] == [200_001, 200_002, 200_003]
    assert [one.path for one in catalog.files_of(np.array([8]))] == [file(8).path]
    changed = [file(8), file(12, size=5), replace(file(16), path="unknown.jpg")]
    assert catalog.changed(changed) == changed[1:]
    assert catalog.counts().files[Kind.IMAGE] > 249_000
