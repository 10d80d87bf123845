"""The service tells what its indexes find."""

from indexer.types import Modality
from indexer.vectors.budget import Budget
from indexer.vectors.structure import Recall, Structure
from search_api.routes.bodies import IndexBody


def test_recall_is_told_by_what_is_asked_with() -> None:
    recall = {Modality.TEXT: Recall(0.97, 0.96, 0.98, 400), Modality.IMAGE: Recall(1, 1, 1, 400)}
    made = Structure("codes", "", 10, 4, Budget(), recall=recall)
    body = IndexBody.of(Modality.IMAGE, made).model_dump(mode="json")
    assert body == {"target": "image", "kind": "codes", "recall": {"text": 0.97, "image": 1.0}}


def test_an_index_without_a_structure_is_exact() -> None:
    body = IndexBody.of(Modality.TEXT, None).model_dump(mode="json")
    assert body == {"target": "text", "kind": "exact", "recall": {}}
