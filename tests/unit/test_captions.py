"""Captions beside pictures and in the tables of data sets."""

import json
from pathlib import Path

import pytest

from indexer.errors import MediaError
from indexer.media.captions import CaptionReader
from indexer.media.pictures import PictureNames
from indexer.media.tables import is_caption_table
from indexer.types import Kind, SourceFile

Found = list[tuple[str | None, str]]


def source(root: Path, path: str, kind: Kind = Kind.CAPTION) -> SourceFile:
    file = root / path
    size = file.stat().st_size if file.exists() else 0
    return SourceFile(root.as_posix(), path, kind, size, 1)


def read(root: Path, path: str, content: bytes | str, pictures: tuple[str, ...] = ()) -> Found:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    names = PictureNames(source(root, picture, Kind.IMAGE) for picture in pictures)
    samples = list(CaptionReader(names).read(source(root, path)))
    assert [sample.position for sample in samples] == list(range(len(samples)))
    return [(sample.about, str(sample.content)) for sample in samples]


@pytest.mark.parametrize(
    ("sidecar", "picture"),
    [("a.txt", "a.jpg"), ("a.txt", "a.JPG"), ("A.TXT", "a.heic"), ("a.jpg.txt", "a.jpg")],
)
def test_a_sidecar_gives_a_caption_a_line_about_its_picture(
    tmp_path: Path, sidecar: str, picture: str
) -> None:
    found = read(tmp_path, f"x/{sidecar}", "one  dog\n\n  two\r\n", (f"x/{picture}", "x/b.jpg"))
    assert found == [(f"x/{picture}", "one dog"), (f"x/{picture}", "two")]


@pytest.mark.parametrize(
    "content",
    [
        "Käfer\n".encode(),
        "\ufeffKäfer\n".encode(),
        "Käfer\n".encode("utf-16"),
        "Käfer\n".encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 with a mark", "utf-16", "windows"],
)
def test_a_sidecar_may_have_any_usual_encoding(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path, "a.txt", content, ("a.jpg",)) == [("a.jpg", "Käfer")]


def test_a_binary_sidecar_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="zero bytes"):
        read(tmp_path, "a.txt", b"\x00\x01\x02", ("a.jpg",))


def test_a_huge_sidecar_is_refused_with_the_limit(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="1,000,000"):
        read(tmp_path, "a.txt", b"a" * 1_000_001, ("a.jpg",))


FLICKR8K = 'image,caption\na.jpg,a dog\nimages/b.jpg,"two, with a comma"\na.jpg,\n'
TABLES = {
    "captions.csv": FLICKR8K,
    "captions.tsv": "image_path\tid\ttext\na.jpg\t1\ta dog\nb.jpg\t2\ttwo, with a comma\n",
    "results.csv": "image_name| comment_number| comment\n"
    "a.jpg| 0| a dog\nb.jpg| 1| two, with a comma\n",
    "semicolons.csv": "Caption;File Name\na dog;a.jpg\ntwo, with a comma;b.jpg\n",
    "metadata.jsonl": '{"file_name": "a.jpg", "text": "a dog"}\nnot json\n'
    '{"file_name": "b.jpg", "text": ["two, with a comma"]}\n',
    "coco.json": json.dumps(
        {
            "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
            "annotations": [
                {"image_id": 1, "caption": "a dog"},
                {"image_id": 2, "caption": "two, with a comma"},
                {"image_id": 3, "caption": "no such image"},
            ],
        }
    ),
    "karpathy.json": json.dumps(
        {
            "images": [
                {"filename": "a.jpg", "sentences": [{"raw": "a dog"}]},
                {"filename": "b.jpg", "sentences": [{"raw": "two, with a comma"}]},
            ]
        }
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_of_data_sets_are_understood(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, name, TABLES[name], ("a.jpg", "images/b.jpg"))
    assert found == [("a.jpg", "a dog"), ("images/b.jpg", "two, with a comma")]
    suffix = Path(name).suffix
    assert is_caption_table(TABLES[name].encode(), suffix)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("prices.csv", "item,price\nhat,3\n"),
        ("log.jsonl", '{"time": 1, "message": "hi"}\n'),
        ("package.json", '{"name": "x", "version": "1"}'),
        ("list.json", "[1, 2, 3]"),
        ("junk.csv", "\x00\x01\x02"),
        ("empty.csv", ""),
    ],
)
def test_other_tables_are_not_taken_for_caption_tables(name: str, content: str) -> None:
    assert not is_caption_table(content.encode(), Path(name).suffix)


@pytest.mark.parametrize(
    ("written", "about"),
    [
        ("b.jpg", "set/images/b.jpg"),
        ("images/b.jpg", "set/images/b.jpg"),
        ("images\\b.jpg", "set/images/b.jpg"),
        ("./images/../images/b.jpg", "set/images/b.jpg"),
        ("twice.jpg", "set/twice.jpg"),
        ("missing.jpg", "set/missing.jpg"),
        ("../top.jpg", "top.jpg"),
        ("../../etc/passwd", None),
        ("/etc/passwd", None),
        ("https://example.org/b.jpg", None),
    ],
)
def test_a_cell_finds_its_picture_and_never_leaves_the_root(
    tmp_path: Path, written: str, about: str | None
) -> None:
    pictures = ("set/images/b.jpg", "set/x/twice.jpg", "set/y/twice.jpg", "top.jpg", "other/b.jpg")
    found = read(tmp_path, "set/captions.csv", f"image,caption\n{written},words\n", pictures)
    assert found == [(about, "words")]


def test_an_absolute_path_inside_the_root_is_made_relative(tmp_path: Path) -> None:
    table = f"image,caption\n{(tmp_path / 'a.jpg').as_posix()},words\n"
    assert read(tmp_path, "t.csv", table, ("a.jpg",)) == [("a.jpg", "words")]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("t.csv", "", "empty"),
        ("t.csv", "price,weight\n1,2\n", r"columns are price, weight; wanted .*image.*caption"),
        ("t.csv", "image,caption\n\x00,b\n", "zero bytes"),
        ("t.json", "{", "not JSON"),
        ("t.json", '{"images": 3}', "no list of images"),
        ("t.json", '{"images": [{"file_name": "a.jpg"}]}', "no image in it has a caption"),
        ("t.jsonl", '{"a": 1}\n', "columns are a"),
    ],
)
def test_a_table_without_captions_gives_a_reason(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    with pytest.raises(MediaError, match=reason):
        read(tmp_path, name, content)


def test_rows_that_are_short_or_blank_are_passed_over(tmp_path: Path) -> None:
    table = "image,caption\na.jpg\n,words\na.jpg,  \n\na.jpg,good\n"
    assert read(tmp_path, "t.csv", table, ("a.jpg",)) == [("a.jpg", "good")]


def test_a_table_that_vanished_gives_a_reason(tmp_path: Path) -> None:
    gone = SourceFile(tmp_path.as_posix(), "gone.csv", Kind.CAPTION, 3, 1)
    with pytest.raises(MediaError, match="cannot be read"):
        list(CaptionReader(PictureNames([])).read(gone))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep.jsonl", '{"image": "a.jpg", "caption": "good"}\n' + "[" * 100_000 + "\n"),
        (
            "ids.json",
            '{"images": [{"id": 1, "file_name": "a.jpg"}, {"id": [2], "file_name": "b.jpg"}],'
            '"annotations": [{"image_id": {}, "caption": "x"},'
            '{"image_id": 1, "caption": "good"}]}',
        ),
        ("quote.csv", 'image,caption\na.jpg,good\nb.jpg,"never closed\n' + "b.jpg,x\n" * 20_000),
    ],
)
def test_damage_in_a_table_costs_its_rows_only(tmp_path: Path, name: str, content: str) -> None:
    assert ("a.jpg", "good") in read(tmp_path, name, content, ("a.jpg",))


def test_a_document_nested_without_end_gives_a_reason(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="not JSON"):
        read(tmp_path, "deep.json", '{"images": ' + "[" * 100_000)


def test_captions_and_paths_can_be_stored_whatever_json_spells(tmp_path: Path) -> None:
    table = '{"image": "a\\u0000.jpg", "caption": "half \\ud800 zero \\u0000 bell \\u0007 end"}\n'
    assert read(tmp_path, "t.jsonl", table) == [(None, "half zero bell end")]


@pytest.mark.parametrize("written", ["http://[bad", "//[x", "HTTPS://example.org/a.jpg"])
def test_an_odd_address_is_no_picture(tmp_path: Path, written: str) -> None:
    assert read(tmp_path, "t.csv", f"image,caption\n{written},words\n") == [(None, "words")]


def test_a_windows_letter_in_a_table_is_kept(tmp_path: Path) -> None:
    table = "image,caption\na.jpg,Käfer\n".encode("cp1252")
    assert read(tmp_path, "t.csv", table, ("a.jpg",)) == [("a.jpg", "Käfer")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("several.csv", "image,caption_1,caption_2\na.jpg,one,two\n"),
        ("Flickr8k.token.tsv", "a.jpg#0\tone\na.jpg#1\ttwo\n"),
        ("no header.csv", 'a.jpg,one\na.jpg,"two"\n'),
        ("quoted.csv", '"caption","image"\n"one","a.jpg"\n"two","a.jpg"\n'),
        ("comma first.csv", 'caption,image\n"one",a.jpg\n"two",a.jpg\n'),
        ("list.json", '[{"image": "a.jpg", "caption": ["one", "two"]}]'),
        ("wide.csv", "\ufeffimage,caption\na.jpg,one\na.jpg,two\n".encode("utf-16-le")),
    ],
)
def test_rarer_layouts_are_understood(tmp_path: Path, name: str, content: bytes | str) -> None:
    raw = content.encode() if isinstance(content, str) else content
    assert is_caption_table(raw, Path(name).suffix)
    assert read(tmp_path, name, raw, ("a.jpg",)) == [("a.jpg", "one"), ("a.jpg", "two")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("songs.csv", "path,title\nsong.mp3,My song\n"),
        ("settings.json", '{"images": {"logo": "a.png"}}'),
        (
            "instances.json",
            '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"bbox": [1, 2]}]}',
        ),
        ("deep.jsonl", "[" * 100_000),
    ],
)
def test_what_only_resembles_a_caption_table_is_left_alone(name: str, content: str) -> None:
    assert not is_caption_table(content.encode(), Path(name).suffix)
