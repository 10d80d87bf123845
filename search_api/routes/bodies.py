"""What comes out of the service: the JSON of each answer."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, Field

from indexer.types import Counts, Kind, Modality, Skipped
from indexer.vectors.structure import EXACT, Structure
from search_api.routes.document import example


class ModelBody(BaseModel):
    """The model that the library was made with."""

    name: str = Field(json_schema_extra=example("open_clip:ViT-B-32/laion2b_s34b_b79k"))
    fingerprint: str = Field(description="Changes whenever the model's vectors would.")
    dim: int = Field(description="Length of a vector.", json_schema_extra=example(512))


class ModalityCounts(BaseModel):
    """One number for each index."""

    image: int
    text: int
    video: int

    @classmethod
    def of(cls, numbers: Mapping[Modality, int]) -> Self:
        return cls(**{modality.value: numbers.get(modality, 0) for modality in Modality})


class FileCounts(BaseModel):
    """One number for each kind of file."""

    image: int
    video: int
    caption: int
    shard: int

    @classmethod
    def of(cls, numbers: Mapping[Kind, int]) -> Self:
        return cls(**{name: numbers.get(Kind(name), 0) for name in cls.model_fields})


class IndexBody(BaseModel):
    """What searches of one target find, measured when the index was made."""

    target: Modality
    kind: str = Field(
        description="exact: all vectors are scanned; else what they are coded in.",
        json_schema_extra=example("codes"),
    )
    recall: dict[Modality, float] = Field(
        description="Share of the true ten best that are found, by what is asked with: image or "
        "text. Empty where it was not measured; an exact index finds all."
    )

    @classmethod
    def of(cls, target: Modality, structure: Structure | None) -> Self:
        if structure is None:
            return cls(target=target, kind=EXACT, recall={})
        recall = {modality: one.mean for modality, one in structure.recall.items()}
        return cls(target=target, kind=structure.kind, recall=recall)


class StatusBody(BaseModel):
    """What the library holds."""

    version: str = Field(json_schema_extra=example("0.1.0"))
    model: ModelBody
    items: ModalityCounts = Field(
        description="What can be found: pictures and moments, captions, films."
    )
    files: FileCounts
    moments: int = Field(description="How many of the pictures are moments of films.")
    skipped: int = Field(description="Files that could not be read.")
    partial: int = Field(description="Files that were read in part.")
    generation: ModalityCounts = Field(description="Saved state of each index; grows with saves.")
    indexes: list[IndexBody]
    hint: str | None = Field(description="How to get a stronger model, where the model is weak.")

    @classmethod
    def of(
        cls,
        counts: Counts,
        *,
        version: str,
        model: ModelBody,
        generations: Mapping[Modality, int],
        structures: Mapping[Modality, Structure | None],
        hint: str | None,
    ) -> Self:
        return cls(
            version=version,
            model=model,
            items=ModalityCounts.of(counts.items),
            files=FileCounts.of(counts.files),
            moments=counts.moments,
            skipped=counts.skipped,
            partial=counts.partial,
            generation=ModalityCounts.of(generations),
            indexes=[IndexBody.of(target, made) for target, made in structures.items()],
            hint=hint,
        )


class SkippedFile(BaseModel):
    """A file that could not be read, or not to its end."""

    path: str = Field(
        description="Relative to the indexed folder.", json_schema_extra=example("beach/cut.jpg")
    )
    reason: str = Field(json_schema_extra=example("the file ends too early"))

    @classmethod
    def of(cls, skipped: Skipped) -> Self:
        return cls(path=skipped.source.path, reason=skipped.reason)


class SkippedBody(BaseModel):
    """The files that could not be read, and those that were read in part."""

    skipped: list[SkippedFile]
    total: int
    partial: list[SkippedFile]
    partial_total: int


class HealthBody(BaseModel):
    """The service answers and its catalogue can be read."""

    status: str = Field(json_schema_extra=example("ok"))
