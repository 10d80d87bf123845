"""What one step teaches: views of a batch, the losses on them, gradients on the student."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from indexer.embedders.pocket.model import stages
from indexer.embedders.pocket.tokenizer import PAD
from indexer.training import losses
from indexer.training.material import Material
from indexer.training.pieces import cuts
from indexer.training.recipe import Phase, Recipe
from indexer.training.replicas import Outputs, Replicas
from indexer.training.student import Student
from indexer.training.views import Batch, crop_maps, mix, render, tint

STRIDE = 32
"""Pixels per cell of the last feature map; a cell cut off at the edge counts."""


class Lessons:
    """Leaves the gradient of a phase's losses on the student.

    `reference` is what embeddings and affinities are learned from; the trainer may change it.
    """

    def __init__(self, recipe: Recipe, material: Material, replicas: Replicas[Student]) -> None:
        self.recipe = recipe
        self.material = material
        self.replicas = replicas
        self.device = replicas.device
        self.reference = None if material.reference is None else material.reference.to(self.device)

    def step(self, phase: Phase, batch: Batch, key: tuple[int, int]) -> dict[str, float]:
        """Returns the losses by name; `key` seeds what chance remains."""
        if phase.inputs == "stages":
            return self._by_stage(phase, batch)
        return self._whole(phase, batch, key)

    def calibrate(self, phase: Phase, batch: Batch) -> None:
        """Gives each stage's output the mean and deviation that the teacher's has, per channel.

        Otherwise most of the first steps go into growing the last norm's gain (compare Mishkin and
        Matas 2016, LSUV).
        """
        student = self.replicas.model
        pixels = render(self.material.corpus.pixels, batch, phase.side, slice(None))
        pixels = pixels.to(self.device)
        x = student.pocket.normalise(pixels).contiguous(memory_format=torch.channels_last)
        pairs = zip(stages(self._trunk()), stages(student.pocket.image.trunk), strict=True)
        with torch.no_grad():
            for taught, stage in pairs:
                wanted = taught(x)
                added = wanted - x if wanted.shape == x.shape else wanted
                norm = [part for part in stage.modules() if isinstance(part, nn.BatchNorm2d)][-1]
                norm.weight.copy_(added.std((0, 2, 3)))
                norm.bias.copy_(added.mean((0, 2, 3)))
                x = wanted

    def _trunk(self) -> Any:
        if self.material.trunk is None:
            raise ValueError(
                "a phase by stages needs a teacher's trunk; give one with the material"
            )
        return self.material.trunk.to(self.device)

    def _towers(self) -> torch.autocast:
        """Returns what the towers run under: half precision where the recipe says so."""
        half = self.recipe.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    def _by_stage(self, phase: Phase, batch: Batch) -> dict[str, float]:
        """One step of stage-wise distillation (Li et al. 2020, DNA): local losses only."""
        images = [slice(*ends) for ends in cuts(len(batch.rows), len(self.replicas.copies))]
        targets, pixels = self._views(phase, batch, images)
        reference = self.reference
        if pixels is None or targets is None or reference is None:
            raise ValueError(f"phase {phase.name!r} needs pixels and a reference")
        taught = stages(self._trunk())
        colour = torch.from_numpy(batch.colour).to(self.device)

        def work(student: Student, index: int) -> dict[str, float]:
            part = images[index]
            x = tint(student.pocket.normalise(pixels[part]), colour[part])
            x = x.contiguous(memory_format=torch.channels_last)
            values = {}
            for number, stage in enumerate(stages(student.pocket.image.trunk)):
                with torch.no_grad():
                    wanted = taught[number](x)
                value = losses.feature_mimicking(stage(x), wanted)
                torch.autograd.backward(value)
                values[f"stage {number + 1}"] = value.item()
                x = wanted
            maps = losses.feature_mimicking(student.neck(x), targets[part])
            embedding = losses.embedding_mimicking(
                student.pocket.image.project(x), reference.embed_maps(targets[part])
            )
            torch.autograd.backward(maps + embedding)
            return values | {"maps": maps.item(), "embedding": embedding.item()}

        found = [part for part in self.replicas.local_step(work) if isinstance(part, dict)]
        return {name: sum(part[name] for part in found) / len(found) for name in found[0]}

    def _whole(self, phase: Phase, batch: Batch, key: tuple[int, int]) -> dict[str, float]:
        micro_batches = self.recipe.micro_batches
        shards = len(self.replicas.copies) * micro_batches
        images = [slice(*ends) for ends in cuts(len(batch.rows), shards)]
        texts = [slice(*ends) for ends in cuts(len(batch.ids), shards)]
        needs_text = "text" in phase.trained or phase.weights.contrast > 0
        ids = torch.from_numpy(batch.ids).to(self.device)
        colour = torch.from_numpy(batch.colour).to(self.device)
        targets, pixels = self._views(phase, batch, images)

        def forward(student: Student, index: int, micro: int) -> Outputs:
            shard = index * micro_batches + micro
            maps, words = None, None
            with self._towers():
                if pixels is not None:
                    x = student.pocket.normalise(pixels[images[shard]])
                    x = tint(x, colour[images[shard]]).contiguous(memory_format=torch.channels_last)
                    features = student.pocket.image.features(x)
                    embedded = student.pocket.image.project(features).float()
                    if phase.weights.maps:
                        maps = student.neck(features).float()
                elif targets is not None:
                    embedded = student.embed_maps(targets[images[shard]]).float()
                else:
                    raise ValueError(f"phase {phase.name!r} needs a teacher's maps")
                if needs_text:
                    words = student.pocket.text(unpadded(ids[texts[shard]])).float()
            return embedded, words, maps

        parts: dict[str, float] = {}

        def loss(outputs: list[Tensor | None]) -> Tensor:
            total = torch.zeros((), device=self.device)
            for name, value, weight in self._losses(phase, batch, targets, outputs, key):
                parts[name] = value.item()
                total = total + weight * value
            return total

        self.replicas.step(
            forward, loss, micro_batches=micro_batches, recompute=self.recipe.recompute
        )
        return parts

    def _views(
        self, phase: Phase, batch: Batch, parts: list[slice]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Returns the teacher's maps under the views, float32 (n, c, h, w), and the views.

        The maps are None where there is no teacher. The views are uint8 (n, side, side, 3), None
        where the phase reads no pixels.
        """
        cells = -(-phase.side // STRIDE)
        known = self.material.maps
        per_copy = len(parts) // len(self.replicas.copies)
        maps, pixels = ([torch.empty(0)] * len(parts) for _ in range(2))

        def draw(_: Student, index: int) -> None:
            for at in range(index * per_copy, (index + 1) * per_copy):
                rows, part = batch.rows[parts[at]], parts[at]
                if known is not None:
                    maps[at] = crop_maps(torch.from_numpy(known[rows]), batch, cells, part)
                if phase.inputs != "teacher":
                    pixels[at] = render(self.material.corpus.pixels, batch, phase.side, part)

        self.replicas.map(draw)
        whole = None
        if known is not None:
            whole = mix(torch.cat(maps), batch, cells).to(self.device)
        if phase.inputs == "teacher":
            return whole, None
        drawn = torch.cat(pixels)
        mix(drawn.permute(0, 3, 1, 2), batch, cells)
        return whole, drawn.to(self.device)

    def _losses(
        self,
        phase: Phase,
        batch: Batch,
        targets: Tensor | None,
        outputs: list[Tensor | None],
        key: tuple[int, int],
    ) -> Iterator[tuple[str, Tensor, float]]:
        images, words, maps = outputs
        weights = phase.weights
        temperature = self.replicas.model.temperature
        groups = torch.from_numpy(batch.groups).to(self.device)
        text_groups = torch.from_numpy(batch.text_groups).to(self.device)
        if images is None:
            return
        if weights.contrast and words is not None:
            if weights.sigmoid:
                value = losses.sigmoid_loss(
                    images, words, image_groups=groups, text_groups=text_groups,
                    scale=temperature.scale(), bias=temperature.bias,
                )  # fmt: skip
            else:
                value = losses.info_nce(
                    images, words, image_groups=groups, text_groups=text_groups,
                    scale=temperature.scale(),
                )  # fmt: skip
            yield "contrast", value, weights.contrast
        reference = self.reference
        if targets is None:
            return
        if weights.maps and maps is not None:
            yield "maps", losses.feature_mimicking(maps, targets), weights.maps
        if reference is None:
            return
        wanted = reference.embed_maps(targets)
        if weights.embedding:
            yield "embedding", losses.embedding_mimicking(images, wanted), weights.embedding
        if words is not None and (weights.text or weights.affinity):
            known = reference.texts[torch.from_numpy(batch.text_rows).to(self.device)]
            familiar = known.any(1)
            chosen = torch.isin(groups, text_groups[familiar]).nonzero()[:, 0]
            candidates, known = words[familiar], known[familiar]
            if weights.text:
                yield "text", losses.embedding_mimicking(candidates, known), weights.text
        else:
            rng = np.random.default_rng((self.recipe.seed, *key))
            size = min(phase.texts, len(reference.texts))
            known = reference.texts[rng.choice(len(reference.texts), size, replace=False)]
            chosen, candidates = torch.arange(len(images), device=self.device), known
        if weights.affinity:
            value = losses.affinity_distillation(
                images[chosen],
                candidates,
                reference.scale * wanted[chosen] @ known.T,
                scale=torch.tensor(reference.scale, device=self.device),
            )
            yield "affinity", value, weights.affinity


def unpadded(ids: Tensor) -> Tensor:
    """Returns int64 (n, longest) without the columns in which every text is padding."""
    return ids[:, : max(1, int((ids != PAD).sum(1).max()))] if len(ids) else ids
