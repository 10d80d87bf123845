"""Copies are found as groups, by vector and by look; what is only alike is not."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from indexer import near as near_copies
from indexer.duplicates import Found, find, find_exact
from indexer.look import Look, Sight, look_of
from indexer.types import Ids, Item, Kind, SourceFile, Vectors
from tests import fakes


def scene(seed: int, side: int = 96) -> Image.Image:
    """A picture with shapes in it, another one for each seed."""
    random = np.random.default_rng(seed)
    cells = random.integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC)


def encoded(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "WEBP", quality=80)
    return stream.getvalue()


def near(*degrees: float) -> Vectors:
    """Unit vectors in a plane; the cosine of two is that of the angle between them."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class Shelf:
    """The catalogue of pictures 1, 2, ...; `looks` are theirs, `digests` and sizes can be set."""

    def __init__(self, vectors: Vectors, pictures: Sequence[Image.Image | None]) -> None:
        self.stored = dict(enumerate(vectors, 1))
        self.items = {one: fakes.picture(one, width=100, height=100) for one in self.stored}
        self.sizes = dict.fromkeys(self.stored, 1000)
        self.digests = {one: f"{one:032x}" for one in self.stored}
        self.looks = {
            one: picture and look_of(encoded(picture)) for one, picture in enumerate(pictures, 1)
        }

    def stills(self) -> Ids:
        return np.array(sorted(self.items), np.int64)

    def fetch(self, ids: Sequence[int]) -> Mapping[int, Item]:
        return {one: self.items[one] for one in ids if one in self.items}

    def places(self, ids: Sequence[int]) -> Mapping[int, Sequence[SourceFile]]:
        return {one: [self._file(self.items[one])] for one in ids if one in self.items}

    def repeated(self) -> Mapping[int, Sequence[SourceFile]]:
        known = list(self.digests.values())
        return self.places([one for one in self.items if known.count(self.digests[one]) > 1])

    def _file(self, item: Item) -> SourceFile:
        size, digest = self.sizes[item.id], self.digests[item.id]
        return SourceFile(item.root, item.path, Kind.IMAGE, size, 0, digest)


class Rows:
    """The vectors of a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self.stored = shelf.stored
        self.ids = np.array(sorted(shelf.stored), np.int64)

    def vectors(self, ids: Ids) -> Vectors:
        return np.array([self.stored[int(one)] for one in ids], np.float32).reshape(len(ids), 2)


def search(
    shelf: Shelf,
    *,
    threshold: float = 0.8,
    under: Path | None = None,
    made: Callable[[int], Look | None] = lambda _: None,
) -> Found:
    with ThreadPoolExecutor(2) as pool:
        sight = Sight(shelf.looks.get, made, pool, pool)
        return find(shelf, Rows(shelf), sight, threshold=threshold, under=under)


def groups(found: Found) -> list[list[str]]:
    """The paths of each group, in order."""
    return [[member.file.path for member in group.members] for group in found.groups]


def test_copies_come_as_one_group_and_not_as_pairs() -> None:
    shelf = Shelf(near(0, 1, 2, 3, 90), [scene(1)] * 4 + [scene(1)])
    found = search(shelf)
    assert groups(found) == [["1.jpg", "2.jpg", "3.jpg", "4.jpg"]]
    assert found.compared == 5


def test_a_row_of_alike_pictures_does_not_chain() -> None:
    # Each is within 20 degrees of the next; the threshold is at 25.
    shelf = Shelf(near(*range(0, 140, 20)), [scene(1)] * 7)
    found = search(shelf, threshold=float(np.cos(np.radians(25))))
    assert sorted(len(group) for group in groups(found)) == [2, 2, 3]
    for group in found.groups:
        assert min(member.score for member in group.members) >= np.cos(np.radians(25))


def test_the_picture_with_most_copies_leads_and_scores_are_its_cosines() -> None:
    shelf = Shelf(near(0, 20, 40, 20.5), [scene(1)] * 4)
    found = search(shelf, threshold=float(np.cos(np.radians(22))))
    scores = {m.file.path: m.score for group in found.groups for m in group.members}
    assert scores == pytest.approx(
        {
            "1.jpg": np.cos(np.radians(20)),
            "2.jpg": 1,
            "3.jpg": np.cos(np.radians(20)),
            "4.jpg": np.cos(np.radians(0.5)),
        },
        abs=1e-4,
    )


def test_the_best_file_comes_first_whoever_leads() -> None:
    shelf = Shelf(near(0, 1, 2, 3), [scene(1)] * 4)
    shelf.items[3] = fakes.picture(3, width=400, height=300)
    shelf.sizes[2] = 5000
    (group,) = search(shelf).groups
    assert [member.file.path for member in group.members] == ["3.jpg", "2.jpg", "4.jpg", "1.jpg"]
    assert group.spare_bytes == 7000


def test_the_same_vector_with_another_look_is_no_copy() -> None:
    shelf = Shelf(near(0, 0, 0), [scene(1), scene(2), scene(1)])
    assert groups(search(shelf)) == [["1.jpg", "3.jpg"]]


def test_the_same_look_with_a_far_vector_is_no_copy() -> None:
    shelf = Shelf(near(0, 40), [scene(1)] * 2)
    assert groups(search(shelf, threshold=0.8)) == []
    assert len(groups(search(shelf, threshold=0.75))) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((24, 24)),
        lambda image: image.crop((0, 0, 90, 90)),
        lambda image: image.crop((9, 5, 96, 92)),
        lambda image: ImageEnhance.Brightness(image).enhance(0.8),
        lambda image: image.convert("L").convert("RGB"),
    ],
    ids=["small", "cropped 6 %", "cropped 9 %", "darker", "grey"],
)
def test_a_changed_copy_still_looks_the_same(change: Callable[[Image.Image], Image.Image]) -> None:
    shelf = Shelf(near(0, 0), [scene(7), change(scene(7))])
    assert len(groups(search(shelf))) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: image.crop((0, 0, 48, 48)),
        lambda image: Image.merge("RGB", image.split()[::-1]),
    ],
    ids=["mirrored", "a quarter of it", "in other colours"],
)
def test_a_picture_of_the_same_things_is_another(
    change: Callable[[Image.Image], Image.Image],
) -> None:
    shelf = Shelf(near(0, 0), [scene(7), change(scene(7))])
    assert groups(search(shelf)) == []


def test_blank_pictures_are_copies_if_they_have_the_same_colour() -> None:
    blank = [Image.new("RGB", (64, 48), colour) for colour in ("#000", "#020202", "#fff", "#00f")]
    shelf = Shelf(near(0, 0, 0, 0, 0), [*blank, scene(1)])
    assert groups(search(shelf)) == [["1.jpg", "2.jpg"]]


def test_pages_with_different_text_are_not_taken_for_each_other() -> None:
    def page(seed: int) -> Image.Image:
        image = Image.new("RGB", (180, 250), "white")
        random = np.random.default_rng(seed)
        draw = ImageDraw.Draw(image)
        for top in range(20, 230, 8):
            draw.line((20, top, 20 + random.integers(20, 140), top), "black", 3)
        return image

    shelf = Shelf(near(0, 0), [page(1), page(2)])
    assert groups(search(shelf)) == []


def test_the_same_bytes_are_one_group_with_their_near_copies() -> None:
    shelf = Shelf(near(0, 0, 5, 60, 60), [scene(1)] * 3 + [scene(2)] * 2)
    shelf.digests[2] = shelf.digests[1]
    shelf.digests[5] = shelf.digests[4]
    found = search(shelf)
    assert groups(found) == [["1.jpg", "2.jpg", "3.jpg"], ["4.jpg", "5.jpg"]]
    assert [group.exact for group in found.groups] == [False, True]
    exact = find_exact(shelf)
    assert groups(exact) == [["1.jpg", "2.jpg"], ["4.jpg", "5.jpg"]]
    assert all(group.exact for group in exact.groups)


def test_pictures_without_a_vector_are_passed_over() -> None:
    shelf = Shelf(near(0, 0, 0), [scene(1)] * 3)
    del shelf.stored[2]
    assert groups(search(shelf)) == [["1.jpg", "3.jpg"]]


def test_a_picture_without_thumbnail_is_looked_at_again_or_counted() -> None:
    shelf = Shelf(near(0, 0), [scene(1), None])
    assert groups(search(shelf, made=lambda _: look_of(encoded(scene(1))))) == [["1.jpg", "2.jpg"]]
    found = search(shelf)
    assert (groups(found), found.unseen) == ([], 1)


def test_only_pictures_below_the_folder_count() -> None:
    shelf = Shelf(near(0, 0, 0), [scene(1)] * 3)
    for one in (1, 3):
        shelf.items[one] = fakes.picture(one, f"trip/{one}.jpg", width=9, height=9)
    assert groups(search(shelf, under=Path("/library/trip"))) == [["trip/1.jpg", "trip/3.jpg"]]
    assert groups(search(shelf, under=Path("/library/tri"))) == []


def test_nothing_to_compare_is_nothing_found() -> None:
    found = search(Shelf(np.empty((0, 2), np.float32), []))
    assert (groups(found), found.compared) == ([], 0)


def test_tiles_meet_at_every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_copies, "_ROWS", 3)
    monkeypatch.setattr(near_copies, "_COLUMNS", 4)
    angles = [0, 90, 45, 0, 45, 90, 0, 0, 45, 90, 0]
    shelf = Shelf(near(*angles), [scene(angle) for angle in angles])
    found = search(shelf, threshold=0.99)
    assert sorted(len(group) for group in groups(found)) == [3, 3, 5]


def test_bytes_that_are_no_picture_have_no_look() -> None:
    assert look_of(b"RIFF no picture") is None
