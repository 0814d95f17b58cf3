"""GradientTape, grad and function."""

import gc
import weakref

import numpy as np
import pytest

import nacre
from nacre import GradientTape, Variable, ops


def test_tape_outside_of_a_trace():
    w, b = Variable([[1.0], [2.0]]), Variable([0.5])
    x = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    with GradientTape() as tape:
        y = ops.matmul(x, w) + b
        loss = ops.mean(ops.square(y))
        assert float(loss) > 0  # values exist meanwhile
    dw, db, nothing = tape.gradient(loss, [w, b, Variable(1.0)])
    out = x @ [[1.0], [2.0]] + 0.5
    np.testing.assert_allclose(dw, x.T @ out * 2 / 2, rtol=1e-6)
    np.testing.assert_allclose(db, [out.mean() * 2], rtol=1e-6)
    assert nothing is None


def test_tape_watches_tensors_and_keeps_structure():
    x = {"a": ops.array([1.0, 2.0]), "b": (ops.array(3.0),)}
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(x["a"] ** 2) * x["b"][0]
    found = tape.gradient(y, x)
    np.testing.assert_allclose(found["a"], [6, 12])
    np.testing.assert_allclose(found["b"][0], 5)


def test_output_gradients_and_several_targets():
    x = ops.array([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        y, z = x * 2, x**2
    np.testing.assert_allclose(tape.gradient([y, z], x), [4, 6])
    np.testing.assert_allclose(tape.gradient(y, x, output_gradients=[3.0, 4.0]), [6, 8])
    zero = tape.gradient(ops.array(1.0), x, unconnected_gradients="zero")
    np.testing.assert_allclose(zero, [0, 0])


def test_a_tape_is_used_once():
    x = ops.array(2.0)
    with GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(RuntimeError, match="persistent"):
        tape.gradient(y, x)
    with pytest.raises(RuntimeError, match="recorded"):
        GradientTape().gradient(y, x)
    with pytest.raises(TypeError, match="source"), GradientTape() as tape:
        tape.gradient(y, 3.0)


def test_nested_tapes_give_second_derivatives():
    x = Variable([1.0, 2.0])
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = ops.sum(x**3)
        first = inner.gradient(y, x)
        total = ops.sum(first**2)
    np.testing.assert_allclose(first, [3, 12])
    np.testing.assert_allclose(outer.gradient(total, x), [36, 288])


def test_gradient_penalty_in_a_traced_function():
    w = Variable([[1.0], [2.0]])

    @nacre.function
    def step(x):
        with GradientTape() as outer:
            with GradientTape() as inner:
                score = ops.sum(ops.tanh(ops.matmul(x, w)))
            slope = inner.gradient(score, x)
            penalty = ops.mean(ops.square(ops.norm(slope, axis=1) - 1.0))
        return penalty, outer.gradient(penalty, w)

    x = np.array([[0.1, 0.2], [0.3, -0.4]], "float32")
    found = step(x)[1]
    for i in range(2):
        values = []
        for sign in (1, -1):
            shifted = np.array([[1.0], [2.0]], "float32")
            shifted[i] += sign * 1e-2
            w.assign(shifted)
            values.append(float(step(x)[0]))
        np.testing.assert_allclose(found[i], (values[0] - values[1]) / 2e-2, rtol=1e-2)


def test_variable_written_between_reads():
    v = Variable(2.0)

    @nacre.function
    def step():
        with GradientTape() as tape:
            y = v * v
            v.assign(v + 1.0)
        return tape.gradient(y, v)

    assert float(step()) == 4.0
    assert float(v) == 3.0
    with GradientTape() as tape:
        y = v * v
    v.assign(10.0)
    assert float(tape.gradient(y, v)) == 6.0


def test_tape_records_loops_and_branches():
    w = Variable(2.0)
    xs = ops.array([1.0, 2.0, 3.0])
    with GradientTape(persistent=True) as tape:
        last, _ = ops.scan(lambda c, x: (c * w + x, c), ops.array(0.0), xs)
        chosen = ops.cond(last > 0, lambda: last * 3.0, lambda: last)
    assert float(last) == 11.0
    assert float(tape.gradient(last, w)) == 6.0
    np.testing.assert_allclose(tape.gradient(last, xs), [4, 2, 1])
    assert float(tape.gradient(chosen, w)) == 18.0


def test_stop_gradient_and_integers():
    x = ops.array(3.0)
    with GradientTape(persistent=True) as tape:
        y = x * ops.stop_gradient(x)
        n = ops.cast(x, "int32")
        z = ops.cast(n, "float32") * 2.0
    assert float(tape.gradient(y, x)) == 3.0
    assert tape.gradient(z, x) is None


def test_grad_and_value_and_grad():
    def loss(w, x):
        return ops.sum((w["k"] * x) ** 2)

    w = {"k": np.array([1.0, 2.0], "float32")}
    x = np.array([3.0, 4.0], "float32")
    value, found = nacre.value_and_grad(loss)(w, x)
    assert float(value) == 73.0
    np.testing.assert_allclose(found["k"], [18, 64])
    _, dx = nacre.grad(loss, argnums=(0, 1))(w, x)
    np.testing.assert_allclose(dx, [6, 32])
    with pytest.raises(ValueError, match="scalar"):
        nacre.grad(lambda x: x)(x)
    found, aux = nacre.grad(lambda x: (ops.sum(x**2), x + 1), has_aux=True)(x)
    np.testing.assert_allclose(found, [6, 8])
    np.testing.assert_allclose(aux, [4, 5])


def test_third_derivative():
    third = nacre.grad(nacre.grad(nacre.grad(lambda x: x**4)))
    assert float(third(np.float64(2.0))) == 48.0
    np.testing.assert_allclose(
        float(nacre.grad(nacre.grad(ops.sin))(np.float64(0.5))), -np.sin(0.5)
    )


def test_function_traces_once_per_signature():
    calls = []

    @nacre.function
    def f(x, scale=1.0, *, flag=False):
        calls.append(1)
        return {"y": x * scale, "flag": flag}

    assert float(f(np.float32(2))["y"]) == 2.0
    f(np.float32(3))
    assert len(calls) == 1
    out = f(np.ones(2, "float32"), 2.0, flag=True)
    assert out["flag"] is True
    np.testing.assert_array_equal(out["y"], [2, 2])
    assert len(calls) == 2
    f(np.ones(2, "float64"))
    assert f.num_traces == 3
    assert f.__name__ == "f"


def test_function_traces_are_bounded():
    f = nacre.function(lambda x, n: x + n)
    for n in range(f.capacity + 5):
        assert float(f(np.float32(1), n)) == 1 + n
    assert f.num_traces == f.capacity


def test_function_as_method_and_inside_another():
    class Model:
        def __init__(self):
            self.w = Variable(3.0)

        @nacre.function
        def scaled(self, x):
            return x * self.w

    model = Model()
    outer = nacre.function(lambda x: model.scaled(x) + 1)
    assert float(outer(np.float32(2))) == 7.0


def test_symbolic_tensors_do_not_leave_their_trace():
    kept = []
    nacre.function(lambda x: kept.append(x) or x)(np.float32(1))
    with pytest.raises(ValueError, match="trace"):
        ops.exp(kept[0])


def test_errors_leave_nothing_behind():
    with pytest.raises(ZeroDivisionError):
        nacre.function(lambda x: 1 / 0)(np.float32(1))
    assert not nacre._core.is_tracing()
    with pytest.raises(ZeroDivisionError), GradientTape():
        raise ZeroDivisionError
    assert not nacre._core.tape_active()


def test_functions_are_freed():
    f = nacre.function(lambda x: x + 1)
    f(np.float32(1))
    ref = weakref.ref(f)
    del f
    gc.collect()
    assert ref() is None
