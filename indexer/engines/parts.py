"""What of a file is on its way: parts that were read, films that are not whole yet."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from indexer.pooling import Pool
from indexer.types import EmbeddedItem, Facts, Pixels, Skipped, SourceFile, Vectors

_CAPTIONS_A_PART = 1024
_PICTURES_A_PART = 32


@dataclass(slots=True)
class Part:
    """Samples of one file, ready for the model: `contents[i]` belongs to `items[i]`."""

    source: SourceFile
    items: list[EmbeddedItem] = field(default_factory=list)
    contents: list[Pixels | str] = field(default_factory=list)
    last: bool = False
    facts: Facts | None = None
    pictures: int = 0

    @property
    def texts(self) -> int:
        return len(self.contents) - self.pictures

    def is_full(self) -> bool:
        return self.pictures >= _PICTURES_A_PART or self.texts >= _CAPTIONS_A_PART


@dataclass(slots=True)
class Film:
    """What is gathered of a film until it is whole; the longest moment lends its thumbnail."""

    pool: Pool = field(default_factory=Pool)
    item: EmbeddedItem = field(default_factory=EmbeddedItem)
    longest_ms: int = -1

    def add(self, items: Sequence[EmbeddedItem], vectors: Vectors) -> None:
        moments = [(row, item.span) for row, item in enumerate(items) if item.span is not None]
        self.pool.add(vectors[[row for row, _ in moments]], [span for _, span in moments])
        for row, span in moments:
            if span.end_ms - span.start_ms > self.longest_ms:
                self.longest_ms = span.end_ms - span.start_ms
                self.item = replace(items[row], position=0, span=None, member=None)


class Queue:
    """The files at hand in their order, with the last part of each, None where it is to come."""

    def __init__(self) -> None:
        self._ends: dict[SourceFile, Part | Skipped | None] = {}
        self._long: set[SourceFile] = set()

    def __len__(self) -> int:
        """How many files have not come to their end, or wait for those before them."""
        return len(self._ends)

    def put(self, source: SourceFile) -> None:
        """Takes a file whose parts are to come."""
        self._ends[source] = None

    def passed(self, parts: Iterable[Part | Skipped]) -> Iterator[Part | Skipped]:
        """Yields the parts, but holds the end of a file back until those before it have ended.

        Files that came in part already are not waited for: they may take long.
        """
        for part in parts:
            if isinstance(part, Part) and not part.last:
                self._long.add(part.source)
                yield part
            else:
                self._ends[part.source] = part
            while (end := self._next_end()) is not None:
                yield end

    def _next_end(self) -> Part | Skipped | None:
        for source, part in self._ends.items():
            if part is not None:
                del self._ends[source]
                self._long.discard(source)
                return part
            if source not in self._long:
                break
        return None
