"""Optimizers against loops in NumPy on prescribed gradients, traced and not."""

import numpy as np
import pytest

import nacre
from nacre import ops, optimizers

STEPS = 12


def _gradients():
    rng = np.random.default_rng(0)
    return [[rng.standard_normal(s) for s in ((3, 2), (4,))] for _ in range(STEPS)]


def _start():
    rng = np.random.default_rng(1)
    return [rng.standard_normal(s) for s in ((3, 2), (4,))]


def _run(optimizer, dtype="float64", **options):
    values = [nacre.Variable(v.astype(dtype), name=n) for v, n in zip(_start(), "wb", strict=True)]
    for name, value in options.items():
        setattr(values[0], name, value)
    for grads in _gradients():
        optimizer.apply([g.astype(dtype) for g in grads], values)
    return [v.numpy() for v in values]


def _loop(step):
    """Run `step(t, g, v, state) -> v` for both variables, t from 1."""
    values = _start()
    states = [{}, {}]
    for t, grads in enumerate(_gradients(), start=1):
        values = [step(t, g, v, s) for g, v, s in zip(grads, values, states, strict=True)]
    return values


def _close(actual, expected, tolerance=1e-6):
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance)


def _sgd(lr=0.01, momentum=0.0, nesterov=False):
    def step(t, g, v, s):
        if not momentum:
            return v - lr * g
        s["m"] = momentum * s.get("m", 0.0) - lr * g
        return v + (momentum * s["m"] - lr * g if nesterov else s["m"])

    return step


def _adam(lr=0.001, b1=0.9, b2=0.999, eps=1e-7, amsgrad=False, decay=0.0):
    def step(t, g, v, s):
        v = v - v * decay * lr
        s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
        second = s["v"]
        if amsgrad:
            second = s["h"] = np.maximum(s.get("h", 0.0), second)
        alpha = lr * np.sqrt(1 - b2**t) / (1 - b1**t)
        return v - alpha * s["m"] / (np.sqrt(second) + eps)

    return step


def _rmsprop(lr=0.001, rho=0.9, momentum=0.0, eps=1e-7, centered=False):
    def step(t, g, v, s):
        s["v"] = rho * s.get("v", 0.0) + (1 - rho) * g * g
        second = s["v"]
        if centered:
            s["g"] = rho * s.get("g", 0.0) + (1 - rho) * g
            second = second - s["g"] ** 2
        delta = lr * g / np.sqrt(second + eps)
        if momentum:
            delta = s["m"] = momentum * s.get("m", 0.0) + delta
        return v - delta

    return step


def _adagrad(t, g, v, s):
    s["a"] = s.get("a", 0.1) + g * g
    return v - 0.001 * g / np.sqrt(s["a"] + 1e-7)


def _adadelta(t, g, v, s):
    s["g"] = 0.95 * s.get("g", 0.0) + 0.05 * g * g
    delta = np.sqrt(s.get("d", 0.0) + 1e-7) / np.sqrt(s["g"] + 1e-7) * g
    s["d"] = 0.95 * s.get("d", 0.0) + 0.05 * delta * delta
    return v - 0.001 * delta


def _adamax(t, g, v, s):
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    s["u"] = np.maximum(0.999 * s.get("u", 0.0), np.abs(g))
    return v - 0.001 / (1 - 0.9**t) * s["m"] / (s["u"] + 1e-7)


def _nadam(t, g, v, s):
    now, following = (0.9 * (1 - 0.5 * 0.96**i) for i in (t, t + 1))
    s["p"] = s.get("p", 1.0) * now
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0.0) + 0.001 * g * g
    m_hat = following * s["m"] / (1 - s["p"] * following) + (1 - now) * g / (1 - s["p"])
    return v - 0.001 * m_hat / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-7)


def _lion(t, g, v, s):
    m = s.get("m", 0.0)
    s["m"] = 0.99 * m + 0.01 * g
    return v - 0.001 * np.sign(0.9 * m + 0.1 * g)


def _lamb(t, g, v, s):
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0.0) + 0.001 * g * g
    update = s["m"] / (1 - 0.9**t) / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-7)
    return v - 0.001 * _norm(v) / _norm(update) * update


def _ftrl(t, g, v, s):
    old = s.get("a", 0.1)
    s["a"] = old + g * g
    g = g + 2 * 0.2 * v
    s["z"] = s.get("z", 0.0) + g - (s["a"] ** 0.5 - old**0.5) / 0.1 * v
    quadratic = s["a"] ** 0.5 / 0.1 + 2 * (0.3 + 0.5 / (2 * 0.1))
    return (np.clip(s["z"], -0.1, 0.1) - s["z"]) / quadratic


FTRL = {
    "learning_rate": 0.1,
    "l1_regularization_strength": 0.1,
    "l2_regularization_strength": 0.3,
    "l2_shrinkage_regularization_strength": 0.2,
    "beta": 0.5,
}
CASES = [
    (optimizers.SGD, {}, _sgd()),
    (optimizers.SGD, {"learning_rate": 0.1, "momentum": 0.9}, _sgd(0.1, 0.9)),
    (optimizers.SGD, {"momentum": 0.8, "nesterov": True}, _sgd(0.01, 0.8, True)),
    (optimizers.Adam, {}, _adam()),
    (optimizers.Adam, {"learning_rate": 0.05, "beta_1": 0.5, "epsilon": 0.1}, None),
    (optimizers.Adam, {"amsgrad": True, "beta_2": 0.5}, _adam(b2=0.5, amsgrad=True)),
    (optimizers.AdamW, {"learning_rate": 0.1}, _adam(lr=0.1, decay=0.004)),
    (optimizers.RMSprop, {}, _rmsprop()),
    (
        optimizers.RMSprop,
        {"momentum": 0.5, "centered": True, "epsilon": 0.01},
        _rmsprop(momentum=0.5, eps=0.01, centered=True),
    ),
    (optimizers.Adagrad, {}, _adagrad),
    (optimizers.Adadelta, {}, _adadelta),
    (optimizers.Adamax, {}, _adamax),
    (optimizers.Nadam, {}, _nadam),
    (optimizers.Lion, {}, _lion),
    (optimizers.Lamb, {}, _lamb),
    (optimizers.Ftrl, FTRL, _ftrl),
]
CASES[4] = (*CASES[4][:2], _adam(0.05, 0.5, eps=0.1))
IDS = [f"{cls.__name__}-{i}" for i, (cls, *_) in enumerate(CASES)]


@pytest.mark.parametrize(("cls", "arguments", "step"), CASES, ids=IDS)
def test_updates(cls, arguments, step, each_backend):
    expected = _loop(step)
    optimizer = cls(**arguments)
    _close(_run(optimizer), expected)
    _close(_run(cls(**arguments), "float32"), expected, 2e-5)
    assert int(optimizer.iterations.numpy()) == STEPS
    again = cls.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    assert type(optimizers.deserialize(optimizers.serialize(optimizer))) is cls


@pytest.mark.parametrize(("cls", "arguments", "step"), CASES, ids=IDS)
def test_updates_in_one_traced_function(cls, arguments, step):
    optimizer = cls(**arguments)
    values = [nacre.Variable(v, name=n) for v, n in zip(_start(), "wb", strict=True)]
    optimizer.build(values)

    @nacre.function
    def train(first, second):
        optimizer.apply([first, second], values)
        return first

    for grads in _gradients():
        train(*grads)
    _close([v.numpy() for v in values], _loop(step))
    assert int(optimizer.iterations.numpy()) == STEPS


def _norm(g):
    return np.sqrt((g**2).sum())


def test_clipping():
    def by_norm(t, g, v, s):
        return v - 0.1 * g / max(1.0, _norm(g) / 0.5)

    _close(_run(optimizers.SGD(0.1, clipnorm=0.5)), _loop(by_norm))

    def by_value(t, g, v, s):
        return v - 0.1 * np.clip(g, -0.2, 0.2)

    _close(_run(optimizers.SGD(0.1, clipvalue=0.2)), _loop(by_value))
    values = _start()
    for grads in _gradients():
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        values = [v - 0.1 * g * min(1.0, 0.5 / norm) for v, g in zip(values, grads, strict=True)]
    _close(_run(optimizers.SGD(0.1, global_clipnorm=0.5)), values)
    with pytest.raises(ValueError, match="only one of"):
        optimizers.SGD(clipnorm=1.0, clipvalue=1.0)


def test_weight_decay_and_exclusion():
    def decayed(t, g, v, s):
        return v - 0.1 * 0.2 * v - 0.1 * g

    _close(_run(optimizers.SGD(0.1, weight_decay=0.2)), _loop(decayed))
    optimizer = optimizers.SGD(0.1, weight_decay=0.2)
    optimizer.exclude_from_weight_decay(var_names=["b"])
    _close(_run(optimizer), [_loop(decayed)[0], _loop(_sgd(0.1))[1]])


def test_constraint():
    result = _run(optimizers.SGD(0.5), constraint=nacre.constraints.NonNeg())
    assert result[0].min() >= 0
    assert result[1].min() < 0


def test_moving_averages():
    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    values = [nacre.Variable(v, name=n) for v, n in zip(_start(), "wb", strict=True)]
    average = None
    plain = _start()
    for grads in _gradients():
        optimizer.apply(grads, values)
        plain = [v - 0.1 * g for v, g in zip(plain, grads, strict=True)]
        if average is None:
            average = plain
        average = [0.5 * a + 0.5 * v for a, v in zip(average, plain, strict=True)]
    _close([v.numpy() for v in values], plain)
    optimizer.finalize_variable_values(values)
    _close([v.numpy() for v in values], average)


def test_gradient_accumulation():
    optimizer = optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=3)
    values = _start()
    slots = [0.0, 0.0]
    grads = _gradients()
    for i in range(0, STEPS, 3):
        mean = [sum(grads[i + k][j] for k in range(3)) / 3 for j in range(2)]
        slots = [0.9 * m - 0.1 * g for m, g in zip(slots, mean, strict=True)]
        values = [v + m for v, m in zip(values, slots, strict=True)]
    _close(_run(optimizer), values)
    assert int(optimizer.iterations) == STEPS // 3


def test_learning_rate():
    optimizer = optimizers.SGD(0.1)
    variable = nacre.Variable(np.ones(1, "float32"))
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    optimizer.learning_rate = 0.5
    optimizer.apply([np.ones(1, "float32")], [variable])
    assert float(variable.numpy()[0]) == 0.5
    assert float(optimizers.Adam(lr=0.3).learning_rate) == pytest.approx(0.3)
    assert optimizer.lr is optimizer.learning_rate

    decayed = optimizers.SGD(1.0, decay=1.0)
    variable = nacre.Variable(np.zeros(1, "float32"))
    for _ in range(3):
        decayed.apply([-np.ones(1, "float32")], [variable])
    assert float(variable.numpy()[0]) == pytest.approx(1 + 1 / 2 + 1 / 3)

    scheduled = optimizers.SGD(optimizers.schedules.PiecewiseConstantDecay([1], [1.0, 0.5]))
    variable = nacre.Variable(np.zeros(1, "float32"))
    for _ in range(3):
        scheduled.apply([-np.ones(1, "float32")], [variable])
    assert float(variable.numpy()[0]) == pytest.approx(2.5)
    with pytest.raises(TypeError, match="schedule"):
        scheduled.learning_rate = 0.1
    optimizer.learning_rate = optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)
    assert float(optimizer.learning_rate) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="learning_rate"):
        optimizers.SGD("fast")


def test_state():
    optimizer = optimizers.Adam()
    values = [nacre.Variable(np.ones((2,), "float32"), name=n) for n in "ab"]
    optimizer.build(values)
    assert [v.name for v in optimizer.variables] == [
        "iteration",
        "learning_rate",
        "a_momentum",
        "a_velocity",
        "b_momentum",
        "b_velocity",
    ]
    assert optimizer.variables[0].dtype == "int32"
    assert optimizer.variables[2].path == f"{optimizer.name}/a_momentum"
    optimizer.apply([np.ones(2, "float32")] * 2)
    store = {}
    optimizer.save_own_variables(store)
    other = optimizers.Adam()
    other.build(values)
    other.load_own_variables(store)
    for mine, theirs in zip(optimizer.variables, other.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    with pytest.raises(ValueError, match="unknown variable"):
        optimizer.apply([np.ones(2, "float32")], [nacre.Variable(np.ones(2, "float32"))])


def test_missing_gradients():
    optimizer = optimizers.SGD()
    values = [nacre.Variable(np.ones((2,), "float32"), name=n) for n in "ab"]
    with pytest.raises(ValueError, match="no gradient"):
        optimizer.apply([None, None], values)
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['b'\]"):
        optimizer.apply_gradients([(np.ones(2, "float32"), values[0]), (None, values[1])])
    assert values[1].numpy().tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="built"):
        optimizers.SGD().apply([np.ones(2)])


def test_get():
    assert isinstance(optimizers.get("adam"), optimizers.Adam)
    assert isinstance(optimizers.get("RMSprop"), optimizers.RMSprop)
    assert isinstance(optimizers.get({"class_name": "sgd", "config": {}}), optimizers.SGD)
    assert isinstance(optimizers.get(optimizers.Adam), optimizers.Adam)
    with pytest.raises(ValueError, match=r"Unknown optimizer: 'adan'.*adam"):
        optimizers.get("adan")
    with pytest.raises(ValueError, match="identifier"):
        optimizers.get(3)
    with pytest.raises(ValueError, match=r"Adam: unknown arguments `beta1`"):
        optimizers.Adam(beta1=0.5)


def test_own_optimizer():
    class Signs(optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, ops.sign(gradient) * learning_rate)

    def step(t, g, v, s):
        return v - 0.1 * np.sign(g)

    _close(_run(Signs(learning_rate=0.1), "float32"), _loop(step), 1e-5)


def test_options_by_place():
    """As in Keras: the options of all optimizers come behind an optimizer's own."""
    assert optimizers.SGD(0.1, 0.9, True, 0.01).weight_decay == 0.01
    adam = optimizers.Adam(0.1, 0.9, 0.99, 1e-6, False, None, 1.0)
    assert (adam.weight_decay, adam.clipnorm) == (None, 1.0)
    assert optimizers.AdamW(0.1, 0.2, 0.9, 0.99, 1e-6, False, None, 0.5).clipvalue == 0.5
    assert optimizers.Lamb(0.1, 0.9, 0.99, 1e-6, 0.3).weight_decay == 0.3
    with pytest.raises(TypeError, match="several values for `clipnorm`"):
        optimizers.SGD(0.1, 0.9, True, None, 1.0, clipnorm=2.0)
    with pytest.raises(TypeError, match="at most 13 arguments"):
        optimizers.SGD(*range(14))
    with pytest.raises(ValueError, match="unknown arguments `rate`"):
        optimizers.SGD(rate=1)
