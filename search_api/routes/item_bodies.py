"""The JSON of one item: a picture, a moment of a film, a film, or a caption."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from indexer.types import Facts, Item, Kind, Modality, Place, TakenFrom
from search_api.lookup import Detail
from search_api.routes.document import API, example


def thumbnail_of(id: int) -> str:
    """Returns the address of an item's preview."""
    return f"{API}/items/{id}/thumbnail"


class PictureBody(BaseModel):
    """The picture or film that a caption describes."""

    id: int = Field(json_schema_extra=example(1))
    kind: Kind
    modality: Modality = Field(description="`video` for a film.")
    path: str = Field(json_schema_extra=example("beach/dog.jpg"))
    member: str | None = Field(
        description="The entry of a shard that it is.", json_schema_extra=example(None)
    )
    width: int | None = Field(json_schema_extra=example(1024))
    height: int | None = Field(json_schema_extra=example(768))
    thumbnail: str = Field(
        description="Of a film what is to be seen when the words are said.",
        json_schema_extra=example(thumbnail_of(1)),
    )

    @classmethod
    def of(cls, item: Item, caption: Item) -> Self:
        at = "" if caption.span is None else f"?at_ms={caption.span.start_ms}"
        return cls(
            id=item.id,
            kind=item.kind,
            modality=item.modality,
            path=item.path,
            member=item.member,
            width=item.width,
            height=item.height,
            thumbnail=thumbnail_of(item.id) + at,
        )


class ItemBody(BaseModel):
    """A picture, a moment of a film, a film or a caption of the library."""

    id: int = Field(json_schema_extra=example(1))
    kind: Kind = Field(description="What kind of file it stands in.")
    modality: Modality = Field(
        description="What it is: `image` a picture or a moment of a film, `text` a caption, "
        "`video` a whole film."
    )
    path: str = Field(
        description="The file, relative to the indexed folder.",
        json_schema_extra=example("beach/dog.jpg"),
    )
    member: str | None = Field(
        description="The entry of a shard, such as a tar archive, that it is.",
        json_schema_extra=example(None),
    )
    position: int = Field(
        description="The place within the file: a caption's line, from 0; a film's moment, from 1.",
        json_schema_extra=example(0),
    )
    start_ms: int | None = Field(
        description="Where in a film a moment or a subtitle begins; null for all else.",
        json_schema_extra=example(None),
    )
    end_ms: int | None = Field(
        description="Where it ends: the first millisecond after it.",
        json_schema_extra=example(None),
    )
    best_ms: int | None = Field(
        description="The frame that stands for it.", json_schema_extra=example(None)
    )
    duration_ms: int | None = Field(
        description="How long a film is; null for all else.", json_schema_extra=example(None)
    )
    width: int | None = Field(
        description="Pixels of the original, upright; null for captions.",
        json_schema_extra=example(1024),
    )
    height: int | None = Field(json_schema_extra=example(768))
    text: str | None = Field(
        description="The caption; null for all else.", json_schema_extra=example(None)
    )
    origin: str | None = Field(
        description="Where a caption's words stand: `subtitle:en`, `exif:ImageDescription`; null "
        "for those of a caption file.",
        json_schema_extra=example(None),
    )
    picture: PictureBody | None = Field(
        description="The picture or film that a caption describes, where the library has it."
    )
    film: int | None = Field(
        description="The id of the film that a moment is part of; null for all else.",
        json_schema_extra=example(None),
    )
    thumbnail: str | None = Field(
        description="Address of a small WebP; null for captions.",
        json_schema_extra=example(thumbnail_of(1)),
    )
    media: str | None = Field(
        description="Address of the original file; null for captions.",
        json_schema_extra=example(f"{API}/items/1/media"),
    )
    copies: list[str] = Field(
        description="Where exact copies of the file lie, each relative to its indexed folder.",
        json_schema_extra=example([]),
    )

    @classmethod
    def of(
        cls,
        item: Item,
        pictures: Mapping[int, Item],
        copies: Sequence[Place] = (),
        film: Item | None = None,
        duration_ms: int | None = None,
    ) -> Self:
        about = pictures.get(item.about) if item.about is not None else None
        shown = item.modality is not Modality.TEXT
        return cls(
            id=item.id,
            kind=item.kind,
            modality=item.modality,
            path=item.path,
            member=item.member,
            position=item.position,
            start_ms=item.span.start_ms if item.span else None,
            end_ms=item.span.end_ms if item.span else None,
            best_ms=item.span.best_ms if item.span else None,
            duration_ms=duration_ms,
            width=item.width,
            height=item.height,
            text=item.text,
            origin=item.origin,
            picture=PictureBody.of(about, item) if about else None,
            film=film.id if film else None,
            thumbnail=thumbnail_of(item.id) if shown else None,
            media=f"{API}/items/{item.id}/media" if shown else None,
            copies=[copy.path for copy in copies],
        )


class MomentBody(BaseModel):
    """A stretch of a film that looks alike, in milliseconds from its start."""

    id: int = Field(json_schema_extra=example(1))
    start_ms: int = Field(json_schema_extra=example(80_000))
    end_ms: int = Field(json_schema_extra=example(91_000))
    best_ms: int = Field(json_schema_extra=example(83_000))
    thumbnail: str = Field(json_schema_extra=example(thumbnail_of(1)))


class FactsBody(BaseModel):
    """What a file tells of itself; null where it does not."""

    taken_at: datetime | None = Field(
        description="When it was taken, on the clock of the place.",
        json_schema_extra=example("2019-06-01T14:30:00"),
    )
    taken_within_s: int | None = Field(
        description="How far off that may be, in seconds.", json_schema_extra=example(0)
    )
    taken_from: TakenFrom | None = Field(description="What told it.")
    utc_offset_min: int | None = Field(
        description="What that clock is ahead of UTC, in minutes.", json_schema_extra=example(120)
    )
    camera: str | None = Field(json_schema_extra=example("Canon EOS 80D"))
    latitude: float | None = Field(
        description="Degrees north, WGS 84.", json_schema_extra=example(41.4036)
    )
    longitude: float | None = Field(description="Degrees east.", json_schema_extra=example(2.1744))
    width: int | None = Field(
        description="Pixels of the upright original.", json_schema_extra=example(1920)
    )
    height: int | None = Field(json_schema_extra=example(1080))
    orientation: str | None = Field(
        description="`landscape`, `portrait` or `square`.", json_schema_extra=example("landscape")
    )
    duration_ms: int | None = Field(
        description="Length of a film or an animation.", json_schema_extra=example(125_000)
    )
    codec: str | None = Field(
        description="How its pixels are coded.", json_schema_extra=example("h264")
    )
    note: str | None = Field(
        description="What was left out in reading it, and why.", json_schema_extra=example(None)
    )

    @classmethod
    def of(cls, facts: Facts) -> Self:
        return cls(**{name: getattr(facts, name) for name in cls.model_fields})


class DetailBody(ItemBody):
    """An item with all that belongs to it."""

    captions: list[ItemBody] = Field(
        description="The captions of a picture or film; of a moment those that are about the whole "
        "film and those that are said while it lasts. None for a caption."
    )
    moments: list[MomentBody] = Field(
        description="Of a film, or a moment of one: all moments of the film, in order of time."
    )
    companions: list[str] = Field(
        description="The files that belong to a picture, each relative to its indexed folder: the "
        "film of a Live Photo, the raw file beside its JPEG.",
        json_schema_extra=example([]),
    )
    motion: str | None = Field(
        description="Address of the moving part of a Live Photo or Motion Photo; null for all "
        "else.",
        json_schema_extra=example(None),
    )
    facts: FactsBody | None = Field(
        description="What the file tells of itself, where it tells anything."
    )
    tags: list[str] = Field(
        description="The tags that users gave it, in order of name. A moment has those of its "
        "film, a caption those of what it describes.",
        json_schema_extra=example(["favourite"]),
    )

    @classmethod
    def for_detail(cls, detail: Detail, *, moves: bool) -> Self:
        item, facts = detail.item, detail.facts
        pictures = {detail.picture.id: detail.picture} if detail.picture else {}
        described = detail.film or item
        length = facts.duration_ms if facts and item.modality is Modality.VIDEO else None
        body = ItemBody.of(item, pictures, detail.copies, detail.film, length)
        return cls(
            **body.model_dump(),
            captions=[ItemBody.of(one, {described.id: described}) for one in detail.captions],
            moments=[
                MomentBody(
                    id=moment.id,
                    start_ms=moment.span.start_ms,
                    end_ms=moment.span.end_ms,
                    best_ms=moment.span.best_ms,
                    thumbnail=thumbnail_of(moment.id),
                )
                for moment in detail.moments
                if moment.span is not None
            ],
            companions=[companion.path for companion in detail.companions],
            motion=f"{API}/items/{item.id}/motion" if moves else None,
            facts=FactsBody.of(facts) if facts else None,
            tags=list(detail.tags),
        )
