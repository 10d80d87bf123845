"""Caption tables of any content: what was written is read, whatever it is nothing breaks."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from indexer.errors import MediaError
from indexer.media.captions import CaptionReader
from indexer.media.pictures import PictureNames
from indexer.media.tables import TABLE_SUFFIXES, is_caption_table
from indexer.media.texts import clean
from indexer.types import Kind, Sample, SourceFile

NAMES = st.from_regex(r"[a-z0-9_]{1,12}\.(jpg|png|webp)", fullmatch=True)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=80)
PAIRS = st.lists(st.tuples(NAMES, WORDS), min_size=1, max_size=12)
ONCE_EACH = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

Pairs = Sequence[tuple[str, str]]


def read(path: Path) -> list[tuple[str | None, object]]:
    """Returns which picture each caption of the file is about."""
    stat = path.stat()
    source = SourceFile(str(path.parent), path.name, Kind.CAPTION, stat.st_size, stat.st_mtime_ns)
    samples = list(CaptionReader(PictureNames(())).read(source))
    assert [one.position for one in samples] == list(range(len(samples)))
    return [(one.about, one.content) for one in samples if isinstance(one, Sample)]


def expected(pairs: Pairs) -> list[tuple[str, str]]:
    return [(name, clean(words)) for name, words in pairs if clean(words)]


def separated(pairs: Pairs, delimiter: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["image", "caption"])
    writer.writerows(pairs)
    return out.getvalue()


def coco(pairs: Pairs) -> str:
    images = [{"id": number, "file_name": name} for number, (name, _) in enumerate(pairs)]
    annotations = [{"image_id": n, "caption": words} for n, (_, words) in enumerate(pairs)]
    return json.dumps({"images": images, "annotations": annotations})


def json_lines(pairs: Pairs) -> str:
    return "\n".join(json.dumps({"file_name": name, "text": words}) for name, words in pairs)


def rows(pairs: Pairs) -> str:
    return json.dumps([{"image": name, "caption": [words]} for name, words in pairs])


@ONCE_EACH
@given(PAIRS)
@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("t.csv", lambda pairs: separated(pairs, ",")),
        ("t.tsv", lambda pairs: separated(pairs, "\t")),
        ("t.jsonl", json_lines),
        ("coco.json", coco),
        ("rows.json", rows),
    ],
    ids=["csv", "tsv", "jsonl", "coco", "rows"],
)
def test_what_is_written_is_read(tmp_path: Path, name: str, written: object, pairs: Pairs) -> None:
    assert callable(written)
    path = tmp_path / name
    path.write_bytes(written(pairs).encode())
    assert is_caption_table(path.read_bytes(), path.suffix)
    assert read(path) == expected(pairs)


@ONCE_EACH
@given(st.sampled_from(sorted(TABLE_SUFFIXES)), st.binary(max_size=400))
@example(".csv", b"\0\r\0")
def test_any_bytes_are_a_table_or_a_reason(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_bytes(content)
    is_caption_table(content, suffix)
    try:
        found = read(path)
    except MediaError:
        return
    assert all(isinstance(text, str) and text for _, text in found)


@ONCE_EACH
@given(PAIRS, st.data())
def test_a_table_that_was_cut_off_keeps_its_whole_rows(
    tmp_path: Path, pairs: Pairs, data: st.DataObject
) -> None:
    content = json_lines(pairs).encode()
    cut = data.draw(st.integers(0, len(content)))
    path = tmp_path / "t.jsonl"
    path.write_bytes(content[:cut])
    whole = content[: cut + 1].count(b"\n") if cut < len(content) else len(pairs)
    try:
        found = read(path)
    except MediaError:
        found = []
    assert found[: len(expected(pairs[:whole]))] == expected(pairs[:whole])
