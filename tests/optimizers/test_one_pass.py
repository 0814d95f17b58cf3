"""An update is one pass over all weights, with whatever is asked of it."""

import numpy as np
import pytest

import nacre
from nacre import _core, layers, optimizers

CASES = [
    lambda: optimizers.SGD(momentum=0.9, nesterov=True, weight_decay=0.1),
    lambda: optimizers.AdamW(global_clipnorm=1.0, use_ema=True),
    lambda: optimizers.Adam(amsgrad=True, clipvalue=0.5),
    lambda: optimizers.Adam(clipnorm=1.0, use_ema=True, ema_overwrite_frequency=3),
    lambda: optimizers.RMSprop(momentum=0.5, centered=True),
    lambda: optimizers.Nadam(optimizers.schedules.CosineDecay(0.1, 10)),
    lambda: optimizers.Adamax(),
    lambda: optimizers.Adagrad(),
    lambda: optimizers.Adadelta(),
    lambda: optimizers.Ftrl(),
    lambda: optimizers.Lion(),
    lambda: optimizers.ScheduleFreeAdamW(warmup_steps=3),
]


@pytest.mark.parametrize("make", CASES)
def test_update_of_all_weights_is_one_call(make):
    if _core.get_backend() != "cpu":
        pytest.skip("fusion is the CPU backend's")
    x, y = np.ones((8, 6), "float32"), np.ones((8, 1), "float32")
    model = nacre.Sequential([layers.Input((6,)), layers.Dense(5), layers.Dense(1)])
    model.compile(make(), "mse")
    model.fit(x, y, verbose=0)
    (function,) = model._steps._functions["train"]
    names = function.exe.step_names([x.shape, y.shape])
    assert names.count("joined") <= 2  # one may be that of the step's scalars
    assert names.count("cpu.fused") <= 4  # loss and scalars; none for each weight
    assert not {"add", "sub", "mul", "div", "sqrt", "square", "maximum"} & set(names), names
