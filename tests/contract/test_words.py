"""What full text finds, on every database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from indexer.catalog import open_catalog, schema, words
from indexer.catalog.sql import SqlCatalog
from indexer.types import Modality, Part
from tests.contract.test_filters import IMAGE, TEXT, VIDEO, caption, file, film, picture, shard


@pytest.fixture
def catalog(database: str) -> Iterator[SqlCatalog]:
    opened = open_catalog(database)
    yield opened
    opened.close()


def found(catalog: SqlCatalog, query: str, modality: Modality = IMAGE, limit: int = 9) -> list[int]:
    return [one.id for one in catalog.worded(query, modality, limit)]


def test_captions_find_their_pictures_and_themselves(catalog: SqlCatalog) -> None:
    one, _ = picture(catalog, "a.jpg"), picture(catalog, "b.jpg")
    said = caption(catalog, "a.txt", "Two dogs at the beach", "a.jpg")
    (hit,) = catalog.worded("dog", IMAGE, 9)
    assert (hit.id, hit.part, hit.text, hit.said_by) == (
        one,
        Part.CAPTION,
        "Two dogs at the beach",
        said,
    )
    assert found(catalog, "dog", TEXT) == [said]


def test_case_stems_and_accents_do_not_matter(catalog: SqlCatalog) -> None:
    one = picture(catalog, "a.jpg")
    caption(catalog, "a.txt", "Children RUNNING", "a.jpg")
    assert found(catalog, "run") == found(catalog, "Runs") == [one]


def test_more_and_rarer_words_come_first(catalog: SqlCatalog) -> None:
    for number in range(12):
        picture(catalog, f"{number}.jpg")
        caption(catalog, f"{number}.txt", "a cat" if number > 3 else "a dog", f"{number}.jpg")
    both, rare = picture(catalog, "x.jpg"), picture(catalog, "y.jpg")
    caption(catalog, "x.txt", "a dog with a frisbee", "x.jpg")
    caption(catalog, "y.txt", "the frisbee lies there", "y.jpg")
    assert found(catalog, "a dog and the frisbee")[0] == both
    assert rare in found(catalog, "a dog and the frisbee")


def test_small_words_bring_in_nothing_beside_others(catalog: SqlCatalog) -> None:
    picture(catalog, "a.jpg")
    caption(catalog, "a.txt", "the cat is on the mat", "a.jpg")
    assert found(catalog, "a dog on the beach") == []


def test_names_of_files_and_folders_are_words(catalog: SqlCatalog) -> None:
    one = picture(catalog, "Germany 2019/IMG_0704_beach-party.jpg")
    other = picture(catalog, "Spain/x.jpg")
    assert found(catalog, "germany") == found(catalog, "party at the beach") == [one]
    (hit,) = catalog.worded("spain", IMAGE, 9)
    assert (hit.id, hit.part, hit.text, hit.said_by) == (other, Part.NAME, "Spain/x.jpg", None)


def test_entries_of_shards_are_found_by_their_names(catalog: SqlCatalog) -> None:
    first, last, said = shard(catalog, "s.tar", "otter.jpg", "fox.jpg", said="a red fox")
    assert found(catalog, "otter") == [first]
    assert found(catalog, "fox") == [last]
    assert found(catalog, "fox", TEXT) == [said]


def test_what_is_said_finds_the_moment_and_the_film(catalog: SqlCatalog) -> None:
    whole, first, second, _, _ = film(
        catalog, "f.mp4", ("hello there", 1_000, 3_000), ("goodbye", 12_000, 14_000)
    )
    assert found(catalog, "hello") == [first]
    assert found(catalog, "goodbye") == [second]
    assert found(catalog, "goodbye", VIDEO) == [whole]
    (hit,) = catalog.worded("goodbye", IMAGE, 9)
    assert (hit.part, hit.text) == (Part.SUBTITLE, "goodbye")


def test_name_of_a_film_brings_one_moment_of_it(catalog: SqlCatalog) -> None:
    whole, first, second = film(catalog, "birthday.mp4")
    assert found(catalog, "birthday") in ([first], [second])
    assert found(catalog, "birthday", VIDEO) == [whole]


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "dog*",
        "dog AND",
        "NEAR(dog cat)",
        "text:dog",
        "dog'; --",
        "^dog",
        "-dog",
        "(",
        "dog & |",
    ],
)
def test_whatever_is_typed_is_words(catalog: SqlCatalog, query: str) -> None:
    one = picture(catalog, "a.jpg")
    caption(catalog, "a.txt", "a dog", "a.jpg")
    assert found(catalog, query) in ([], [one])


def test_scripts_without_blanks_are_found_within_a_line(catalog: SqlCatalog) -> None:
    one = picture(catalog, "a.jpg")
    caption(catalog, "a.txt", "海辺を走る犬", "a.jpg")
    assert found(catalog, "犬") == found(catalog, "海辺") == [one]
    assert found(catalog, "猫") == []


def test_renamed_files_are_found_by_their_new_name(catalog: SqlCatalog) -> None:
    one = picture(catalog, "otter.jpg")
    catalog.move([(file("otter.jpg"), file("badger.jpg"))])
    assert found(catalog, "otter") == []
    assert found(catalog, "badger") == [one]


def test_forgotten_and_hidden_items_are_not_found(catalog: SqlCatalog) -> None:
    picture(catalog, "otter.jpg")
    caption(catalog, "a.txt", "an otter", "otter.jpg")
    catalog.forget([file("otter.jpg")])
    assert found(catalog, "otter") == []
    catalog.forget([file("a.txt")])
    assert found(catalog, "otter", TEXT) == []


def test_item_comes_once_and_no_more_than_asked_for(catalog: SqlCatalog) -> None:
    for number in range(5):
        picture(catalog, f"otter {number}.jpg")
        caption(catalog, f"{number}.txt", "an otter", f"otter {number}.jpg")
    assert len(found(catalog, "otter")) == len(set(found(catalog, "otter"))) == 5
    assert len(found(catalog, "otter", limit=3)) == 3


def test_frequent_words_are_left_out_beside_rare_ones(
    catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "FREQUENT", 2)
    for number in range(4):
        picture(catalog, f"{number}.jpg")
        caption(catalog, f"{number}.txt", "a dog", f"{number}.jpg")
    rare = picture(catalog, "x.jpg")
    caption(catalog, "x.txt", "an otter", "x.jpg")
    assert found(catalog, "dog otter") == [rare]
    assert len(found(catalog, "dog")) == 4


def test_rarest_words_are_ranked_by_where_all_would_be_too_many(
    catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "FREQUENT", 5)
    said = {"a dog": 4, "a cat": 3, "an otter": 1}
    ids: dict[str, list[int]] = {}
    for text_, count in said.items():
        for number in range(count):
            path = f"{text_[-3:]}{number}"
            ids.setdefault(text_, []).append(picture(catalog, f"{path}.jpg"))
            caption(catalog, f"{path}.txt", text_, f"{path}.jpg")
    assert sorted(found(catalog, "dog cat otter")) == sorted(ids["a cat"] + ids["an otter"])
    assert sorted(found(catalog, "dog otter")) == sorted(ids["a dog"] + ids["an otter"])


def test_catalogue_of_before_is_searchable_by_words(database: str) -> None:
    engine = create_engine(database)
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        for row in (
            "INSERT INTO roots (id, path) VALUES (7, '/photos')",
            "INSERT INTO files (id, root_id, path, kind, size_bytes, mtime_ns, state) "
            "VALUES (1, 7, 'otter.jpg', 'image', 10, 20, 'indexed')",
            "INSERT INTO items (id, file_id, modality, position, searchable) "
            "VALUES (5, 1, 'image', 0, true)",
        ):
            connection.execute(text(row))
    engine.dispose()
    catalog = open_catalog(database)
    assert found(catalog, "otter") == [5]
    catalog.close()


def test_backup_is_searchable_by_words(catalog: SqlCatalog, tmp_path: Path) -> None:
    one = picture(catalog, "otter.jpg")
    catalog.backup(tmp_path / "copy.db")
    copy = open_catalog(tmp_path / "copy.db")
    assert found(copy, "otter") == [one]
    copy.close()
