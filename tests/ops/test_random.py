"""Random tensors: distributions, seeds, streams inside and outside of traced functions."""

import random as python_random

import numpy as np
import pytest

import nacre
from nacre import ops, random
from nacre.random import SeedGenerator
from tests.ops.engines import ENGINES, engine

N = 20000


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distributions(name, dtype):
    with engine(name):
        x = random.normal((N,), 2.0, 3.0, dtype=dtype, seed=1).numpy()
        assert x.dtype == dtype
        assert abs(x.mean() - 2) < 0.1
        assert abs(x.std() - 3) < 0.1
        x = random.uniform((N,), -1, 3, dtype=dtype, seed=2).numpy()
        assert x.min() >= -1
        assert x.max() < 3
        assert abs(x.mean() - 1) < 0.05
        assert abs(np.mean(x < 0) - 0.25) < 0.02
        x = random.truncated_normal((N,), 1.0, 2.0, dtype=dtype, seed=3).numpy()
        assert np.abs(x - 1).max() <= 4.0
        assert abs(x.std() / 2 - 0.8796) < 0.02
        x = random.gamma((N,), 2.5, dtype=dtype, seed=4).numpy()
        assert x.min() > 0
        assert abs(x.mean() - 2.5) < 0.1
        assert abs(x.var() - 2.5) < 0.2
        x = random.beta((N,), 2.0, 3.0, dtype=dtype, seed=5).numpy()
        assert abs(x.mean() - 0.4) < 0.02
        assert abs(x.var() - 0.04) < 0.005
        x = random.binomial((N,), 10, 0.3, dtype=dtype, seed=6).numpy()
        assert set(np.unique(x)) <= set(range(11))
        assert abs(x.mean() - 3) < 0.1


@pytest.mark.parametrize("name", ENGINES)
def test_integers(name):
    with engine(name):
        x = random.randint((N,), -2, 5, seed=1)
        assert x.dtype == "int32"
        counts = np.bincount(x.numpy() + 2)
        assert len(counts) == 7
        assert np.abs(counts / N - 1 / 7).max() < 0.02
        logits = np.log([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0001]])
        x = random.categorical(logits.astype("float32"), N, seed=2)
        assert x.shape == (2, N)
        assert abs(np.mean(x.numpy()[0] == 2) - 0.7) < 0.02
        assert abs(np.mean(x.numpy()[1] == 0) - 0.5) < 0.02
        order = random.shuffle(np.arange(100), seed=3).numpy()
        assert sorted(order) == list(range(100))
        assert (order != np.arange(100)).sum() > 80


def test_dropout():
    x = np.ones((100, 200), "float32")
    y = random.dropout(x, 0.25, seed=1).numpy()
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.02
    columns = random.dropout(x, 0.5, noise_shape=(None, 1), seed=1).numpy()
    assert (columns == columns[:, :1]).all()
    assert (columns[:, 0] == 0).any()
    np.testing.assert_array_equal(random.dropout(x, 0.0), x)
    np.testing.assert_array_equal(random.dropout(x, 1.0), 0 * x)
    with pytest.raises(ValueError):
        random.dropout(x, 1.5)
    with pytest.raises(ValueError):
        random.dropout(x, 0.5, noise_shape=(1,))


def test_seeds():
    draw = lambda seed: random.normal((5,), seed=seed).numpy()  # noqa: E731
    np.testing.assert_array_equal(draw(7), draw(7))
    assert (draw(7) != draw(8)).all()
    assert (draw(7) != draw(7 + 2**32)).all()
    a, b = SeedGenerator(7), SeedGenerator(7)
    first, second = draw(a), draw(a)
    assert (first != second).all()
    np.testing.assert_array_equal(first, draw(b))
    assert SeedGenerator.from_config(a.get_config()).initial_seed == 7
    assert not a.state.trainable
    for bad in ("a", 1.5, -1):
        with pytest.raises(ValueError):
            SeedGenerator(bad)
    with pytest.raises(ValueError):
        random.normal((2,), seed="a")


def test_the_global_stream_is_seeded():
    random.set_global_seed(3)
    first = [random.uniform((4,)).numpy() for _ in range(2)]
    random.set_global_seed(3)
    second = [random.uniform((4,)).numpy() for _ in range(2)]
    np.testing.assert_array_equal(first, second)
    assert (first[0] != first[1]).all()
    python_random.seed(11)
    a = SeedGenerator().initial_seed
    python_random.seed(11)
    assert SeedGenerator().initial_seed == a


def test_streams_go_on_in_traced_functions():
    generator = SeedGenerator(5)
    draw = nacre.function(lambda: (random.normal((3,), seed=generator), random.uniform((3,))))
    normals, uniforms = zip(*(draw() for _ in range(3)), strict=True)
    assert draw.num_traces == 1
    assert len({tuple(n.numpy()) for n in normals}) == 3
    assert len({tuple(u.numpy()) for u in uniforms}) == 3
    again = SeedGenerator(5)
    for n in normals:
        np.testing.assert_array_equal(n, random.normal((3,), seed=again))


def test_the_batch_size_may_be_unknown():
    from nacre import _core

    with _core.Trace() as trace:
        x = trace.input("float32", (_core.Dim.symbol("n"), 3), "x")
        y = random.uniform(ops.shape(x), seed=1)
        run = _core.compile(trace.finish([y]))
    for n in (2, 5):
        assert run(np.zeros((n, 3), "float32"))[0].shape == (n, 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: random.normal((2,), dtype="int32"),
        lambda: random.normal((-1,)),
        lambda: random.normal("a"),
        lambda: random.randint((2,), 5, 5),
        lambda: random.randint((2,), 0, 5, dtype="float32"),
        lambda: random.categorical(np.zeros(3, "float32"), 2),
        lambda: random.binomial((2,), -1, 0.5),
    ],
)
def test_bad_arguments(call):
    with pytest.raises((ValueError, TypeError)):
        call()
