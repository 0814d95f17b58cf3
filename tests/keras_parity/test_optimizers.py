"""Updates on prescribed gradients: 20 steps, weights to 1e-6."""

import numpy as np
import pytest

import nacre
from tests.keras_parity.compare import assert_close

SHAPES = [(3, 4), (5,), (2, 3, 2), ()]

CHOSEN = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {"learning_rate": 0.02, "weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "epsilon": 0.01}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adamax", {}),
    ("Nadam", {"learning_rate": 0.01}),
    ("Lion", {}),
    ("Lamb", {"learning_rate": 0.01}),
    ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.1, "beta": 0.5}),
    ("Ftrl", {"l2_shrinkage_regularization_strength": 0.2, "learning_rate_power": -0.3}),
    ("Adafactor", {"learning_rate": 0.1}),
    ("Adafactor", {"clip_threshold": 0.5, "beta_2_decay": -0.5, "relative_step": False}),
    ("Muon", {"learning_rate": 0.05}),
    ("Muon", {"nesterov": False, "rms_rate": None, "adam_lr_ratio": 0.5, "weight_decay": None}),
    ("Muon", {"exclude_layers": ["variable"], "adam_weight_decay": None}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"warmup_steps": 5, "weight_decay": 0.01, "beta_1": 0.8}),
]

# What may be asked of any optimizer.
LIMITS = [{}, {"clipnorm": 0.7}, {"global_clipnorm": 1.5}, {"clipvalue": 0.3}]
OTHERS = [
    {"weight_decay": 0.05},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 4},
    {"gradient_accumulation_steps": 3, "use_ema": True, "weight_decay": 0.1},
    {"loss_scale_factor": 8.0},
]
SCHEDULES = [
    ("ExponentialDecay", (0.1, 4, 0.7)),
    ("ExponentialDecay", (0.1, 4, 0.7, True)),
    ("PiecewiseConstantDecay", ([3, 9], [0.1, 0.05, 0.01])),
    ("PolynomialDecay", (0.1, 6, 0.001, 2.0, True)),
    ("InverseTimeDecay", (0.1, 5, 0.5)),
    ("CosineDecay", (0.01, 10, 0.1, "CosineDecay", 0.1, 4)),
    ("CosineDecayRestarts", (0.1, 4, 1.5, 0.8, 0.05)),
]
NAMES = sorted({name for name, _ in CHOSEN})


def _drawn_options(seed):
    """An optimizer with some of what any optimizer can be asked for."""
    rng = np.random.default_rng(seed)
    name = NAMES[seed % len(NAMES)]
    options = {}
    if rng.random() < 0.5:
        options["learning_rate"] = SCHEDULES[rng.integers(len(SCHEDULES))]
    options.update(LIMITS[rng.integers(len(LIMITS))])
    for index in rng.choice(len(OTHERS), 2, replace=False):
        options.update(OTHERS[index])
    if name == "Lion":  # whose steps jump where a rounding error changes a sign
        options.pop("use_ema", None)
    return name, options


def _drawn(seed):
    rng = np.random.default_rng(seed)
    rate = float(10 ** rng.uniform(-4, -1))
    if seed % 2:
        momentum = float(rng.choice([0.0, 0.5, 0.99]))
        return "SGD", {
            "learning_rate": rate,
            "momentum": momentum,
            "nesterov": bool(momentum > 0 and rng.random() < 0.5),
        }
    return "Adam", {
        "learning_rate": rate,
        "beta_1": float(rng.uniform(0.5, 0.99)),
        "beta_2": float(rng.uniform(0.9, 0.9999)),
        "epsilon": float(10 ** rng.uniform(-8, -2)),
        "amsgrad": bool(rng.random() < 0.3),
    }


def _jitted(optimizer, variables):
    """Keras's own stateless form, compiled: its eager form compiles every branch at every step."""
    import jax

    step = jax.jit(optimizer.stateless_apply)

    def apply(gradients):
        state = [v.value for v in optimizer.variables]
        values, state = step(state, gradients, [v.value for v in variables])
        for variable, value in zip(
            [*variables, *optimizer.variables], [*values, *state], strict=True
        ):
            variable.assign(value)

    return apply


def _run(lib, name, options, seed, wrap=None):
    rng = np.random.default_rng(seed)
    starts = [rng.standard_normal(shape).astype(np.float32) for shape in SHAPES]
    variables = [lib.Variable(start) for start in starts]
    options = dict(options)
    if isinstance(options.get("learning_rate"), tuple):
        schedule, arguments = options["learning_rate"]
        options["learning_rate"] = getattr(lib.optimizers.schedules, schedule)(*arguments)
    optimizer = getattr(lib.optimizers, name)(**options)
    if wrap:
        optimizer = lib.optimizers.LossScaleOptimizer(optimizer, **wrap)
    optimizer.build(variables)
    apply = _jitted(optimizer, variables) if lib is not nacre else optimizer.apply
    for step in range(20):
        # Sizes from 1e-3 to 10, and one step with no gradient at all.
        size = 0.0 if step == 7 else 10.0 ** rng.uniform(-3, 1)
        gradients = [size * rng.standard_normal(shape).astype(np.float32) for shape in SHAPES]
        if wrap and step % 5 == 3:
            gradients[1][0] = np.inf if step % 2 else np.nan
        apply([np.asarray(g, np.float32) for g in gradients])
    taken = 16 if wrap else 20
    steps = taken // (options.get("gradient_accumulation_steps") or 1)
    assert int(np.asarray(optimizer.iterations)) == steps
    return [np.asarray(variable) for variable in variables], optimizer


def _check(keras, name, options, seed, wrap=None):
    theirs, their_optimizer = _run(keras, name, options, seed, wrap)
    ours, our_optimizer = _run(nacre, name, options, seed, wrap)
    assert_close(ours, theirs, 1e-6, f"{name} {options}", scale=1.0)
    # Saved files rest on the order of the state.
    states = [[np.asarray(v) for v in o.variables] for o in (our_optimizer, their_optimizer)]
    assert [v.shape for v in states[0]] == [v.shape for v in states[1]]
    for mine, other in zip(*states, strict=True):
        # An average in which gradients of both signs cancel keeps the rounding of the gradients.
        scale = max(float(np.abs(other).max(initial=0)), 1e-3)
        assert_close(mine, other, 3e-6, f"state of {name}", scale=scale)


@pytest.mark.parametrize(("name", "options"), CHOSEN)
def test_chosen(keras, name, options):
    _check(keras, name, options, 0)


@pytest.mark.parametrize("seed", range(12))
def test_drawn(keras, seed):
    _check(keras, *_drawn(seed), seed)


@pytest.mark.parametrize("seed", range(len(NAMES)))
def test_with_options_of_every_optimizer(keras, seed):
    _check(keras, *_drawn_options(seed), seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_many_drawn(keras, seed):
    _check(keras, *_drawn(seed), seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1300))
def test_many_drawn_options(keras, seed):
    _check(keras, *_drawn_options(seed), seed)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adam", {"clipnorm": 0.5}),
        ("SGD", {"gradient_accumulation_steps": 2, "use_ema": True, "momentum": 0.9}),
    ],
)
def test_loss_scale(keras, name, options):
    """A gradient that is not finite skips the step; the scale follows."""
    _check(keras, name, options, 4, {"initial_scale": 64.0, "dynamic_growth_steps": 3})


def test_several_optimizers(keras):
    results = []
    for lib in (keras, nacre):
        rng = np.random.default_rng(0)
        variables = [lib.Variable(np.ones(3, np.float32), name=n) for n in ("a", "b", "c")]
        inner = {variables[0].path: lib.optimizers.Adam(0.1), "b.*": lib.optimizers.SGD(0.5)}
        table = lib.optimizers.OptimizerMap(lib.optimizers.RMSprop(0.2), inner)
        optimizer = lib.optimizers.MultiOptimizer(table, loss_scale_factor=4.0)
        optimizer.build(variables)
        for _ in range(5):
            gradients = [rng.standard_normal(3).astype(np.float32) for _ in variables]
            optimizer.apply([lib.ops.convert_to_tensor(g) for g in gradients], variables)
        results.append([np.asarray(v) for v in [*variables, *optimizer.variables]])
    assert_close(results[1], results[0], 1e-6, "several optimizers", scale=1.0)


@pytest.mark.parametrize(("name", "options"), CHOSEN)
def test_configuration(keras, name, options):
    theirs = getattr(keras.optimizers, name)(**options).get_config()
    ours = getattr(nacre.optimizers, name)(**options).get_config()
    assert ours == theirs
