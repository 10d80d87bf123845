"""The averaged student, looked at between epochs."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from indexer.training.data import Corpus
from indexer.training.material import Material
from indexer.training.pieces import cuts
from indexer.training.recipe import Phase, Recipe
from indexer.training.replicas import Replicas
from indexer.training.student import Student
from indexer.training.validation import Recalls, recalls
from indexer.training.views import squashed


class Watch:
    """Embeds and judges with the copies of the averaged student."""

    def __init__(self, recipe: Recipe, material: Material, replicas: Replicas[Student]) -> None:
        self.side = recipe.config.image_side
        self.material = material
        self.replicas = replicas

    def recall(self, phase: Phase) -> Recalls:
        """Returns the recalls on the held-out pictures, read as the phase reads its own."""
        held_out = self.material.held_out
        texts = self.embed_texts(held_out.texts())
        if phase.inputs == "teacher" and self.material.held_out_maps is not None:
            with torch.inference_mode():
                maps = torch.from_numpy(self.material.held_out_maps.astype(np.float32))
                images = self.replicas.model.embed_maps(maps.to(self.replicas.device)).cpu()
        else:
            images = self.embed_images(held_out)
        return recalls(images, texts, held_out)

    def embed_images(self, corpus: Corpus) -> Tensor:
        """Returns float32 (n, dim), rows of unit length."""

        def work(student: Student, rows: range) -> Tensor:
            pixels = squashed(corpus.pixels, rows, self.side).to(self.replicas.device)
            x = student.pocket.normalise(pixels)
            embedded: Tensor = student.pocket.image(x.contiguous(memory_format=torch.channels_last))
            return embedded

        return self._embed(work, len(corpus.pictures), 32)

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Returns float32 (n, dim), rows of unit length."""

        def work(student: Student, rows: range) -> Tensor:
            ids = self.material.tokenizer.batch(texts[rows.start : rows.stop])
            embedded: Tensor = student.pocket.text(torch.from_numpy(ids).to(self.replicas.device))
            return embedded

        return self._embed(work, len(texts), 64)

    def _embed(self, work: Callable[[Student, range], Tensor], count: int, size: int) -> Tensor:
        pieces = cuts(count, len(self.replicas.copies))

        def run(student: Student, index: int) -> Tensor:
            start, stop = pieces[index]
            with torch.inference_mode():
                parts = [
                    work(student, range(at, min(at + size, stop)))
                    for at in range(start, stop, size)
                ]
                return torch.cat(parts)

        self.replicas.train(False)
        found = [part for part in self.replicas.map(run) if isinstance(part, Tensor)]
        return torch.cat(found).float().cpu().clone()
