"""One model on several processor cores: a shard of each batch per thread.

On a processor whose cores are shared with other work, threads that meet once per step lose far less
than operators that meet thousands of times. Each replica shares the parameters' storage and has
gradients and running statistics of its own; they are summed in a fixed order, so a run is
repeatable. On a GPU one replica does the work and the micro-batches bound its memory.
"""

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)
Outputs = tuple[Tensor | None, ...]
"""Outputs of one shard; None where the step has no such output."""


class Replicas(Generic[M]):
    """Copies of a model that share its parameters, each run by a thread of its own."""

    def __init__(self, model: M, count: int) -> None:
        self.model = model
        self.device = next(model.parameters()).device
        self.copies = [copy.deepcopy(model) for _ in range(count)]
        for replica in self.copies:
            for mine, shared in zip(replica.parameters(), model.parameters(), strict=True):
                mine.data = shared.data
        self._shared = list(model.parameters()), list(model.buffers())
        self._own = [(list(one.parameters()), list(one.buffers())) for one in self.copies]
        torch.set_num_threads(1 if count > 1 else torch.get_num_threads())
        threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(
            count, initializer=torch.set_num_threads, initargs=(threads,)
        )

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown()

    def train(self, mode: bool = True) -> None:
        """Switches the copies, with the model's own running statistics, to training or not."""
        for replica, (_, buffers) in zip(self.copies, self._own, strict=True):
            replica.train(mode)
            for mine, shared in zip(buffers, self._shared[1], strict=True):
                mine.copy_(shared)

    def map(self, work: Callable[[M, int], object]) -> list[object]:
        """Returns the results of `work(replica, index)`, one per copy, in order."""
        tasks = [self._pool.submit(work, copy, i) for i, copy in enumerate(self.copies)]
        return [task.result() for task in tasks]

    def step(
        self,
        forward: Callable[[M, int, int], Outputs],
        loss: Callable[[list[Tensor | None]], Tensor],
        *,
        micro_batches: int = 1,
        recompute: bool = False,
    ) -> Tensor:
        """Leaves the gradient of the whole batch's loss on the model; returns the loss, a scalar.

        `forward(replica, copy, micro)` embeds one shard; `loss` sees each output with the shards
        of all copies joined. The loss is differentiated with respect to the joined outputs first
        and through the towers second (Gao et al. 2021, GradCache), so contrast spans the batch.
        With `recompute` the graphs are thrown away between the passes and built again: memory for
        one micro-batch at a time, a third more work.
        """

        def embed(replica: M, index: int) -> list[Outputs]:
            with torch.set_grad_enabled(not recompute):
                return [forward(replica, index, micro) for micro in range(micro_batches)]

        shards: list[Outputs] = [shard for result in self.map(embed) for shard in _checked(result)]
        leaves = [
            None if outputs[0] is None else [_leaf(output) for output in outputs]
            for outputs in zip(*shards, strict=True)
        ]
        value = loss([None if parts is None else torch.cat(parts) for parts in leaves])
        torch.autograd.backward(value)
        gradients = [
            tuple(None if parts is None else parts[shard].grad for parts in leaves)
            for shard in range(len(shards))
        ]

        def backward(replica: M, index: int) -> None:
            for parameter in self._own[index][0]:
                parameter.grad = None
            for micro in range(micro_batches):
                shard = index * micro_batches + micro
                outputs = forward(replica, index, micro) if recompute else shards[shard]
                pairs = [
                    (output, gradient)
                    for output, gradient in zip(outputs, gradients[shard], strict=True)
                    if output is not None and gradient is not None and output.requires_grad
                ]
                if pairs:
                    torch.autograd.backward([o for o, _ in pairs], [g for _, g in pairs])

        self.map(backward)
        self._gather()
        return value.detach()

    def local_step(self, work: Callable[[M, int], object]) -> list[object]:
        """Leaves on the model the mean of the gradients that `work` leaves on the copies.

        For losses without contrast, whose shards need not meet. Returns what `work` returns.
        """

        def clean(replica: M, index: int) -> object:
            for parameter in self._own[index][0]:
                parameter.grad = None
            return work(replica, index)

        results = self.map(clean)
        self._gather()
        for parameter in self._shared[0]:
            if parameter.grad is not None:
                parameter.grad /= len(self.copies)
        return results

    def _gather(self) -> None:
        with torch.no_grad():
            for index, parameter in enumerate(self._shared[0]):
                parts = [parameters[index].grad for parameters, _ in self._own]
                given = [part for part in parts if part is not None]
                if given:
                    total = given[0].clone()
                    for part in given[1:]:
                        total += part
                    parameter.grad = total if parameter.grad is None else parameter.grad + total
            if self.copies[0].training:
                for index, buffer in enumerate(self._shared[1]):
                    if buffer.is_floating_point():
                        buffer.copy_(torch.stack([own[index] for _, own in self._own]).mean(0))
                    else:
                        buffer.copy_(self._own[0][1][index])


def _leaf(output: Tensor | None) -> Tensor:
    if output is None:
        raise ValueError("a shard lacks an output that another shard has; give all shards the same")
    return output.detach().requires_grad_()


def _checked(result: object) -> Sequence[Outputs]:
    if not isinstance(result, list):
        raise TypeError(f"a shard gave {type(result).__name__}, not a list")
    return result
