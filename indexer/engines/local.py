"""Decoding on threads, embedding in batches, in one process.

Pillow and FFmpeg let go of the interpreter lock while they decode and resize, so threads are
enough, and a picture travels from decoder to model without a copy. Results come as they are ready,
those of one file in order. A file travels in parts, so that a film of two hours takes no more
memory than a photo.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from PIL.Image import Image

from indexer.engines.parts import Film, Part, Queue
from indexer.engines.threads import Inbox, Stream, Turns
from indexer.errors import MediaError, Unreached
from indexer.types import (
    EmbeddedFile,
    EmbeddedItem,
    Embedder,
    Facts,
    Kind,
    MediaReader,
    Modality,
    Sample,
    Skipped,
    SourceFile,
    Vectors,
)

_BATCHES_AHEAD = 3  # of files; preprocessed pictures: 3 x 32 x 224 x 224 x 3 floats are 58 MB

_T = TypeVar("_T")


class LocalEngine:
    """Runs everything in this process; memory stays flat however many files there are."""

    def __init__(
        self,
        *,
        readers: Mapping[Kind, MediaReader],
        embedder: Embedder,
        thumbnail: Callable[[Image], bytes],
        digest: Callable[[SourceFile], str | None],
        batch_size: int,
        workers: int,
    ) -> None:
        self._readers = readers
        self._embedder = embedder
        self._thumbnail = thumbnail
        self._digest = digest
        self._batch_size = batch_size
        self._workers = workers
        self._turns = Turns() if embedder.uses_cores else None

    def run(self, files: Iterable[SourceFile]) -> Iterator[EmbeddedFile | Skipped]:
        waiting: list[Part] = []
        films: dict[SourceFile, Film] = {}
        for part in self._prepared(files):
            if isinstance(part, Skipped):
                waiting = [one for one in waiting if one.source != part.source]
                films.pop(part.source, None)
                yield part
                continue
            waiting.append(part)
            pictures, texts = sum(p.pictures for p in waiting), sum(p.texts for p in waiting)
            if max(pictures, texts) >= self._batch_size:
                yield from self._embedded(waiting, films)
                waiting = []
        yield from self._embedded(waiting, films)

    def _prepared(self, files: Iterable[SourceFile]) -> Iterator[Part | Skipped]:
        """Yields parts, read on threads: those of one file in order, files in order of their ends.

        Long files are overtaken by shorter ones.
        """
        inbox: Inbox[Part | Skipped] = Inbox()
        queue = Queue()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="decode")
        try:
            for source in files:
                queue.put(source)
                inbox.run(pool, partial(self._read, source))
                while len(queue) > _BATCHES_AHEAD * self._batch_size:
                    yield from queue.passed(inbox.take())
            while len(queue):
                yield from queue.passed(inbox.take())
        finally:
            inbox.stop()
            pool.shutdown(cancel_futures=True)

    def _read(self, source: SourceFile, stream: Stream[Part | Skipped]) -> None:
        """Reads the file part by part into the stream, and ends with why it cannot be read."""
        source = replace(source, digest=source.digest or self._digest(source))
        samples = self._readers[source.kind].read(source)
        part, facts = Part(source), None
        # Films hardly ever wait for the model, so decoding one takes no turns with it.
        turns = None if source.kind is Kind.VIDEO else self._turns
        try:
            while True:
                if not stream.is_wanted():
                    return
                with turns.decoding() if turns else nullcontext():
                    sample = next(samples, None)
                    if sample is None:
                        break
                    if isinstance(sample, Facts):
                        facts = sample
                        continue
                    self._take(sample, part)
                if part.is_full():
                    if not stream.put(part):
                        return
                    part = Part(source)
        except MediaError as error:
            stream.put(self._skipped(source, error))
            return
        part.last, part.facts = True, facts
        stream.put(part)

    def _take(self, sample: Sample, part: Part) -> None:
        if isinstance(sample.content, str):
            part.contents.append(sample.content)
            part.items.append(_item(sample, text=sample.content))
        else:
            part.contents.append(self._embedder.preprocess(sample.content))
            part.items.append(_item(sample, thumbnail=self._thumbnail(sample.content)))
            part.pictures += 1

    def _skipped(self, source: SourceFile, error: MediaError) -> Skipped:
        """Returns why the file is not embedded; without a digest where it went away or changed."""
        same = not isinstance(error, Unreached) and source.digest == self._digest(source)
        return Skipped(source if same else replace(source, digest=None), str(error))

    def _embedded(
        self, parts: Sequence[Part], films: dict[SourceFile, Film]
    ) -> Iterator[EmbeddedFile]:
        contents = [content for part in parts for content in part.contents]
        texts = self._in_batches(
            [one for one in contents if isinstance(one, str)], self._embedder.embed_texts
        )
        pictures = self._in_batches(
            [one for one in contents if not isinstance(one, str)], self._embedder.embed_images
        )
        text, picture = 0, 0
        for part in parts:
            yield from self._with_vectors(
                part,
                pictures[picture : picture + part.pictures],
                texts[text : text + part.texts],
                films,
            )
            picture, text = picture + part.pictures, text + part.texts

    def _in_batches(
        self, contents: Sequence[_T], embed: Callable[[Sequence[_T]], Vectors]
    ) -> Vectors:
        vectors = [np.empty((0, self._embedder.dim), np.float32)]
        for start in range(0, len(contents), self._batch_size):
            with self._turns.embedding() if self._turns else nullcontext():
                vectors.append(embed(contents[start : start + self._batch_size]))
        return np.concatenate(vectors)

    def _with_vectors(
        self, part: Part, pictures: Vectors, texts: Vectors, films: dict[SourceFile, Film]
    ) -> Iterator[EmbeddedFile]:
        """Yields what there is of each modality, and a film as a whole after its last part."""
        pairs = list(zip(part.items, part.contents, strict=True))
        shown = [item for item, content in pairs if not isinstance(content, str)]
        said = [item for item, content in pairs if isinstance(content, str)]
        found = [
            EmbeddedFile(part.source, modality, items, vectors, last=False)
            for modality, items, vectors in (
                (Modality.IMAGE, shown, pictures),
                (Modality.TEXT, said, texts),
            )
            if items
        ]
        if any(item.span is not None for item in shown):
            films.setdefault(part.source, Film()).add(shown, pictures)
        if part.last:
            film = films.pop(part.source, None)
            whole = film.pool.vector() if film else None
            if film is not None and whole is not None:
                found.append(EmbeddedFile(part.source, Modality.VIDEO, [film.item], whole))
            elif not found:
                found.append(EmbeddedFile(part.source, Modality.TEXT, [], texts))
            found[-1] = replace(found[-1], last=True, facts=part.facts)
        yield from found


def _item(
    sample: Sample, *, text: str | None = None, thumbnail: bytes | None = None
) -> EmbeddedItem:
    return EmbeddedItem(
        position=sample.position,
        text=text,
        about=sample.about,
        about_position=sample.about_position,
        width=sample.width,
        height=sample.height,
        span=sample.span,
        origin=sample.origin,
        member=sample.member,
        thumbnail=thumbnail,
    )
