"""The words of the product: records and the protocols between floors.

Imports numpy and Pillow only. Each record is frozen; each protocol is a seam that has, or is
expected to have, more than one implementation.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from indexer.filters import Filter

Vectors = NDArray[np.float32]
"""float32 (n, dim), rows of unit length, C-contiguous."""

Ids = NDArray[np.int64]
"""int64 (n,), catalogue item ids; -1 marks a hole."""

Pixels = NDArray[np.float32]
"""float32 (channels, height, width), one preprocessed picture, as the model wants it."""


class Modality(StrEnum):
    """What a vector stands for, hence which index holds it.

    IMAGE: a picture or a moment of a film; TEXT: a caption; VIDEO: a whole film, pooled from the
    vectors of its moments.
    """

    IMAGE = "image"
    TEXT = "text"
    VIDEO = "video"


class Kind(StrEnum):
    """What a file is.

    A SHARD holds many pictures, with their captions. A COMPANION belongs to a picture of the same
    name: the film of a Live Photo, the raw file beside its JPEG; it has no items of its own.
    """

    IMAGE = "image"
    VIDEO = "video"
    CAPTION = "caption"
    SHARD = "shard"
    COMPANION = "companion"


def is_url(root: str) -> bool:
    """Whether a root is a place in a store, such as "s3://bucket/shards", not a folder."""
    return "://" in root  # an absolute path in its plain form has no "//"


def address_of(root: str, path: str) -> str:
    """Returns where a file lies, for people and for what opens it: a path, or a URL.

    A root may be the URL of one shard, which then is the file itself.
    """
    if is_url(root):
        return root if root.endswith(f"/{path}") else f"{root}/{path}"
    return str(Path(root, path))


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was found. `root` is absolute, `path` relative to it; both POSIX.

    `digest` tells its content, in hexadecimal; None where nobody read it. In a store `root` is a
    URL (see `is_url`), `digest` stands for the tag that the store gives, and `location` names no
    file: only `address` does.
    """

    root: str
    path: str
    kind: Kind
    size_bytes: int
    mtime_ns: int
    digest: str | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        return (self.root, self.path)

    @property
    def location(self) -> Path:
        return Path(self.root, self.path)

    @property
    def address(self) -> str:
        return address_of(self.root, self.path)

    @property
    def is_remote(self) -> bool:
        return is_url(self.root)


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of a root: what lies in a folder or, if `deep`, anywhere below it."""

    folder: Path
    deep: bool = True

    def holds(self, path: Path) -> bool:
        """Whether the absolute path belongs to it."""
        return path.parent == self.folder or (self.deep and path.is_relative_to(self.folder))


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a film, in milliseconds from its start: `end_ms` is not part of it.

    `best_ms` is the frame that stands for it.
    """

    start_ms: int
    end_ms: int
    best_ms: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One decoded thing that becomes one vector.

    `content` is an RGB picture, upright, or a caption. `position` orders the samples of one file
    and no two share one: page, caption line, table row. In a film 0 is kept for the film as a
    whole, which the engine makes from its moments, the pictures with a `span`.

    `about` is the file that a caption describes, as a path relative to the caption file's root;
    `about_position` is the sample in that file, or in this one where `about` is None. `origin` says
    where a caption's words stand, such as "exif:ImageDescription" or "subtitle:en"; None for a
    caption file. `member` names the entry of a shard. `width` and `height` are those of the upright
    original in pixels; `content` may have been decoded smaller.
    """

    content: Image | str
    position: int = 0
    about: str | None = None
    about_position: int | None = None
    width: int | None = None
    height: int | None = None
    span: Span | None = None
    origin: str | None = None
    member: str | None = None


class TakenFrom(StrEnum):
    """What tells when a picture was taken, most trustworthy first."""

    EXIF = "exif"
    XMP = "xmp"
    IPTC = "iptc"
    VIDEO = "video"
    NAME = "name"
    MTIME = "mtime"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file tells of itself besides its content; None where it does not.

    Attributes:
        taken_at: Naive time on the clock where it was taken.
        taken_within_s: How far off `taken_at` may be, in seconds: a name that tells the day alone
            gives noon of it, within 43,200.
        taken_from: What told it.
        utc_offset_min: What that clock is ahead of UTC, in minutes.
        camera: Maker and model, each once: "Canon EOS 80D".
        latitude: Degrees north, WGS 84.
        longitude: Degrees east.
        width: Pixels of the upright original.
        height: The same.
        duration_ms: Length of a film or an animation.
        codec: How its pixels are coded: "jpeg", "hevc", "h264".
        note: What was left out in reading it and why, for people: "read up to 0:31: ...".
    """

    taken_at: datetime | None = None
    taken_within_s: int | None = None
    taken_from: TakenFrom | None = None
    utc_offset_min: int | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    codec: str | None = None
    note: str | None = None

    @property
    def orientation(self) -> str | None:
        """Returns "landscape", "portrait" or "square"."""
        if self.width is None or self.height is None:
            return None
        if self.width == self.height:
            return "square"
        return "landscape" if self.width > self.height else "portrait"


@dataclass(frozen=True, slots=True)
class EmbeddedItem:
    """What is kept of a sample once its vector is made."""

    position: int = 0
    text: str | None = None
    about: str | None = None
    about_position: int | None = None
    width: int | None = None
    height: int | None = None
    span: Span | None = None
    origin: str | None = None
    member: str | None = None
    thumbnail: bytes | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A file, or the next part of it, after embedding; `vectors[i]` belongs to `items[i]`.

    A long caption table or film comes in several parts so that memory stays flat, and so does a
    file that holds pictures and texts; `last` marks the part after which the file is whole, which
    bears its `facts`.
    """

    source: SourceFile
    modality: Modality
    items: Sequence[EmbeddedItem]
    vectors: Vectors
    last: bool = True
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that could not be read, and why: stored, counted and shown."""

    source: SourceFile
    reason: str


@dataclass(frozen=True, slots=True)
class Item:
    """A searchable catalogue row.

    `about` is the id of the picture or film that a caption describes, where the library has it.
    """

    id: int
    root: str
    path: str
    kind: Kind
    modality: Modality
    position: int = 0
    text: str | None = None
    about: int | None = None
    width: int | None = None
    height: int | None = None
    span: Span | None = None
    origin: str | None = None
    member: str | None = None

    @property
    def location(self) -> Path:
        return Path(self.root, self.path)

    @property
    def address(self) -> str:
        return address_of(self.root, self.path)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies: `root` absolute, `path` relative to it; both POSIX."""

    root: str
    path: str

    @property
    def location(self) -> Path:
        return Path(self.root, self.path)

    @property
    def address(self) -> str:
        return address_of(self.root, self.path)


@dataclass(frozen=True, slots=True)
class Matches:
    """Best first. `ids` int64 (queries, k), `scores` float32 (queries, k); holes: id -1, -inf."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]


class Part(StrEnum):
    """What of an item a query matches: how it looks, words about it, its name."""

    PICTURE = "picture"
    MOMENT = "moment"
    FILM = "film"
    CAPTION = "caption"
    SUBTITLE = "subtitle"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Worded:
    """An item found by its words.

    Attributes:
        id: The item.
        part: Where the words stand: CAPTION, SUBTITLE or NAME (of the file and its folders).
        score: How well they fit, higher is better; to be compared within one list only.
        text: The caption, the subtitle or the path.
        said_by: The caption or subtitle as an item; None for a name.
    """

    id: int
    part: Part
    score: float
    text: str
    said_by: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item was found: which part matched, how well, and the words where these did.

    Attributes:
        part: What matched.
        score: A cosine for what was compared by meaning, else the score of `Worded`.
        text: The words that matched, or the caption whose meaning did.
        item: The caption or moment that matched, where that is not the item itself.
        literal: Whether words were found as they are, not meanings compared.
    """

    part: Part
    score: float
    text: str | None = None
    item: int | None = None
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A found item.

    Attributes:
        item: What was found.
        score: Its cosine to the query, higher is better.
        reasons: Why it was found, best first.
        probability: That it is what was asked for, from 0 to 1; None where that is not known.
    """

    item: Item
    score: float
    reasons: Sequence[Reason] = ()
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each the catalogue holds.

    `copies` are those files that share another's items, `moments` those pictures that are stretches
    of films, `partial` those files that were read in part.
    """

    items: Mapping[Modality, int]
    files: Mapping[Kind, int]
    skipped: int
    copies: int = 0
    moments: int = 0
    partial: int = 0


class MediaReader(Protocol):
    """A kind of file. Adding a kind: one class, one entry in `indexer.media.readers`."""

    kind: Kind

    def read(self, source: SourceFile) -> Iterator[Sample | Facts]:
        """Yields the file's samples in order, and what it tells of itself: the last facts count.

        Raises:
            MediaError: the file cannot be read; the message is the reason shown to people.
        """
        ...


class Embedder(Protocol):
    """A dual encoder. Adding one: one file and one case in `indexer.embedders.open_embedder`.

    `name` is what the user typed, `fingerprint` changes whenever vectors would (weights,
    preprocessing), `dim` is the length of a vector, `image_side` the model's input side in pixels,
    `uses_cores` is true where a forward pass keeps all cores of the processor busy.
    """

    name: str
    fingerprint: str
    dim: int
    image_side: int
    uses_cores: bool

    def preprocess(self, image: Image) -> Pixels:
        """Returns the picture as the model wants it; safe to call from many threads."""
        ...

    def embed_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """Returns float32 (n, dim), rows of unit length."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns float32 (n, dim), rows of unit length."""
        ...


class VectorIndex(Protocol):
    """The vectors of one modality. Adding a back end: one file and one case in `open_index`."""

    @property
    def ids(self) -> Ids:
        """The ids of all vectors that a search can find, ascending."""
        ...

    def __len__(self) -> int:
        """Number of vectors that a search can find."""
        ...

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Makes the vectors findable here at once, elsewhere after `save`.

        Raises:
            ValueError: an id was used before, a shape is wrong, a row is not of unit length.
        """
        ...

    def remove(self, ids: Ids) -> None:
        """Forgets these ids; unknown ones are ignored."""
        ...

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> Matches:
        """Returns the k best of all vectors, or of those whose ids are in `among`."""
        ...

    def vectors(self, ids: Ids) -> Vectors:
        """Returns the stored rows, float32 (n, dim).

        Raises:
            KeyError: an id is not in the index.
        """
        ...

    @property
    def generation(self) -> int:
        """Number of the save that this view shows; 0 before the first."""
        ...

    def save(self) -> None:
        """Makes all changes durable as a new generation, in one atomic step."""
        ...

    def refresh(self) -> bool:
        """Follows what another process saved; True if there was something new."""
        ...


class Catalog(Protocol):
    """What the library holds, for readers. Shows complete, saved items only."""

    def fetch(self, ids: Sequence[int]) -> Mapping[int, Item]:
        """Returns the items that may be shown; hidden and unknown ids are absent."""
        ...

    def captions(self, ids: Sequence[int]) -> Mapping[int, Sequence[Item]]:
        """Returns, for each picture or film, its captions in order (absent if none)."""
        ...

    def films(self, ids: Sequence[int]) -> Mapping[int, Item]:
        """Returns, for each id of a moment, the film that it is part of."""
        ...

    def companions(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        """Returns, for each picture id, the companions of its file (absent if none)."""
        ...

    def moments(self, id: int) -> Sequence[Item]:
        """Returns the moments of the film that the item is, or is part of, in order of time."""
        ...

    def facts(self, ids: Sequence[int]) -> Mapping[int, Facts]:
        """Returns what the items' files tell of themselves (absent if nothing)."""
        ...

    def copies(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        """Returns, for each picture id, where exact copies of its file lie (absent if none)."""
        ...

    def counts(self) -> Counts:
        """Returns the numbers that `status` shows."""
        ...

    def pairs(self) -> tuple[Ids, Ids]:
        """Returns the ids of all captions whose picture is here, and of those pictures.

        Both int64 (n,), by caption id: what a space is taught with and judged by. What is said in a
        film is no description of it, so films are left out.
        """
        ...

    def skipped(self, limit: int) -> Sequence[Skipped]:
        """Returns the first `limit` files that could not be read, by path."""
        ...

    def partial(self, limit: int) -> Sequence[Skipped]:
        """Returns the first `limit` files that were read in part, and what was left out."""
        ...

    def matching(self, filters: Sequence[Filter], modality: Modality) -> Ids:
        """Returns the ids of all items of that modality that pass all filters, ascending."""
        ...

    def dated(
        self, filters: Sequence[Filter], modality: Modality, limit: int, *, oldest: bool = False
    ) -> Sequence[int]:
        """Returns the ids of the first `limit` items that pass all filters, newest first.

        By when they were taken, what has no date at the end, then by id, the highest first; with
        `oldest` the other way round, what has no date still at the end.
        """
        ...

    def worded(self, words: str, modality: Modality, limit: int) -> Sequence[Worded]:
        """Returns the first `limit` items of that modality by how well words about them fit.

        These are captions and subtitles, and the names of files and folders. An item comes once,
        for the best of its words. Subtitles belong to the moments that last while they are said,
        and to the film. Captions themselves are found by what they say.
        """
        ...

    def tags(self) -> Mapping[str, int]:
        """Returns all tags by name, and how many items have each."""
        ...

    def tags_of(self, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        """Returns the tags of each item in order of name (absent if none).

        A moment has those of its film, a caption those of what it describes.
        """
        ...

    def changes(self) -> int:
        """Returns a number that grows whenever anything in the catalogue changes.

        What was read stays true as long as the number is the same.
        """
        ...


@runtime_checkable
class Tagger(Protocol):
    """Sets the tags that users give."""

    def tag(
        self, ids: Sequence[int], *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> int:
        """In one transaction gives items tags and takes others away; returns how many items it did.

        What is tagged is the picture or the film: of a moment its film, of a caption what it
        describes. Names are as `indexer.filters.tag_name` writes them. Unknown ids are passed over.
        """
        ...


Links = Sequence[tuple[int, str | None]]
"""Positions of captions in their file, and the files they describe, as `Sample.about`."""


class CatalogWriter(Protocol):
    """The catalogue for the one indexer that may write."""

    def counts(self) -> Counts:
        """Returns the numbers that `status` shows."""
        ...

    def hidden(self) -> Ids:
        """Returns the ids of the hidden rows that a crash left, ascending."""
        ...

    def heal(self) -> Ids:
        """Deletes the hidden rows that a crash left; returns their ids for the vector index."""
        ...

    def roots(self) -> Sequence[str]:
        """Returns the folders that files were indexed from, absolute POSIX paths."""
        ...

    def drop_roots(self, roots: Sequence[str]) -> None:
        """Forgets these folders, as far as no file of them is left."""
        ...

    def stored(self, root: str) -> Sequence[SourceFile]:
        """Returns the files of a root that were indexed or skipped, as they were then."""
        ...

    def originals(self, sizes: Collection[int]) -> Sequence[SourceFile]:
        """Returns the indexed pictures and films of one of these sizes, in bytes, but no copies."""
        ...

    def copy(self, copies: Sequence[tuple[SourceFile, SourceFile]]) -> Ids:
        """In one transaction makes files, the first of each pair, exact copies of the second ones.

        A copy has no items: those of its original stand for it, until that one goes or changes and
        a copy inherits them. A copy of a file that was skipped shares its reason. Returns the ids
        of deleted rows.
        """
        ...

    def attach(self, companions: Sequence[tuple[SourceFile, SourceFile]]) -> Ids:
        """In one transaction makes files, the first of each pair, companions of the second ones.

        A companion has no items. Returns the ids of deleted rows.
        """
        ...

    def ids(self, modality: Modality) -> Ids:
        """Returns the ids of all items of that modality that may be shown, ascending."""
        ...

    def sources(self, ids: Ids) -> Sequence[tuple[int, int, SourceFile]]:
        """Returns the items of these ids that may be shown: id, position, and their file."""
        ...

    def files_of(self, ids: Ids) -> Sequence[SourceFile]:
        """Returns the files that these items are part of, and their copies, by root and path."""
        ...

    def move(
        self,
        moves: Sequence[tuple[SourceFile, SourceFile]],
        links: Mapping[SourceFile, Links] = MappingProxyType({}),
    ) -> None:
        """In one transaction gives files another path, size and time; their items stay as they are.

        Captions follow the picture that they describe, unless it goes to another root alone;
        `links` tells of files, as they are now, which pictures their captions describe.
        """
        ...

    def relink(self, links: Mapping[SourceFile, Links]) -> None:
        """In one transaction sets which pictures the captions of these files describe."""
        ...

    def dangling(self) -> Sequence[SourceFile]:
        """Returns the files with captions of pictures that are not in the catalogue."""
        ...

    def forget(self, files: Sequence[SourceFile]) -> Ids:
        """In one transaction deletes the files and their rows; returns the ids of those.

        The items of a file that has copies go to one of them.
        """
        ...

    def keep_out(self, files: Sequence[SourceFile]) -> Ids:
        """As `forget`, but remembers the files, so that they never count as changed."""
        ...

    def kept_out(self) -> Sequence[SourceFile]:
        """Returns the files that `keep_out` was told of."""
        ...

    def changed(self, files: Sequence[SourceFile], *, again: bool = False) -> Sequence[SourceFile]:
        """Returns the files whose size, time or kind differs from what was stored, in order.

        Files that could not be read at all, not even for a digest, count as changed, and with
        `again` all but those that are kept out.
        """
        ...

    def add(self, files: Sequence[EmbeddedFile]) -> Ids:
        """Stores hidden rows, one for each vector and in that order; returns their new ids."""
        ...

    def publish(
        self,
        done: Sequence[SourceFile | Skipped],
        facts: Mapping[SourceFile, Facts] = MappingProxyType({}),
    ) -> Ids:
        """In one transaction shows the hidden rows of these files and deletes their older rows.

        A `Skipped` file loses its older rows and keeps its reason; without a digest it could not be
        read just now, and what is stored of it stays. `facts` are kept with the files that tell
        some. Returns the ids of the deleted rows, to be removed from the vector index.
        """
        ...


class Engine(Protocol):
    """Where decoding and embedding run."""

    def run(self, files: Iterable[SourceFile]) -> Iterator[EmbeddedFile | Skipped]:
        """Yields each file once it is embedded, or why it is not; parts of one file in order."""
        ...


Progress = Callable[[EmbeddedFile | Skipped], None]
"""Called by the pipeline after each result, for progress bars."""
