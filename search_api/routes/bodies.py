"""What comes out of the service: the JSON of each answer."""

from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import BaseModel, Field

from indexer.types import Counts, Item, Kind, Modality, Place, Skipped
from search_api.routes.document import API, example
from search_api.searcher import Answer, Detail


class PictureBody(BaseModel):
    """The picture that a caption describes."""

    id: int = Field(json_schema_extra=example(1))
    path: str = Field(json_schema_extra=example("beach/dog.jpg"))
    width: int | None = Field(json_schema_extra=example(1024))
    height: int | None = Field(json_schema_extra=example(768))
    thumbnail: str = Field(json_schema_extra=example(f"{API}/items/1/thumbnail"))

    @classmethod
    def of(cls, item: Item) -> Self:
        return cls(
            id=item.id,
            path=item.path,
            width=item.width,
            height=item.height,
            thumbnail=f"{API}/items/{item.id}/thumbnail",
        )


class ItemBody(BaseModel):
    """A picture or a caption of the library."""

    id: int = Field(json_schema_extra=example(1))
    kind: Kind
    path: str = Field(
        description="The file, relative to the indexed folder.",
        json_schema_extra=example("beach/dog.jpg"),
    )
    position: int = Field(
        description="The place within the file: a caption's line, from 0.",
        json_schema_extra=example(0),
    )
    width: int | None = Field(
        description="Pixels of the original, upright; null for captions.",
        json_schema_extra=example(1024),
    )
    height: int | None = Field(json_schema_extra=example(768))
    text: str | None = Field(
        description="The caption; null for pictures.", json_schema_extra=example(None)
    )
    picture: PictureBody | None = Field(
        description="The picture that a caption describes, where the library has it."
    )
    thumbnail: str | None = Field(
        description="Address of a small WebP; null for captions.",
        json_schema_extra=example(f"{API}/items/1/thumbnail"),
    )
    media: str | None = Field(
        description="Address of the original file; null for captions.",
        json_schema_extra=example(f"{API}/items/1/media"),
    )
    copies: list[str] = Field(
        description="Where exact copies of a picture lie, each relative to its indexed folder.",
        json_schema_extra=example([]),
    )

    @classmethod
    def of(cls, item: Item, pictures: Mapping[int, Item], copies: Sequence[Place] = ()) -> Self:
        about = pictures.get(item.about) if item.about is not None else None
        shown = item.kind is not Kind.CAPTION
        return cls(
            id=item.id,
            kind=item.kind,
            path=item.path,
            position=item.position,
            width=item.width,
            height=item.height,
            text=item.text,
            picture=PictureBody.of(about) if about else None,
            thumbnail=f"{API}/items/{item.id}/thumbnail" if shown else None,
            media=f"{API}/items/{item.id}/media" if shown else None,
            copies=[copy.path for copy in copies],
        )


class DetailBody(ItemBody):
    """An item with all that belongs to it."""

    captions: list[ItemBody] = Field(description="The picture's captions; none for a caption.")

    @classmethod
    def for_detail(cls, detail: Detail) -> Self:
        pictures = {detail.picture.id: detail.picture} if detail.picture else {}
        own = {detail.item.id: detail.item}
        return cls(
            **ItemBody.of(detail.item, pictures, detail.copies).model_dump(),
            captions=[ItemBody.of(caption, own) for caption in detail.captions],
        )


class HitBody(BaseModel):
    """A found item."""

    score: float = Field(
        description="Cosine to the query, from -1 to 1; higher is better.",
        json_schema_extra=example(0.3127),
    )
    item: ItemBody


class TimingsBody(BaseModel):
    """Milliseconds that each stage took."""

    embed: float = Field(json_schema_extra=example(3.1))
    search: float = Field(json_schema_extra=example(0.8))
    fetch: float = Field(json_schema_extra=example(0.6))


class SearchBody(BaseModel):
    """The answer to a search."""

    target: Modality
    hits: list[HitBody] = Field(description="Best first; equal scores by id.")
    searched: int = Field(
        description="How many vectors were compared.", json_schema_extra=example(7091)
    )
    model: str = Field(
        description="The model that made the vectors.",
        json_schema_extra=example("open_clip:ViT-B-32/laion2b_s34b_b79k"),
    )
    took_ms: TimingsBody

    @classmethod
    def of(cls, answer: Answer, *, target: Modality, model: str) -> Self:
        took = answer.took_ms
        return cls(
            target=target,
            hits=[
                HitBody(
                    score=round(hit.score, 6),
                    item=ItemBody.of(hit.item, answer.pictures, answer.copies.get(hit.item.id, ())),
                )
                for hit in answer.hits
            ],
            searched=answer.searched,
            model=model,
            took_ms=TimingsBody(
                embed=round(took.embed, 3),
                search=round(took.search, 3),
                fetch=round(took.fetch, 3),
            ),
        )


class ModelBody(BaseModel):
    """The model that the library was made with."""

    name: str = Field(json_schema_extra=example("open_clip:ViT-B-32/laion2b_s34b_b79k"))
    fingerprint: str = Field(description="Changes whenever the model's vectors would.")
    dim: int = Field(description="Length of a vector.", json_schema_extra=example(512))


class ModalityCounts(BaseModel):
    """One number for each index."""

    image: int
    text: int

    @classmethod
    def of(cls, numbers: Mapping[Modality, int]) -> Self:
        return cls(image=numbers.get(Modality.IMAGE, 0), text=numbers.get(Modality.TEXT, 0))


class FileCounts(BaseModel):
    """One number for each kind of file."""

    image: int
    caption: int


class StatusBody(BaseModel):
    """What the library holds."""

    version: str = Field(json_schema_extra=example("0.1.0"))
    model: ModelBody
    items: ModalityCounts = Field(description="Searchable pictures and captions.")
    files: FileCounts
    skipped: int = Field(description="Files that could not be read.")
    generation: ModalityCounts = Field(description="Saved state of each index; grows with saves.")
    hint: str | None = Field(description="How to get a stronger model, where the model is weak.")

    @classmethod
    def of(
        cls,
        counts: Counts,
        *,
        version: str,
        model: ModelBody,
        generations: Mapping[Modality, int],
        hint: str | None,
    ) -> Self:
        return cls(
            version=version,
            model=model,
            items=ModalityCounts.of(counts.items),
            files=FileCounts(
                image=counts.files.get(Kind.IMAGE, 0), caption=counts.files.get(Kind.CAPTION, 0)
            ),
            skipped=counts.skipped,
            generation=ModalityCounts.of(generations),
            hint=hint,
        )


class SkippedFile(BaseModel):
    """A file that could not be read."""

    path: str = Field(
        description="Relative to the indexed folder.", json_schema_extra=example("beach/cut.jpg")
    )
    reason: str = Field(json_schema_extra=example("the file ends too early"))

    @classmethod
    def of(cls, skipped: Skipped) -> Self:
        return cls(path=skipped.source.path, reason=skipped.reason)


class SkippedBody(BaseModel):
    """The files that could not be read."""

    skipped: list[SkippedFile]
    total: int


class HealthBody(BaseModel):
    """The service answers and its catalogue can be read."""

    status: str = Field(json_schema_extra=example("ok"))
