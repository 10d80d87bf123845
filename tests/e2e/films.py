"""Films of plain colours, and a library that holds them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import av
from PIL import Image

from indexer.embedders import open_embedder
from indexer.engines import open_engine
from indexer.library import make_library, open_library, writing
from indexer.media.image import thumbnail
from indexer.pipeline import bulk_index
from indexer.sync import digest_of
from indexer.types import Facts, Kind, MediaReader, Sample, SourceFile, Span, TakenFrom

SCENE_MS = 2000
SIZE = (320, 180)
_RATE = 10

Colour = tuple[int, int, int]


def draw_film(path: Path, scenes: Sequence[Colour], *, codec: str) -> None:
    """Encodes scenes of two seconds, each of one colour."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream(codec, rate=_RATE)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for colour in scenes:
            picture = Image.new("RGB", SIZE, colour)
            for _ in range(_RATE * SCENE_MS // 1000):
                film.mux(stream.encode(av.VideoFrame.from_image(picture)))
        film.mux(stream.encode())


class ScenesReader:
    """Reads such films without decoding them: a moment for each scene, and what is said in some."""

    kind = Kind.VIDEO

    def __init__(
        self, scenes: Mapping[str, Sequence[Colour]], words: Mapping[str, Mapping[Span, str]]
    ) -> None:
        self._scenes = scenes
        self._words = words

    def read(self, source: SourceFile) -> Iterator[Sample | Facts]:
        width, height = SIZE
        scenes = self._scenes[source.path]
        position = 1
        for number, colour in enumerate(scenes):
            start = number * SCENE_MS
            span = Span(start, start + SCENE_MS, start + SCENE_MS // 2)
            picture = Image.new("RGB", SIZE, colour)
            yield Sample(picture, position=position, width=width, height=height, span=span)
            position += 1
        for span, text in self._words.get(source.path, {}).items():
            yield Sample(text, position=position, about_position=0, span=span, origin="subtitle:en")
            position += 1
        yield Facts(
            taken_at=datetime(2019, 6, 1, 14, 30),
            taken_within_s=0,
            taken_from=TakenFrom.VIDEO,
            camera="Pinhole 1",
            width=width,
            height=height,
            duration_ms=len(scenes) * SCENE_MS,
        )


def make_films_library(library: Path, folder: Path, reader: MediaReader) -> None:
    """Makes a library of the films in the folder, as they are told by the reader."""
    embedder = open_embedder("colour", device="cpu", precision="fp32")
    make_library(library, embedder)
    files = [
        SourceFile(
            folder.as_posix(), path.name, Kind.VIDEO, path.stat().st_size, path.stat().st_mtime_ns
        )
        for path in sorted(folder.iterdir())
    ]
    engine = open_engine(
        "local",
        readers={Kind.VIDEO: reader},
        embedder=embedder,
        thumbnail=thumbnail,
        digest=digest_of,
        batch_size=32,
        workers=1,
    )
    with writing(library):
        opened = open_library(library, write=True)
        report = bulk_index(
            files,
            engine=engine,
            catalog=opened.catalog,
            indexes=opened.indexes,
            thumbnails=opened.thumbnails,
        )
        opened.catalog.close()
    assert not report.skipped
