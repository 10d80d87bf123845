"""Decoding on threads, embedding in batches, in one process.

Pillow lets go of the interpreter lock while it decodes and resizes, so threads are enough, and a
picture travels from decoder to model without a copy. Results come in the order of the files, but
pictures and captions are batched apart.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from threading import Condition

import numpy as np
from PIL.Image import Image

from indexer.errors import MediaError
from indexer.types import (
    EmbeddedFile,
    EmbeddedItem,
    Embedder,
    Kind,
    MediaReader,
    Modality,
    Pixels,
    Sample,
    Skipped,
    SourceFile,
)

_BATCHES_AHEAD = 3  # of preprocessed pictures: 3 x 32 x 224 x 224 x 3 floats are 58 MB
_CAPTIONS_A_PART = 1024


@dataclass(frozen=True, slots=True)
class _Part:
    """Samples of one file, ready for the model: `contents[i]` belongs to `items[i]`."""

    source: SourceFile
    modality: Modality
    items: Sequence[EmbeddedItem]
    contents: Sequence[Pixels | str]
    last: bool


class _Turns:
    """Decoding and embedding by turns, so that they never fight for the same cores.

    Many decoders at once, or one forward pass, which then has all cores and is begun as soon as the
    pictures at hand are decoded.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._decoding = 0
        self._embedding = False

    @contextmanager
    def decoding(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._embedding)
            self._decoding += 1
        try:
            yield
        finally:
            with self._changed:
                self._decoding -= 1
                self._changed.notify_all()

    @contextmanager
    def embedding(self) -> Iterator[None]:
        with self._changed:
            self._embedding = True
            self._changed.wait_for(lambda: not self._decoding)
        try:
            yield
        finally:
            with self._changed:
                self._embedding = False
                self._changed.notify_all()


class LocalEngine:
    """Runs everything in this process; memory stays flat however many files there are."""

    def __init__(
        self,
        *,
        readers: Mapping[Kind, MediaReader],
        embedder: Embedder,
        thumbnail: Callable[[Image], bytes],
        digest: Callable[[Path], str | None],
        batch_size: int,
        workers: int,
    ) -> None:
        self._readers = readers
        self._embedder = embedder
        self._thumbnail = thumbnail
        self._digest = digest
        self._batch_size = batch_size
        self._workers = workers
        self._turns = _Turns() if embedder.uses_cores else None

    def run(self, files: Iterable[SourceFile]) -> Iterator[EmbeddedFile | Skipped]:
        waiting: dict[Modality, list[_Part]] = {modality: [] for modality in Modality}
        for part in self._prepared(files):
            if isinstance(part, Skipped):
                for modality, parts in waiting.items():
                    waiting[modality] = [one for one in parts if one.source != part.source]
                yield part
                continue
            parts = waiting[part.modality]
            parts.append(part)
            if sum(len(one.contents) for one in parts) >= self._batch_size:
                yield from self._embedded(parts)
                parts.clear()
        for parts in waiting.values():
            yield from self._embedded(parts)

    def _prepared(self, files: Iterable[SourceFile]) -> Iterator[_Part | Skipped]:
        """Yields parts in the order of the files, pictures decoded ahead on threads."""
        ahead: deque[Future[_Part | Skipped] | SourceFile] = deque()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="decode")
        try:
            for source in files:
                text = self._readers[source.kind].modality is Modality.TEXT
                ahead.append(source if text else pool.submit(self._read_in_turn, source))
                if len(ahead) > _BATCHES_AHEAD * self._batch_size:
                    yield from self._taken(ahead.popleft())
            while ahead:
                yield from self._taken(ahead.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _taken(self, one: Future[_Part | Skipped] | SourceFile) -> Iterator[_Part | Skipped]:
        if isinstance(one, Future):
            yield one.result()
        else:
            yield from self._read_in_parts(one)

    def _read_in_turn(self, source: SourceFile) -> _Part | Skipped:
        with self._turns.decoding() if self._turns else nullcontext():
            return self._read_whole(source)

    def _read_whole(self, source: SourceFile) -> _Part | Skipped:
        source = self._known(source)
        reader = self._readers[source.kind]
        items, contents = [], []
        try:
            for sample in reader.read(source):
                items.append(_item(sample, self._thumbnail))
                contents.append(self._content(sample))
        except MediaError as error:
            return self._skipped(source, error)
        return _Part(source, reader.modality, items, contents, last=True)

    def _read_in_parts(self, source: SourceFile) -> Iterator[_Part | Skipped]:
        source = self._known(source)
        reader = self._readers[source.kind]
        samples = reader.read(source)
        try:
            while True:
                some = list(islice(samples, _CAPTIONS_A_PART))
                items = [_item(sample, self._thumbnail) for sample in some]
                contents = [self._content(sample) for sample in some]
                last = len(some) < _CAPTIONS_A_PART
                yield _Part(source, reader.modality, items, contents, last)
                if last:
                    return
        except MediaError as error:
            yield self._skipped(source, error)

    def _known(self, source: SourceFile) -> SourceFile:
        """Returns the file with the digest of its content, by which it is known when it moves."""
        return replace(source, digest=source.digest or self._digest(source.location))

    def _skipped(self, source: SourceFile, error: MediaError) -> Skipped:
        """Returns why the file is not embedded; without a digest where it went away or changed."""
        same = source.digest == self._digest(source.location)
        return Skipped(source if same else replace(source, digest=None), str(error))

    def _content(self, sample: Sample) -> Pixels | str:
        if isinstance(sample.content, str):
            return sample.content
        return self._embedder.preprocess(sample.content)

    def _embedded(self, parts: Sequence[_Part]) -> Iterator[EmbeddedFile]:
        contents = [content for part in parts for content in part.contents]
        vectors = [self._embedder.embed_texts([])]
        for start in range(0, len(contents), self._batch_size):
            some = contents[start : start + self._batch_size]
            texts = [content for content in some if isinstance(content, str)]
            pixels = [content for content in some if not isinstance(content, str)]
            with self._turns.embedding() if self._turns else nullcontext():
                vectors.append(
                    self._embedder.embed_texts(texts)
                    if texts
                    else self._embedder.embed_images(pixels)
                )
        joined = np.concatenate(vectors)
        start = 0
        for part in parts:
            end = start + len(part.contents)
            yield EmbeddedFile(
                part.source, part.modality, part.items, joined[start:end], last=part.last
            )
            start = end


def _item(sample: Sample, thumbnail: Callable[[Image], bytes]) -> EmbeddedItem:
    content = sample.content
    return EmbeddedItem(
        position=sample.position,
        text=content if isinstance(content, str) else None,
        about=sample.about,
        width=sample.width,
        height=sample.height,
        thumbnail=None if isinstance(content, str) else thumbnail(content),
    )
