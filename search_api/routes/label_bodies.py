"""The JSON of words for pictures."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, Field

from search_api.labels import DEFAULT_LABELS, MAX_LABELS, Label
from search_api.routes.document import Parameters, example


class LabelsQuery(Parameters):
    """Parameters of the words for an item."""

    k: int = Field(DEFAULT_LABELS, ge=1, le=MAX_LABELS, description="How many words at most.")


class LabelBody(BaseModel):
    """A word or phrase for a picture."""

    text: str = Field(json_schema_extra=example("dog"))
    score: float = Field(
        description="Its cosine to the picture.", json_schema_extra=example(0.3127)
    )
    usual: float = Field(
        description="The mean of its cosines to the library's pictures. Words are ranked by their "
        "score less half of it, so that none comes first everywhere.",
        json_schema_extra=example(0.0512),
    )

    @classmethod
    def of(cls, label: Label) -> Self:
        return cls(text=label.text, score=round(label.score, 6), usual=round(label.usual, 6))


class LabelsBody(BaseModel):
    """Words for what an item shows."""

    labels: list[LabelBody] = Field(description="Best first.")
    model: str = Field(
        description="The model that made the vectors.",
        json_schema_extra=example("open_clip:ViT-B-32/laion2b_s34b_b79k"),
    )

    @classmethod
    def of(cls, labels: Sequence[Label], *, model: str) -> Self:
        return cls(labels=[LabelBody.of(label) for label in labels], model=model)
