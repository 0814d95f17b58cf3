"""Learning rates that depend on the number of batches seen."""

from __future__ import annotations

import math
from typing import Any

from nacre import ops
from nacre.config import floatx


class LearningRateSchedule:
    """A function of the step number. A subclass defines `__call__(step)` and `get_config()`."""

    def __call__(self, step: Any) -> Any:
        """Compute the learning rate.

        Args:
            step: The number of batches seen, from 0.

        Returns:
            A scalar tensor.
        """
        raise TypeError(f"{type(self).__name__} should define `__call__(self, step)`.")

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        raise TypeError(f"{type(self).__name__} should define `get_config(self)`.")

    @classmethod
    def from_config(cls, config: dict) -> LearningRateSchedule:
        """Make a schedule from what `get_config` returned.

        Args:
            config: The arguments of the constructor.

        Returns:
            The schedule.
        """
        return cls(**config)


def _as_rate(step: Any) -> Any:
    return ops.cast(ops.convert_to_tensor(step), floatx())


def _check_steps(value: Any, owner: str, name: str = "decay_steps") -> Any:
    if value <= 0:
        raise ValueError(f"{owner}: expected `{name}` to be positive. Received: {value}")
    return value


class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ^ (step / decay_steps)`.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: The steps of one decay.
        decay_rate: The factor of one decay.
        staircase: Whether decays happen at once after their steps.
        name: The name.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _check_steps(decay_steps, type(self).__name__)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def _decays(self, step: Any) -> Any:
        decays = ops.divide(_as_rate(step), float(self.decay_steps))
        return ops.floor(decays) if self.staircase else decays

    def __call__(self, step: Any) -> Any:
        factor = ops.power(float(self.decay_rate), self._decays(step))
        return ops.multiply(factor, float(self.initial_learning_rate))

    def get_config(self) -> dict:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class InverseTimeDecay(ExponentialDecay):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: The steps of one decay.
        decay_rate: How strong the decay is.
        staircase: Whether decays happen at once after their steps.
        name: The name.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: Any) -> Any:
        divisor = ops.add(ops.multiply(self._decays(step), float(self.decay_rate)), 1.0)
        return ops.divide(float(self.initial_learning_rate), divisor)


class PiecewiseConstantDecay(LearningRateSchedule):
    """One rate up to and including each boundary.

    Args:
        boundaries: Increasing steps.
        values: The rates, one more than boundaries.
        name: The name.
    """

    def __init__(self, boundaries: Any, values: Any, name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "PiecewiseConstantDecay: expected one boundary less than values. "
                f"Received: {len(boundaries)} boundaries and {len(values)} values"
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = ops.convert_to_tensor(step)
        rate = ops.convert_to_tensor(float(self.values[-1]), dtype=floatx())
        for boundary, value in list(zip(self.boundaries, self.values, strict=False))[::-1]:
            rate = ops.where(ops.less_equal(step, boundary), float(value), rate)
        return rate

    def get_config(self) -> dict:
        return {
            "boundaries": list(self.boundaries),
            "values": list(self.values),
            "name": self.name,
        }


class PolynomialDecay(LearningRateSchedule):
    """From one rate to another along `(1 - step / decay_steps) ^ power`.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: The steps of the decay.
        end_learning_rate: The rate at its end.
        power: The exponent.
        cycle: Whether the decay is stretched again and again beyond its end.
        name: The name.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _check_steps(decay_steps, type(self).__name__)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        step, steps = _as_rate(step), float(self.decay_steps)
        if self.cycle:
            cycles = ops.maximum(ops.ceil(ops.divide(step, steps)), 1.0)
            fraction = ops.divide(step, ops.multiply(cycles, steps))
        else:
            fraction = ops.divide(ops.minimum(step, steps), steps)
        factor = ops.power(ops.subtract(1.0, fraction), float(self.power))
        span = float(self.initial_learning_rate) - float(self.end_learning_rate)
        return ops.add(ops.multiply(factor, span), float(self.end_learning_rate))

    def get_config(self) -> dict:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class CosineDecay(LearningRateSchedule):
    """Down along half a cosine wave, after a linear warm-up if asked for.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: The steps of the decay, which begins after the warm-up.
        alpha: The least rate as a share of the highest.
        name: The name.
        warmup_target: The rate at the end of the warm-up; no warm-up if None.
        warmup_steps: The steps of the warm-up.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _check_steps(decay_steps, type(self).__name__)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def _decayed(self, step: Any, highest: float) -> Any:
        steps = float(self.decay_steps)
        angle = ops.multiply(ops.divide(ops.minimum(step, steps), steps), math.pi)
        cosine = ops.multiply(ops.add(ops.cos(angle), 1.0), 0.5)
        return ops.multiply(ops.add(ops.multiply(cosine, 1.0 - self.alpha), self.alpha), highest)

    def __call__(self, step: Any) -> Any:
        step = _as_rate(step)
        start = float(self.initial_learning_rate)
        if self.warmup_target is None:
            return self._decayed(step, start)
        target, warmup = float(self.warmup_target), float(self.warmup_steps)
        decayed = self._decayed(ops.maximum(ops.subtract(step, warmup), 0.0), target)
        if not warmup:
            return decayed
        rising = ops.add(ops.multiply(ops.divide(step, warmup), target - start), start)
        return ops.where(ops.less(step, warmup), rising, decayed)

    def get_config(self) -> dict:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosine waves one after the other.

    Args:
        initial_learning_rate: The rate at step 0.
        first_decay_steps: The steps of the first wave.
        t_mul: The factor of the length of each next wave.
        m_mul: The factor of the height of each next wave.
        alpha: The least rate as a share of the first one.
        name: The name.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _check_steps(
            first_decay_steps, type(self).__name__, "first_decay_steps"
        )
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        done = ops.divide(_as_rate(step), float(self.first_decay_steps))
        t_mul = float(self.t_mul)
        if t_mul == 1.0:
            restarts = ops.floor(done)
            fraction = ops.subtract(done, restarts)
        else:
            grown = ops.subtract(1.0, ops.multiply(done, 1.0 - t_mul))
            restarts = ops.floor(ops.divide(ops.log(grown), math.log(t_mul)))
            length = ops.power(t_mul, restarts)
            before = ops.divide(ops.subtract(1.0, length), 1.0 - t_mul)
            fraction = ops.divide(ops.subtract(done, before), length)
        height = ops.power(float(self.m_mul), restarts)
        cosine = ops.add(ops.cos(ops.multiply(fraction, math.pi)), 1.0)
        wave = ops.multiply(ops.multiply(cosine, height), 0.5 * (1.0 - self.alpha))
        return ops.multiply(ops.add(wave, self.alpha), float(self.initial_learning_rate))

    def get_config(self) -> dict:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
