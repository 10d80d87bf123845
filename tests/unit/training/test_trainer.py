"""A run is repeatable, survives a kill, and its shards change nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from indexer.embedders.pocket.model import load
from indexer.training.recipe import Recipe
from indexer.training.replicas import Replicas
from indexer.training.student import Student
from indexer.training.trainer import Epoch, Trainer, rate

Build = Callable[..., Trainer]


class Killed(BaseException):
    """What a power cut looks like from inside."""


def weights(student: Student) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in student.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_same_seed_gives_the_same_weights(recipe: Recipe, trainer: Build, tmp_path: Path) -> None:
    first = weights(trainer(recipe, tmp_path / "a").run())
    assert same(first, weights(trainer(recipe, tmp_path / "b").run()))
    other = replace(recipe, seed=1)
    assert not same(first, weights(trainer(other, tmp_path / "c").run()))


@pytest.mark.parametrize("survived", [1, 2, 3, 5])
def test_killed_and_resumed_equals_uninterrupted(
    survived: int, recipe: Recipe, trainer: Build, tmp_path: Path
) -> None:
    whole = weights(trainer(recipe, tmp_path / "whole").run())
    seen: list[Epoch] = []

    def kill(epoch: Epoch) -> None:
        if len(seen) == survived:
            raise Killed
        seen.append(epoch)

    with pytest.raises(Killed):
        trainer(recipe, tmp_path / "cut", kill).run()
    resumed = trainer(recipe, tmp_path / "cut")
    assert same(whole, weights(resumed.run()))
    assert len(resumed.history) == 6


def test_saved_model_gives_the_vectors_of_the_run(
    recipe: Recipe, trainer: Build, tmp_path: Path
) -> None:
    once = replace(recipe.phases[0], epochs=1)
    run = trainer(replace(recipe, phases=(once,)), tmp_path)
    student = run.run().eval()
    model, tokenizer = load(tmp_path / "model")
    pixels = torch.from_numpy(run.material.held_out.pixels[:4].copy())
    ids = torch.from_numpy(tokenizer.batch(["a red frame", "the middle is blue"]))
    with torch.inference_mode():
        ours, theirs = (
            (one.image(one.normalise(pixels)), one.text(ids)) for one in (student.pocket, model)
        )
    for mine, loaded in zip(ours, theirs, strict=True):
        assert torch.nn.functional.cosine_similarity(mine, loaded).min() > 0.999


@pytest.mark.parametrize("recompute", [False, True])
def test_shards_give_the_gradient_of_the_whole_batch(recompute: bool) -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(6, 3).double()
    x = torch.randn(8, 6).double()

    def contrast(outputs: list[torch.Tensor | None]) -> torch.Tensor:
        assert outputs[0] is not None
        return (outputs[0] @ outputs[0].T).logsumexp(1).sum()

    whole = contrast([model(x)])
    wanted = torch.autograd.grad(whole, list(model.parameters()))
    replicas = Replicas(model, 2)
    value = replicas.step(
        lambda one, index, micro: (one(x[4 * index + 2 * micro : 4 * index + 2 * micro + 2]),),
        contrast,
        micro_batches=2,
        recompute=recompute,
    )
    replicas.close()
    assert value.item() == pytest.approx(whole.item())
    for parameter, gradient in zip(model.parameters(), wanted, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient)


def test_run_stops_early_without_a_gain(recipe: Recipe, trainer: Build, tmp_path: Path) -> None:
    still = replace(recipe.phases[2], epochs=6, lr=0.0)
    run = trainer(replace(recipe, phases=(still,), patience=2), tmp_path)
    run.run()
    assert len(run.history) <= 4


def test_rate_rises_then_falls_to_its_floor() -> None:
    rates = [rate(step, 100, 0.1, 0.02) for step in range(100)]
    assert rates[9] == 1.0
    assert rates[0] < rates[5] < rates[9] > rates[50] > rates[99] >= 0.02
