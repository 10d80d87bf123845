"""The JSON of an answer to a search."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, Field

from indexer.types import Hit, Part, Reason
from search_api.query import Target
from search_api.relevance import Verdict
from search_api.routes.document import example
from search_api.routes.item_bodies import ItemBody, thumbnail_of
from search_api.routes.label_bodies import LabelBody
from search_api.scenes import Scene, Scored, scenes
from search_api.searcher import Answer


class ReasonBody(BaseModel):
    """Why a hit was found."""

    part: Part = Field(description="What of it matched; `name` is that of its file or folders.")
    score: float = Field(
        description="A cosine where meanings were compared; where words were found as they are, "
        "how well they fit, to be compared within one answer only.",
        json_schema_extra=example(0.3127),
    )
    literal: bool = Field(description="Whether the words were found as they are.")
    text: str | None = Field(
        description="The caption, subtitle or path that matched.", json_schema_extra=example(None)
    )
    item: int | None = Field(
        description="That caption or subtitle as an item.", json_schema_extra=example(None)
    )

    @classmethod
    def of(cls, reason: Reason) -> Self:
        return cls(
            part=reason.part,
            score=round(reason.score, 6),
            literal=reason.literal,
            text=reason.text,
            item=reason.item,
        )


class SceneBody(BaseModel):
    """A stretch of a film that answers the query, in milliseconds from its start."""

    start_ms: int = Field(json_schema_extra=example(80_000))
    end_ms: int = Field(json_schema_extra=example(91_000))
    best_ms: int = Field(json_schema_extra=example(83_000))
    score: float = Field(
        description="Cosine to the query, smoothed over neighbouring moments.",
        json_schema_extra=example(0.3127),
    )
    moment: int = Field(description="The id of its best moment.", json_schema_extra=example(1))
    thumbnail: str = Field(json_schema_extra=example(thumbnail_of(1)))

    @classmethod
    def of(cls, scene: Scene) -> Self:
        return cls(
            start_ms=scene.start_ms,
            end_ms=scene.end_ms,
            best_ms=scene.best_ms,
            score=round(scene.score, 6),
            moment=scene.moment,
            thumbnail=thumbnail_of(scene.moment),
        )


class GroupedBody(BaseModel):
    """A hit that counts as one with a better one."""

    score: float = Field(json_schema_extra=example(0.3127))
    item: ItemBody


class HitBody(BaseModel):
    """A found item."""

    score: float | None = Field(
        description="Cosine to the query, from -1 to 1; higher is better. Null where nothing was "
        "looked for, only filtered.",
        json_schema_extra=example(0.3127),
    )
    probability: float | None = Field(
        description="That it is what was asked for, from 0 to 1; null where that is not known.",
        json_schema_extra=example(0.93),
    )
    reasons: list[ReasonBody] = Field(description="Why it was found, the strongest first.")
    favourite: bool = Field(
        description="Whether it has the tag `favourite`, of a moment its film, of a caption what "
        "it describes."
    )
    item: ItemBody
    group: list[GroupedBody] = Field(
        description="With `collapse`: near-duplicates of it, or other moments of the same film."
    )
    scenes: list[SceneBody] = Field(
        description="With `collapse`: where in its film the query is answered, best first."
    )


class TimingsBody(BaseModel):
    """Milliseconds that each stage took."""

    embed: float = Field(json_schema_extra=example(3.1))
    search: float = Field(json_schema_extra=example(0.8))
    fetch: float = Field(json_schema_extra=example(0.6))


class SearchBody(BaseModel):
    """The answer to a search."""

    target: Target
    hits: list[HitBody] = Field(description="Best first, or as `sort` says.")
    searched: int = Field(
        description="How many vectors were compared.", json_schema_extra=example(7091)
    )
    verdict: Verdict | None = Field(
        description="What the answer is worth: `strong`, `weak`, or `nothing` where the library "
        "has nothing such, and the hits are only the nearest. Null where that is not known: it is "
        "for the first page of pictures and moments that one text asks for, with models that were "
        "measured.",
        json_schema_extra=example("strong"),
    )
    likely: int | None = Field(
        description="How many of the first hits are likely right; null where that is not known.",
        json_schema_extra=example(5),
    )
    labels: list[LabelBody] = Field(
        description="Words from the vocabulary that say what is to be seen, best first: on the "
        "first page of a search for captions (`target=text`) by pictures or items alone. Else "
        "empty. They belong to what was asked, not to a hit."
    )
    next: str | None = Field(
        description="Send it as `cursor`, with all else as it was, for the hits that follow; null "
        "where there are no more.",
        json_schema_extra=example(None),
    )
    model: str = Field(
        description="The model that made the vectors.",
        json_schema_extra=example("open_clip:ViT-B-32/laion2b_s34b_b79k"),
    )
    took_ms: TimingsBody

    @classmethod
    def of(cls, answer: Answer, *, target: Target, model: str) -> Self:
        took = answer.took_ms

        def item(hit: Hit) -> ItemBody:
            return ItemBody.of(
                hit.item,
                answer.pictures,
                answer.copies.get(hit.item.id, ()),
                answer.films.get(hit.item.id),
                answer.durations.get(hit.item.id),
            )

        return cls(
            target=target,
            hits=[
                HitBody(
                    score=round(hit.score, 6) if hit.reasons else None,
                    probability=None if hit.probability is None else round(hit.probability, 4),
                    reasons=[ReasonBody.of(reason) for reason in hit.reasons],
                    favourite=hit.item.id in answer.favourites,
                    item=item(hit),
                    group=[
                        GroupedBody(score=round(other.score, 6), item=item(other))
                        for other in answer.groups.get(hit.item.id, ())[1:]
                    ],
                    scenes=[SceneBody.of(one) for one in answer.scenes.get(hit.item.id, ())],
                )
                for hit in answer.hits
            ],
            searched=answer.searched,
            verdict=answer.verdict,
            likely=answer.likely,
            labels=[LabelBody.of(label) for label in answer.labels],
            next=answer.next,
            model=model,
            took_ms=TimingsBody(
                embed=round(took.embed, 3),
                search=round(took.search, 3),
                fetch=round(took.fetch, 3),
            ),
        )


class ScoredBody(BaseModel):
    """A moment of a film and how well it fits."""

    id: int = Field(json_schema_extra=example(1))
    start_ms: int = Field(json_schema_extra=example(80_000))
    end_ms: int = Field(json_schema_extra=example(91_000))
    score: float = Field(description="Its cosine to the query.", json_schema_extra=example(0.3))
    smooth: float = Field(
        description="The same, smoothed over its neighbours.", json_schema_extra=example(0.28)
    )


class TimelineBody(BaseModel):
    """A film as a query sees it."""

    moments: list[ScoredBody] = Field(description="All moments, in order of time.")
    scenes: list[SceneBody] = Field(description="The best stretches, best first.")

    @classmethod
    def of(cls, line: Sequence[Scored]) -> Self:
        return cls(
            moments=[
                ScoredBody(
                    id=one.moment.id,
                    start_ms=one.moment.span.start_ms,
                    end_ms=one.moment.span.end_ms,
                    score=round(one.score, 6),
                    smooth=round(one.smooth, 6),
                )
                for one in line
                if one.moment.span is not None
            ],
            scenes=[SceneBody.of(scene) for scene in scenes(line)],
        )
