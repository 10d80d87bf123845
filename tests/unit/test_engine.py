"""The local engine: what it yields for files that read well, badly, or in many parts."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from PIL import Image

from indexer.embedders.colour import ColourEmbedder
from indexer.engines import open_engine
from indexer.errors import MediaError
from indexer.types import (
    EmbeddedFile,
    Engine,
    Facts,
    Kind,
    MediaReader,
    Modality,
    Pixels,
    Sample,
    Skipped,
    SourceFile,
    Span,
)

RED, GREEN = (255, 0, 0), (0, 255, 0)


class Pictures:
    """Yields a picture of the colour that the file is named after."""

    kind = Kind.IMAGE

    def read(self, source: SourceFile) -> Iterator[Sample]:
        if "broken" in source.path:
            raise MediaError(f"{source.path} is cut off")
        colour = RED if "red" in source.path else GREEN
        yield Sample(Image.new("RGB", (20, 10), colour), width=200, height=100)


class Captions:
    """Yields as many captions as the file's size says, then fails if it is named broken."""

    kind = Kind.CAPTION

    def read(self, source: SourceFile) -> Iterator[Sample]:
        for number in range(source.size_bytes):
            yield Sample("red" if number % 2 else "green", number, f"{number}.jpg")
        if "broken" in source.path:
            raise MediaError("row 7 is not text")


class Films:
    """Yields a moment a second, red for the first half and green for the second, and what is said.

    A film named broken fails after half of them, one named bug because of the code.
    """

    kind = Kind.VIDEO

    def __init__(self) -> None:
        self.taken = 0

    def read(self, source: SourceFile) -> Iterator[Sample | Facts]:
        seconds = source.size_bytes
        for number in range(seconds):
            if number > seconds // 2 and "broken" in source.path:
                raise MediaError("cut off")
            if "bug" in source.path:
                raise ZeroDivisionError
            colour = RED if number < seconds // 2 else GREEN
            self.taken += 1
            span = Span(number * 1000, number * 1000 + 1000, number * 1000 + 500)
            yield Sample(Image.new("RGB", (20, 10), colour), number + 1, span=span, width=200)
        yield Sample("red", seconds + 1, about_position=0, origin="subtitle:en")
        yield Facts(duration_ms=0, note="what counts comes last")
        yield Facts(duration_ms=seconds * 1000)


class Batches(ColourEmbedder):
    """Remembers how many pictures and texts came at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def embed_images(self, pixels: list[Pixels]) -> np.ndarray:
        self.sizes.append(len(pixels))
        return super().embed_images(pixels)


READERS: Mapping[Kind, MediaReader] = {
    Kind.IMAGE: Pictures(),
    Kind.CAPTION: Captions(),
    Kind.VIDEO: Films(),
}


def engine(
    embedder: ColourEmbedder | None = None,
    batch_size: int = 4,
    digest: Callable[[SourceFile], str | None] = lambda source: source.path,
    readers: Mapping[Kind, MediaReader] = READERS,
) -> Engine:
    return open_engine(
        "local",
        readers=readers,
        embedder=embedder or ColourEmbedder(),
        thumbnail=lambda image: repr(image.size).encode(),
        digest=digest,
        batch_size=batch_size,
        workers=3,
    )


def picture(name: str) -> SourceFile:
    return SourceFile("/photos", name, Kind.IMAGE, 1, 1)


def table(name: str, rows: int) -> SourceFile:
    return SourceFile("/photos", name, Kind.CAPTION, rows, 1)


def film(name: str, seconds: int) -> SourceFile:
    return SourceFile("/films", name, Kind.VIDEO, seconds, 1)


def test_every_file_comes_once_with_its_own_vector() -> None:
    files = [picture(f"{'red' if n % 3 else 'green'}{n}.jpg") for n in range(50)]
    results = list(engine().run(files))
    assert [one.source for one in results] == files
    for result in results:
        assert isinstance(result, EmbeddedFile)
        colour = RED if "red" in result.source.path else GREEN
        expected = np.sign(np.array(colour) - 127) / np.sqrt(3)
        assert np.abs(result.vectors[0] - expected).max() < 0.01
        assert result.items[0].thumbnail == b"(20, 10)"
        assert (result.items[0].width, result.items[0].height) == (200, 100)


def test_a_bad_file_is_skipped_and_the_rest_goes_on() -> None:
    results = list(engine().run([picture("a.jpg"), picture("broken.jpg"), picture("b.jpg")]))
    skipped = [one for one in results if isinstance(one, Skipped)]
    assert skipped == [Skipped(picture("broken.jpg"), "broken.jpg is cut off")]
    assert {one.source.path for one in results} == {"a.jpg", "broken.jpg", "b.jpg"}


@pytest.mark.parametrize("change", ["vanishes", "is written on"])
def test_a_file_that_changes_while_it_is_read_has_no_digest(change: str) -> None:
    digests = iter(["before", None if change == "vanishes" else "after"])
    (skipped,) = engine(digest=lambda _: next(digests)).run([picture("broken.jpg")])
    assert isinstance(skipped, Skipped)
    assert skipped.source.digest is None


def test_a_digest_that_is_known_is_not_made_again() -> None:
    known = replace(picture("a.jpg"), digest="known")
    (result,) = engine(digest=lambda _: "made").run([known])
    assert result.source.digest == "known"


def test_pictures_are_embedded_in_full_batches() -> None:
    embedder = Batches()
    list(engine(embedder).run([picture(f"{n}.jpg") for n in range(10)]))
    assert embedder.sizes == [4, 4, 2]


def test_a_long_table_comes_in_parts_that_keep_order_and_end_once() -> None:
    results = list(engine(batch_size=100).run([table("t.csv", 5000)]))
    assert len(results) > 2
    assert all(isinstance(one, EmbeddedFile) for one in results)
    assert [one.last for one in results] == [False] * (len(results) - 1) + [True]
    items = [item for one in results for item in one.items]
    assert [item.position for item in items] == list(range(5000))
    assert items[7].about == "7.jpg"
    vectors = np.concatenate([one.vectors for one in results])
    assert (vectors[1::2, 0] > 0).all()
    assert (vectors[0::2, 0] < 0).all()


def test_a_table_of_exactly_full_parts_still_ends() -> None:
    results = list(engine().run([table("t.csv", 2048)]))
    assert [one.last for one in results].count(True) == 1
    assert results[-1].last
    assert sum(len(one.items) for one in results) == 2048


def test_nothing_of_a_table_that_fails_comes_after_its_failure() -> None:
    results = list(engine(batch_size=100_000).run([table("broken.csv", 3000), picture("a.jpg")]))
    of_table = [one for one in results if one.source.path == "broken.csv"]
    assert of_table[-1] == Skipped(table("broken.csv", 3000), "row 7 is not text")
    assert not any(isinstance(one, EmbeddedFile) and one.last for one in of_table)
    assert any(one.source.path == "a.jpg" for one in results)


def test_decoding_stays_only_a_few_batches_ahead() -> None:
    taken = 0

    def files() -> Iterator[SourceFile]:
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield picture(f"{number}.jpg")

    results = engine().run(files())
    next(results)
    assert taken < 40
    results.close()


def test_a_film_comes_in_parts_and_ends_with_a_vector_of_all_its_moments() -> None:
    results = list(engine().run([film("a.mp4", 100)]))
    assert all(isinstance(one, EmbeddedFile) for one in results)
    whole = results[-1]
    assert (whole.modality, whole.last, whole.facts) == (
        Modality.VIDEO,
        True,
        Facts(duration_ms=100_000),
    )
    assert not any(one.last for one in results[:-1])
    (item,) = whole.items
    assert (item.position, item.span, item.thumbnail) == (0, None, b"(20, 10)")
    shown = [one for one in results if one.modality is Modality.IMAGE]
    assert [item.position for one in shown for item in one.items] == list(range(1, 101))
    moments = np.concatenate([one.vectors for one in shown])
    expected = moments.mean(axis=0) / np.linalg.norm(moments.mean(axis=0))
    np.testing.assert_allclose(whole.vectors, expected[None, :], atol=1e-5)
    (said,) = [one for one in results if one.modality is Modality.TEXT]
    assert (said.items[0].text, said.items[0].about_position) == ("red", 0)
    assert said.items[0].origin == "subtitle:en"


def test_a_film_that_fails_is_skipped_and_lends_nothing_to_others() -> None:
    files = [film("broken.mp4", 100), film("b.mp4", 10)]
    results = list(engine().run(files))
    of_broken = [one for one in results if one.source == files[0]]
    assert of_broken[-1] == Skipped(files[0], "cut off")
    assert not any(one.modality is Modality.VIDEO for one in of_broken[:-1])
    assert [one.source for one in results if getattr(one, "last", False)] == files[1:]


def test_a_long_film_is_read_no_faster_than_it_is_embedded() -> None:
    films = Films()
    results = engine(readers={Kind.VIDEO: films}).run([film("long.mp4", 10_000)])
    next(results)
    assert films.taken < 300
    results.close()


class Slow(Films):
    """Takes a while for each moment."""

    def read(self, source: SourceFile) -> Iterator[Sample | Facts]:
        for sample in super().read(source):
            time.sleep(0.2)
            yield sample


def test_a_run_that_is_left_does_not_wait_for_the_film_at_hand() -> None:
    files = [film("slow.mp4", 1_000), picture("a.jpg")]
    readers = {**READERS, Kind.VIDEO: Slow()}
    results = engine(readers=readers, batch_size=1).run([*files[::-1], files[0]])
    next(results)
    started = time.monotonic()
    results.close()
    assert time.monotonic() - started < 3


def test_a_bug_in_a_reader_is_not_taken_for_a_bad_file() -> None:
    with pytest.raises(ZeroDivisionError):
        list(engine().run([film("bug.mp4", 3)]))


class Waiting(Films):
    """A film named first goes on only once most of the other one has been read."""

    def __init__(self) -> None:
        super().__init__()
        self.other_was_read = Event()

    def read(self, source: SourceFile) -> Iterator[Sample | Facts]:
        for number, sample in enumerate(super().read(source)):
            if number == 40 and "first" in source.path:
                assert self.other_was_read.wait(20)
            if number == 300 and "second" in source.path:
                self.other_was_read.set()
            yield sample


def test_long_films_are_read_side_by_side() -> None:
    films = Waiting()
    files = [film("first.mp4", 400), film("second.mp4", 400)]
    results = list(engine(readers={Kind.VIDEO: films}).run(files))
    ended = [one.source for one in results if getattr(one, "last", False)]
    assert sorted(one.path for one in ended) == ["first.mp4", "second.mp4"]
