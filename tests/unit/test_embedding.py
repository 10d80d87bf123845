"""Texts and pictures that many threads ask for go through the model together, each text once."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from PIL import Image

from indexer.types import Item, Kind, Modality, Pixels, Vectors
from search_api.embedding import Embedding
from search_api.query import Query, Term, Text
from search_api.searcher import Searcher
from search_api.view import TextCache
from tests.fakes import FakeCatalog, FakeEmbedder, FakeIndex, unit
from tests.waiting import LONG, wait_for

TEXTS = {f"text {n}": (1.0, float(n), 0.0) for n in range(12)}
RED = Image.new("RGB", (8, 8), "red")


class Gate(FakeEmbedder):
    """A model that notes each pass, and waits for `open` before it answers."""

    def __init__(self) -> None:
        super().__init__(TEXTS)
        self.passes: list[list[str] | int] = []
        self.entered = threading.Semaphore(0)
        self.open = threading.Semaphore(0)
        self._busy = threading.Lock()

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        return self._pass(list(texts), lambda: super(Gate, self).embed_texts(texts))

    def embed_images(self, pixels: Sequence[Pixels]) -> Vectors:
        return self._pass(len(pixels), lambda: super(Gate, self).embed_images(pixels))

    def _pass(self, what: list[str] | int, work: Callable[[], Vectors]) -> Vectors:
        assert self._busy.acquire(blocking=False), "two passes at once"
        try:
            self.passes.append(what)
            self.entered.release()
            assert self.open.acquire(timeout=LONG)
            return work()
        finally:
            self._busy.release()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as threads:
        yield threads


class Crowd:
    """Threads that ask one `Embedding`; each call returns once the thread waits or is served."""

    def __init__(self, pool: ThreadPoolExecutor, gate: Gate) -> None:
        self.embedding = Embedding()
        self._pool = pool
        self._gate = gate

    def first(self, text: str) -> Future[Vectors]:
        asked = self._pool.submit(self.embedding.texts, self._gate, [text])
        assert self._gate.entered.acquire(timeout=LONG)
        return asked

    def next(self, text: str, embedder: FakeEmbedder | None = None) -> Future[Vectors]:
        return self._submit(partial(self.embedding.texts, embedder or self._gate, [text]))

    def picture(self, image: Image.Image) -> Future[Vectors]:
        return self._submit(partial(self.embedding.picture, self._gate, image))

    def _submit(self, ask: Callable[[], Vectors]) -> Future[Vectors]:
        before = len(self.embedding._batches._waiting)
        asked = self._pool.submit(ask)
        wait_for(lambda: len(self.embedding._batches._waiting) > before)
        return asked


def test_texts_that_wait_become_one_forward_pass(pool: ThreadPoolExecutor) -> None:
    gate = Gate()
    crowd = Crowd(pool, gate)
    asked = [crowd.first("text 0"), *(crowd.next(f"text {n}") for n in range(1, 9))]
    gate.open.release(2)
    for n, one in enumerate(asked):
        assert np.array_equal(one.result(LONG), unit(TEXTS[f"text {n}"]))
    assert gate.passes == [["text 0"], [f"text {n}" for n in range(1, 9)]]


def test_pictures_and_texts_wait_for_each_other_and_each_kind_is_one_pass(
    pool: ThreadPoolExecutor,
) -> None:
    gate = Gate()
    crowd = Crowd(pool, gate)
    asked = [crowd.first("text 0")]
    asked += [crowd.picture(RED), crowd.next("text 1"), crowd.picture(RED), crowd.next("text 2")]
    gate.open.release(3)
    red = unit((1 + 1e-3, 1e-3, 1e-3))
    expected = [unit(TEXTS["text 0"]), red, unit(TEXTS["text 1"]), red, unit(TEXTS["text 2"])]
    for one, right in zip(asked, expected, strict=True):
        assert np.allclose(one.result(LONG), right)
    assert gate.passes == [["text 0"], ["text 1", "text 2"], 2]


def test_each_model_is_asked_what_is_asked_of_it(pool: ThreadPoolExecutor) -> None:
    gate = Gate()
    other = FakeEmbedder({"text 1": (0.0, 0.0, 1.0)})
    crowd = Crowd(pool, gate)
    asked = [crowd.first("text 0"), crowd.next("text 1"), crowd.next("text 1", other)]
    gate.open.release(2)
    mine, theirs = (one.result(LONG) for one in asked[1:])
    assert np.array_equal(mine, unit(TEXTS["text 1"]))
    assert np.array_equal(theirs, unit((0.0, 0.0, 1.0)))
    assert other.asked == ["text 1"]


def test_an_error_reaches_every_caller_of_its_pass_and_no_other(pool: ThreadPoolExecutor) -> None:
    gate = Gate()
    crowd = Crowd(pool, gate)
    first = crowd.first("text 0")
    failing = [crowd.next("text 1"), crowd.next("unknown"), crowd.next("text 2")]
    gate.open.release(2)
    assert first.result(LONG).shape == (1, 3)
    for one in failing:
        with pytest.raises(KeyError, match="unknown"):
            one.result(LONG)
    gate.open.release()
    assert crowd.embedding.texts(gate, ["text 1"]).shape == (1, 3)


class Making:
    """What makes vectors for a cache: it notes the texts, and waits for `open` first."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.open = threading.Event()

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.texts.extend(texts)
        assert self.open.wait(LONG)
        return unit(*(TEXTS[text] for text in texts))


def test_a_text_that_many_ask_for_at_once_is_made_once(pool: ThreadPoolExecutor) -> None:
    cache, making = TextCache(4), Making()
    asked = [pool.submit(cache.get, ["text 3"], making) for _ in range(16)]
    wait_for(lambda: pool._work_queue.empty() and making.texts == ["text 3"])
    making.open.set()
    assert all(np.array_equal(*one.result(LONG), unit(TEXTS["text 3"])) for one in asked)
    assert making.texts == ["text 3"]


def test_a_text_that_could_not_be_made_is_tried_again(pool: ThreadPoolExecutor) -> None:
    cache, making = TextCache(4), Making()
    asked = [pool.submit(cache.get, ["unknown"], making) for _ in range(4)]
    wait_for(lambda: making.texts == ["unknown"])
    making.open.set()
    for one in asked:
        with pytest.raises(KeyError, match="unknown"):
            one.result(LONG)
    before = len(making.texts)
    with pytest.raises(KeyError, match="unknown"):
        cache.get(["unknown"], making)
    assert len(making.texts) == before + 1


def test_two_that_wait_for_each_other_s_texts_get_them(pool: ThreadPoolExecutor) -> None:
    cache, first, second = TextCache(8), Making(), Making()
    one = pool.submit(cache.get, ["text 1", "text 2", "text 1"], first)
    wait_for(lambda: first.texts == ["text 1", "text 2"])
    other = pool.submit(cache.get, ["text 3", "text 2"], second)
    wait_for(lambda: second.texts == ["text 3"])
    again = pool.submit(cache.get, ["text 3"], second)
    second.open.set()
    assert np.array_equal(*again.result(LONG), unit(TEXTS["text 3"]))
    first.open.set()
    for asked, names in ((one, [1, 2, 1]), (other, [3, 2])):
        expected = unit(*(TEXTS[f"text {n}"] for n in names))
        assert np.array_equal(np.concatenate(asked.result(LONG)), expected)
    assert second.texts == ["text 3"]


def test_the_texts_of_one_query_are_one_pass() -> None:
    gate = Gate()
    gate.open.release(2)
    indexes = {Modality.IMAGE: FakeIndex([1], unit((1, 0, 0))), Modality.TEXT: FakeIndex()}
    item = Item(1, "/pictures", "1.jpg", Kind.IMAGE, Modality.IMAGE, 0)
    searcher = Searcher(FakeCatalog([item]), indexes, gate)
    terms = [Term(Text("text 1")), Term(Text("text 2"), -1.0), Term(Text("text 3"), 2.0)]
    searcher.search(Query(tuple(terms), k=1))
    searcher.search(Query((*terms, Term(Text("text 4"))), k=1))
    assert gate.passes == [["text 1", "text 2", "text 3"], ["text 4"]]


def test_searches_at_once_share_passes_and_texts(pool: ThreadPoolExecutor) -> None:
    gate = Gate()
    items = [Item(n, "/pictures", f"{n}.jpg", Kind.IMAGE, Modality.IMAGE, 0) for n in (1, 2)]
    pictures = FakeIndex([1, 2], unit((1, 0, 0), (1, 9, 0)))
    indexes = {Modality.IMAGE: pictures, Modality.TEXT: FakeIndex()}
    searcher = Searcher(FakeCatalog(items), indexes, gate)

    def best(text: str) -> int:
        return searcher.search(Query((Term(Text(text)),), k=1)).hits[0].item.id

    first = pool.submit(best, "text 0")
    assert gate.entered.acquire(timeout=LONG)
    waiting = searcher._aiming._embedding._batches._waiting
    asked = [pool.submit(best, f"text {n}") for n in (9, 10, 11) for _ in range(4)]
    wait_for(lambda: len(waiting) == 3)
    gate.open.release(2)
    assert first.result(LONG) == 1
    assert {one.result(LONG) for one in asked} == {2}
    assert [sorted(texts) for texts in gate.passes if isinstance(texts, list)] == [
        ["text 0"],
        ["text 10", "text 11", "text 9"],
    ]
