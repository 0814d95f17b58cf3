"""Connectionist temporal classification."""

from __future__ import annotations

from typing import Any

from nacre import ops
from nacre.ops._common import FLOATS, Tensor, cast, full, tensor
from nacre.ops._dispatch import keras_op
from nacre.ops.creation import iota

__all__ = ["ctc_loss"]

# The logarithm of "impossible": finite, so that the difference of two is a number.
_NEVER = -1e5


@keras_op
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Tensor:
    """The negative logarithm of the probability of labels whose places in time are not known.

    See Graves et al., "Connectionist Temporal Classification" (2006): all alignments are summed
    up, with blanks between labels and labels that last.

    Args:
        target: integer labels `(batch, labels)`.
        output: logits `(batch, time, classes)`.
        target_length: how many labels of each sample count.
        output_length: how many steps of each sample count; None for all.
        mask_index: the class that stands for a blank.
    """
    labels, logits = cast(tensor(target), "int32"), tensor(output)
    if labels.ndim != 2 or logits.ndim != 3:
        raise ValueError(
            "ctc_loss: expected target of shape (batch, labels) and output of shape "
            f"(batch, time, classes). Received: shapes {labels.shape} and {logits.shape}"
        )
    if logits.dtype not in FLOATS or logits.dtype in ("float16", "bfloat16"):
        logits = cast(logits, "float32")
    batch, count = labels.dims
    # Labels with a blank before each and one at the end: the states of the alignment.
    blank = full([batch, 1], mask_index, "int32")
    pairs = ops.stack([ops.broadcast_to(blank, [batch, count]), labels], axis=2)
    states = ops.concatenate([ops.reshape(pairs, [batch, count * 2]), blank], axis=1)
    emitted = ops.take_along_axis(
        ops.log_softmax(logits, axis=-1), ops.expand_dims(states, 1), axis=2
    )
    alpha = _forward(emitted, _step_over(states, mask_index), output_length)
    # An alignment ends in the last label or in the blank behind it.
    last = ops.expand_dims(cast(tensor(target_length), "int32") * 2, 1)
    place = ops.expand_dims(iota(count * 2 + 1), 0)
    ends = ops.logical_or(ops.equal(place, last), ops.equal(place, last - 1))
    ending = ops.where(ends, alpha, full([], 2 * _NEVER, alpha.dtype))
    return ops.negative(ops.logsumexp(ending, axis=1))


def _step_over(states: Tensor, mask_index: int) -> Tensor:
    """Whether a state may follow the last but one: a label that differs from the label before."""
    before = ops.concatenate([states[:, :1], states[:, :1], states[:, :-2]], axis=1)
    differs = ops.not_equal(states, before)
    return ops.logical_and(differs, ops.not_equal(states, mask_index))


def _forward(emitted: Tensor, step_over: Tensor, output_length: Any) -> Tensor:
    """Sum up alignments step by step: the logarithms of their probabilities, by last state."""
    batch, steps, count = emitted.dims
    dtype = emitted.dtype
    low = full([batch, 1], _NEVER, dtype)
    penalty = ops.where(step_over, full([], 0.0, dtype), full([], _NEVER, dtype))
    start = ops.concatenate([low * 0.0, ops.broadcast_to(low, [batch, count - 1])], axis=1)
    xs = [ops.transpose(emitted, (1, 0, 2))]
    if output_length is not None:
        lengths = ops.expand_dims(cast(tensor(output_length), "int32"), 0)
        valid = ops.less(ops.expand_dims(iota(steps), 1), lengths)
        xs.append(ops.expand_dims(valid, 2))

    def step(alpha: Tensor, x: list[Tensor]) -> tuple[Tensor, None]:
        from_one = ops.concatenate([low, alpha[:, :-1]], axis=1)
        from_two = ops.concatenate([low, low, alpha[:, :-2]], axis=1) + penalty
        following = ops.logaddexp(ops.logaddexp(alpha, from_one), from_two) + x[0]
        if len(x) > 1:
            following = ops.where(x[1], following, alpha)
        return following, None

    return ops.scan(step, start, xs)[0]
