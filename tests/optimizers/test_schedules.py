"""Learning rate schedules against their formulas."""

import math

import numpy as np
import pytest

from nacre.optimizers import schedules


def _cosine(step, steps, start, alpha=0.0):
    share = 0.5 * (1 + math.cos(math.pi * min(step, steps) / steps))
    return start * ((1 - alpha) * share + alpha)


def _warm(step):
    return 0.1 + 0.9 * step / 5 if step < 5 else _cosine(step - 5, 10, 1.0, 0.1)


def _restarts(step):
    length, done, height = 4, step, 1.0
    while done >= length:
        done, length, height = done - length, length * 2, height * 0.5
    return 0.5 * height * (1 + math.cos(math.pi * done / length))


def _cycled(step):
    steps = 10 * max(1, math.ceil(step / 10))
    return (1.0 - 0.1) * (1 - step / steps) + 0.1


TABLE = [
    (schedules.ExponentialDecay(0.5, 10, 0.9), lambda s: 0.5 * 0.9 ** (s / 10)),
    (schedules.ExponentialDecay(0.5, 10, 0.9, True), lambda s: 0.5 * 0.9 ** (s // 10)),
    (schedules.InverseTimeDecay(0.5, 10, 0.9), lambda s: 0.5 / (1 + 0.9 * s / 10)),
    (
        schedules.PiecewiseConstantDecay([5, 10], [1.0, 0.5, 0.1]),
        lambda s: 1.0 if s <= 5 else 0.5 if s <= 10 else 0.1,
    ),
    (
        schedules.PolynomialDecay(1.0, 10, 0.1, power=2.0),
        lambda s: 0.9 * (1 - min(s, 10) / 10) ** 2 + 0.1,
    ),
    (schedules.PolynomialDecay(1.0, 10, 0.1, cycle=True), _cycled),
    (schedules.CosineDecay(0.5, 10, alpha=0.2), lambda s: _cosine(s, 10, 0.5, 0.2)),
    (schedules.CosineDecay(0.1, 10, 0.1, warmup_target=1.0, warmup_steps=5), _warm),
    (schedules.CosineDecayRestarts(1.0, 4, m_mul=0.5), _restarts),
]


@pytest.mark.parametrize(("schedule", "formula"), TABLE)
def test_schedule(schedule, formula):
    for step in (0, 1, 3, 5, 6, 9, 11, 17, 25):
        assert float(schedule(np.int32(step))) == pytest.approx(formula(step), rel=1e-5, abs=1e-6)
    again = schedules.deserialize(schedules.serialize(schedule))
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()


def test_bad_arguments():
    with pytest.raises(ValueError, match="decay_steps"):
        schedules.ExponentialDecay(0.1, 0, 0.5)
    with pytest.raises(ValueError, match="boundar"):
        schedules.PiecewiseConstantDecay([1], [1.0])
