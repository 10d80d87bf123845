"""A peer as an engine for `bulk_index`: its vectors, as if they had just been made."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from indexer.errors import MediaError
from indexer.exchange.peers import Peer, unit
from indexer.exchange.survey import GONE, Kept, Survey
from indexer.media.header import Header, read_header
from indexer.media.texts import MAX_CAPTION
from indexer.types import (
    EmbeddedFile,
    EmbeddedItem,
    Embedder,
    Kind,
    MediaReader,
    Modality,
    Sample,
    SourceFile,
    Vectors,
)

_FILES_A_PART = 256
_NO_VECTOR = "no vector, or one that is zero or not a number; atisbo index embeds it"
_OTHERWISE = "{}, which the other tool does not heed; atisbo index embeds it"
_UNREAD = "the file cannot be read as a picture; atisbo index says why"
_SAID_OTHERWISE = "the caption file beside it has other words or lines; atisbo index embeds it"


@dataclass(frozen=True, slots=True)
class _Said:
    """A caption to come in with a picture; `vector` is None where it has to be embedded."""

    text: str
    origin: str
    vector: Vectors | None = None


class PeerEngine:
    """Hands out a peer's vectors; of the files it reads what costs little: digest, words, facts.

    Words that the peer has no vectors for are embedded; pictures never are.
    """

    def __init__(
        self,
        peer: Peer,
        found: Survey,
        *,
        embedder: Embedder,
        captions: MediaReader,
        digest: Callable[[SourceFile], str | None],
        max_pixels: int,
        texts: bool,
    ) -> None:
        """Prepares for taking in what was found.

        Args:
            peer: The other tool's library.
            found: Which of it is which file; what turns out unusable is added to `left_out`.
            embedder: The library's own model.
            captions: Reads caption files.
            digest: Tells a file's content.
            max_pixels: Larger pictures are left out.
            texts: Whether the peer's vectors of captions are used.
        """
        self._peer = peer
        self._found = found
        self._embedder = embedder
        self._captions = captions
        self._digest = digest
        self._max_pixels = max_pixels
        self._texts = texts

    def run(self, files: Iterable[SourceFile]) -> Iterator[EmbeddedFile]:
        """Yields the files with their vectors; those that cannot be used are passed over."""
        rest = iter(files)
        with ThreadPoolExecutor(thread_name_prefix="header") as pool:
            while part := list(islice(rest, _FILES_A_PART)):
                known = list(pool.map(self._with_digest, part))
                pictures = [file for file in known if file.kind is Kind.IMAGE]
                sidecars = [file for file in known if file.kind is Kind.CAPTION]
                yield from self._pictures(pictures, list(pool.map(self._header, pictures)))
                yield from self._sidecars(sidecars, list(pool.map(self._samples, sidecars)))

    def _with_digest(self, file: SourceFile) -> SourceFile:
        return replace(file, digest=file.digest or self._digest(file))

    def _header(self, file: SourceFile) -> Header | str:
        if file.digest is None:
            return GONE
        try:
            header = read_header(file, max_pixels=self._max_pixels)
        except MediaError:
            return _UNREAD
        return header if header.otherwise is None else _OTHERWISE.format(header.otherwise)

    def _samples(self, file: SourceFile) -> Sequence[Sample] | str:
        try:
            return [one for one in self._captions.read(file) if isinstance(one, Sample)]
        except MediaError:
            return _SAID_OTHERWISE

    def _pictures(
        self, files: Sequence[SourceFile], headers: Sequence[Header | str]
    ) -> Iterator[EmbeddedFile]:
        rows = [self._found.pictures[file] for file in files]
        vectors = self._stored([some[0] for some in rows], Modality.IMAGE)
        usable: list[tuple[SourceFile, Header, Vectors, list[_Said]]] = []
        for file, header, some, vector in zip(files, headers, rows, vectors, strict=True):
            if isinstance(header, str):
                self._found.left_out[header] += len(some)
            elif not np.isfinite(vector).all():
                self._found.left_out[_NO_VECTOR] += len(some)
            else:
                usable.append((file, header, vector, self._said(header, some)))
        fresh = [one for *_, said in usable for one in said if one.vector is None]
        made = iter(self._embedder.embed_texts([one.text for one in fresh]))
        for file, header, vector, said in usable:
            facts = header.facts
            item = EmbeddedItem(width=facts.width, height=facts.height)
            shown = EmbeddedFile(file, Modality.IMAGE, [item], vector[None], facts=facts)
            if not said:
                yield shown
                continue
            yield replace(shown, last=False, facts=None)
            items = [
                EmbeddedItem(position, one.text, about_position=0, origin=one.origin)
                for position, one in enumerate(said, 1)
            ]
            texts = np.stack([next(made) if one.vector is None else one.vector for one in said])
            yield EmbeddedFile(file, Modality.TEXT, items, texts, facts=facts)

    def _said(self, header: Header, rows: Sequence[Kept]) -> list[_Said]:
        """Returns the words inside the picture, then those of the peer."""
        words = [_Said(text, origin) for origin, text in header.words]
        said = [row for row in rows if row.caption]
        for row, vector in zip(said, self._stored(said, Modality.TEXT), strict=True):
            usable = self._texts and np.isfinite(vector).all()
            text = (row.caption or "")[:MAX_CAPTION]
            words.append(_Said(text, self._peer.name, vector if usable else None))
        return words

    def _sidecars(
        self, files: Sequence[SourceFile], samples: Sequence[Sequence[Sample] | str]
    ) -> Iterator[EmbeddedFile]:
        rows = [self._found.sidecars[file] for file in files]
        vectors = self._stored(rows, Modality.TEXT)
        for file, some, row, vector in zip(files, samples, rows, vectors, strict=True):
            if (
                isinstance(some, str)
                or [one.content for one in some] != [(row.caption or "")[:MAX_CAPTION]]
                or file.digest is None
            ):
                self._found.left_out[_SAID_OTHERWISE] += 1
            elif not np.isfinite(vector).all():
                self._found.left_out[_NO_VECTOR] += 1
            else:
                (one,) = some
                item = EmbeddedItem(one.position, row.caption, one.about, one.about_position)
                yield EmbeddedFile(file, Modality.TEXT, [item], vector[None])

    def _stored(self, rows: Sequence[Kept], modality: Modality) -> Vectors:
        if modality not in self._peer.dims:
            return np.full((len(rows), 1), np.nan, np.float32)
        return unit(self._peer.vectors([row.place for row in rows], modality))
