"""The training loop: phases, schedule, moving average, validation, resume.

Every epoch ends with a checkpoint from which a run goes on with bit-equal results: chance depends
on the counters alone, sums have a fixed order, and weights, optimizer and average are stored
exactly. The model on disk is that of the phase's best epoch so far, by the mean recall.
"""

import copy
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from indexer.embedders.pocket.model import Pocket, save
from indexer.errors import ConfigError
from indexer.training.data import Sampler
from indexer.training.lessons import STRIDE, Lessons
from indexer.training.losses import SIGMOID_START, Temperature
from indexer.training.material import Material
from indexer.training.recipe import Phase, Recipe
from indexer.training.replicas import Replicas
from indexer.training.student import Reference, Student
from indexer.training.validation import Recalls, quality
from indexer.training.watch import Watch


@dataclass(frozen=True, slots=True)
class Epoch:
    """What an epoch did, for progress, `training.json` and the curves."""

    phase: str
    number: int
    loss: dict[str, float]
    recall: Recalls
    seconds: float
    pictures_per_s: float


Report = Callable[[Epoch], None]
Step = Callable[[int, int], None]
"""Takes the steps done in the epoch, and how many it has."""


class Trainer:
    """One run in one folder; `run` starts it or goes on with it."""

    def __init__(
        self,
        recipe: Recipe,
        material: Material,
        *,
        folder: Path,
        report: Report,
        step: Step = lambda done, of: None,
        start: Pocket | None = None,
    ) -> None:
        """Prepares a run.

        Args:
            recipe: What to do.
            material: What to learn from.
            folder: Where the run is kept.
            report: Called after each epoch.
            step: Called after each step.
            start: A model whose towers to begin with; random weights if None.
        """
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.material = material
        self.folder = folder
        self.report = report
        self.step = step
        student = Student(recipe.config, 1 if material.maps is None else material.maps.shape[1])
        if start is not None:
            student.pocket.load_state_dict(start.state_dict())
        if any(phase.weights.sigmoid for phase in recipe.phases):
            student.temperature = Temperature(*SIGMOID_START)
        self.student = student.to(memory_format=torch.channels_last).to(recipe.device)
        self.average = copy.deepcopy(self.student).requires_grad_(False)
        self.replicas = Replicas(self.student, recipe.workers)
        self.lessons = Lessons(recipe, material, self.replicas)
        self.watch = Watch(recipe, material, Replicas(self.average, recipe.workers))
        self.history: list[Epoch] = []
        self._averaged = list(self.average.parameters()), list(self.average.buffers())
        self._current = list(self.student.parameters()), list(self.student.buffers())

    def run(self) -> Student:
        """Returns the averaged student, after all phases; goes on from the folder's checkpoint."""
        self.folder.mkdir(parents=True, exist_ok=True)
        checkpoint = self.folder / "checkpoint.pt"
        first, done, stored = 0, 0, None
        if checkpoint.exists():
            stored = torch.load(checkpoint, weights_only=True)
            if stored["run"] != self._run():
                raise ConfigError(
                    f"{self.folder} holds a run with other settings or other pictures. Give the "
                    "same ones to go on with it, or another --out."
                )
            first, done = stored["phase"], stored["epoch"]
            self._restore(stored)
        for number, phase in enumerate(self.recipe.phases[first:], first):
            start = done if number == first else 0
            if start == 0:
                self._begin(phase)
            self._run_phase(number, phase, start, stored if start else None)
        self.replicas.close()
        self.watch.replicas.close()
        return self.average

    def recall(self) -> Recalls:
        """Returns the recalls of the averaged student on the held-out pictures, as it is now."""
        return self.watch.recall(self.recipe.phases[-1])

    def _run(self) -> str:
        """Tells this run from others: only the same one may go on from a checkpoint."""
        pictures = self.material.corpus.pictures
        digest = hashlib.blake2b(json.dumps(asdict(self.recipe)).encode(), digest_size=8)
        digest.update(repr([(one.name, one.texts) for one in pictures]).encode())
        return digest.hexdigest()

    def _begin(self, phase: Phase) -> None:
        self.student.load_state_dict(self.average.state_dict())
        if phase.inputs == "stages":
            self.lessons.calibrate(phase, next(self._sampler(phase).epoch(self.recipe.seed)))
        if phase.renew_reference:
            texts = self.watch.embed_texts(self.material.corpus.texts())
            head = self.average.head
            scale = self.average.temperature.scale().item()
            reference = Reference(head.weight.clone(), head.bias.clone(), texts, scale)
            self.lessons.reference = reference

    def _run_phase(
        self, number: int, phase: Phase, start: int, stored: dict[str, Any] | None
    ) -> None:
        sampler = self._sampler(phase)
        self._thaw(phase)
        optimizer = make_optimizer(self.student, phase)
        if stored is not None:
            optimizer.load_state_dict(stored["optimizer"])
        recalls = [quality(epoch.recall) for epoch in self.history[len(self.history) - start :]]
        for epoch in range(start, phase.epochs):
            began = time.monotonic()
            losses = self._run_epoch((number, epoch), phase, sampler, optimizer)
            seconds = time.monotonic() - began
            pictures_per_s = len(sampler) * phase.batch / seconds
            recall = self.watch.recall(phase)
            done = Epoch(phase.name, epoch + 1, losses, recall, seconds, pictures_per_s)
            self.history.append(done)
            recalls.append(quality(recall))
            stale = len(recalls) - 1 - recalls.index(max(recalls))
            last = epoch + 1 == phase.epochs or stale == self.recipe.patience > 0
            self.report(done)
            self._store(number + last, 0 if last else epoch + 1, optimizer, best=stale == 0)
            if last:
                break

    def _run_epoch(
        self,
        key: tuple[int, int],
        phase: Phase,
        sampler: Sampler,
        optimizer: torch.optim.Optimizer,
    ) -> dict[str, float]:
        number, epoch = key
        total = phase.epochs * len(sampler)
        trained = [p for p in self.student.parameters() if p.requires_grad]
        sums: dict[str, float] = {}
        self.replicas.train()
        for step, batch in enumerate(sampler.epoch(self.recipe.seed, number, epoch)):
            self.step(step, len(sampler))
            at = epoch * len(sampler) + step
            for group in optimizer.param_groups:
                group["lr"] = phase.lr * rate(at, total, phase.warmup, phase.floor)
            for name, value in self.lessons.step(phase, batch, (number, at)).items():
                sums[name] = sums.get(name, 0.0) + value
            torch.nn.utils.clip_grad_norm_(trained, 2.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            self._follow(min(phase.ema, (1 + at) / (10 + at)))
        return {name: value / len(sampler) for name, value in sums.items()}

    def _sampler(self, phase: Phase) -> Sampler:
        times = dict(phase.repeats)
        rows = [
            row
            for row, picture in enumerate(self.material.corpus.pictures)
            if not phase.sources or picture.source in phase.sources
            for _ in range(times.get(picture.source, 1))
        ]
        return Sampler(
            self.material.corpus,
            self.material.tokenizer,
            phase.views,
            np.array(rows),
            phase.batch,
            cells=-(-phase.side // STRIDE),
        )

    def _thaw(self, phase: Phase) -> None:
        for one in (self.student, *self.replicas.copies):
            for name, parameter in one.named_parameters():
                parameter.requires_grad_(part_of(name) in phase.trained)

    def _follow(self, decay: float) -> None:
        """Moves the average towards the student."""
        with torch.no_grad():
            kept, new = ([p.data for p in of[0]] for of in (self._averaged, self._current))
            torch._foreach_lerp_(kept, new, 1 - decay)
            for mine, theirs in zip(self._averaged[1], self._current[1], strict=True):
                if mine.is_floating_point():
                    mine.lerp_(theirs, 1 - decay)
                else:
                    mine.copy_(theirs)

    def _store(
        self, phase: int, epoch: int, optimizer: torch.optim.Optimizer, *, best: bool
    ) -> None:
        reference = self.lessons.reference
        state = {
            "run": self._run(),
            "phase": phase,
            "epoch": epoch,
            "student": self.student.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "reference": None if reference is None else reference.state(),
            "history": [asdict(epoch) for epoch in self.history],
        }
        if best:
            save(self.average.pocket, self.material.tokenizer, self.folder / "model")
        log = {
            "recipe": asdict(self.recipe),
            "epochs": state["history"],
            "peak_memory_bytes": peak_memory(self.recipe.device),
        }
        (self.folder / "training.json").write_text(json.dumps(log, indent=1), encoding="utf-8")
        # Last, so that a run killed before it does the epoch, and writes all of this, again.
        unfinished = self.folder / "checkpoint.part"
        torch.save(state, unfinished)
        unfinished.replace(self.folder / "checkpoint.pt")

    def _restore(self, stored: dict[str, Any]) -> None:
        self.student.load_state_dict(stored["student"])
        self.average.load_state_dict(stored["average"])
        self.history = [Epoch(**epoch) for epoch in stored["history"]]
        if stored["reference"] is not None:
            self.lessons.reference = Reference(**stored["reference"]).to(self.lessons.device)


def peak_memory(device: str) -> dict[str, int]:
    """Returns the most memory that the process has held so far, and on the GPU where it used one.

    Resident memory counts pages of memory-mapped caches too. Empty where it cannot be told.
    """
    found = {}
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        found["resident"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    if device.startswith("cuda"):
        found["gpu"] = torch.cuda.max_memory_allocated(device)
    return found


def part_of(name: str) -> str:
    """Returns which part of the student a parameter belongs to."""
    first, _, rest = name.partition(".")
    return rest.partition(".")[0] if first == "pocket" else first


def make_optimizer(student: nn.Module, phase: Phase) -> torch.optim.Optimizer:
    """Returns AdamW that decays matrices and kernels only."""
    trained = [p for p in student.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": phase.decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=phase.lr, betas=(0.9, 0.98), eps=1e-6, fused=True)


def rate(step: int, total: int, warmup: float, floor: float) -> float:
    """Returns the share of the peak learning rate: linear warm-up, then half a cosine."""
    rise = max(1.0, warmup * total)
    if step < rise:
        return min(1.0, (step + 1) / rise)
    done = (step - rise) / max(1.0, total - rise)
    return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2
