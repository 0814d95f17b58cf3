"""The functional API: graphs of layer calls."""

import json

import numpy as np
import pytest

import nacre
from nacre import layers, ops


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def two_input_model():
    a, b = layers.Input((3,), name="a"), layers.Input((4,), name="b")
    left = layers.Dense(5, activation="relu", name="left")(a)
    right = layers.Dense(5, activation="tanh", name="right")(b)
    joined = layers.Concatenate(name="joined")([left, right])
    return nacre.Model([a, b], [layers.Dense(2, name="x")(joined), layers.Dense(1, name="y")(left)])


def test_outputs_match_the_layers_called_by_hand():
    inputs = layers.Input((3,))
    first, second = layers.Dense(4, activation="relu"), layers.Dense(2)
    model = nacre.Model(inputs, second(first(inputs)))
    x = data(6, 3)
    np.testing.assert_array_equal(model.predict(x, verbose=0), second(first(x)).numpy())
    np.testing.assert_allclose(model(x).numpy(), second(first(x)).numpy(), rtol=1e-6)


def test_model_called_with_inputs_and_outputs_is_functional():
    inputs = layers.Input((3,))
    model = nacre.Model(inputs=inputs, outputs=layers.Dense(2)(inputs), name="net")
    assert type(model).__name__ == "Functional"
    assert model.name == "net"
    assert model.input_shape == (None, 3)
    assert model.output_shape == (None, 2)
    assert model.layers[0].name.startswith("input_layer")


def test_several_inputs_and_outputs():
    model = two_input_model()
    a, b = data(7, 3), data(7, 4, seed=1)
    x, y = model.predict([a, b], verbose=0)
    assert x.shape == (7, 2)
    assert y.shape == (7, 1)
    by_name = model.predict({"a": a, "b": b}, verbose=0)
    np.testing.assert_array_equal(by_name[0], x)
    assert model.input_names == ["a", "b"]
    assert model.output_names == ["x", "y"]


def test_dictionary_inputs_and_outputs():
    inputs = {"u": layers.Input((2,), name="u"), "v": layers.Input((2,), name="v")}
    total = layers.Add()([inputs["u"], inputs["v"]])
    model = nacre.Model(inputs, {"sum": total, "double": total * 2.0})
    u, v = data(4, 2), data(4, 2, seed=1)
    out = model.predict({"v": v, "u": u}, verbose=0)
    np.testing.assert_allclose(out["sum"], u + v, rtol=1e-6)
    np.testing.assert_allclose(out["double"], 2 * (u + v), rtol=1e-6)
    assert model.output_names == ["double", "sum"]


def test_shared_layer_has_one_set_of_weights_and_sums_its_gradients():
    a, b = layers.Input((3,)), layers.Input((3,))
    shared = layers.Dense(2, use_bias=False)
    model = nacre.Model([a, b], shared(a) + shared(b))
    assert len(model.weights) == 1
    model.compile(nacre.optimizers.SGD(1.0), lambda y, p: ops.sum(p, axis=-1))
    x1, x2 = data(1, 3), data(1, 3, seed=1)
    before = shared.kernel.numpy()
    model.fit([x1, x2], np.zeros((1, 2)), verbose=0)
    gradient = before - shared.kernel.numpy()
    np.testing.assert_allclose(gradient, np.repeat((x1 + x2).T, 2, axis=1), rtol=1e-5, atol=1e-6)


def test_nested_models():
    inner_in = layers.Input((4,))
    inner = nacre.Model(inner_in, layers.Dense(3, activation="relu")(inner_in), name="inner")
    tail = nacre.Sequential([layers.Dense(2)], name="tail")
    inputs = layers.Input((4,))
    model = nacre.Model(inputs, tail(inner(inputs)))
    x = data(5, 4)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), tail(inner(x)).numpy(), rtol=1e-5, atol=1e-6
    )
    assert len(model.weights) == 4
    assert model.get_layer("inner") is inner


def test_a_model_can_be_cut_at_any_placeholder():
    inputs = layers.Input((3,))
    hidden = layers.Dense(4, activation="relu")(inputs)
    outputs = layers.Dense(2)(hidden)
    whole = nacre.Model(inputs, outputs)
    head = nacre.Model(inputs, hidden)
    tail = nacre.Model(hidden, outputs)
    x = data(5, 3)
    through = tail.predict(head.predict(x, verbose=0), verbose=0)
    np.testing.assert_allclose(whole.predict(x, verbose=0), through, rtol=1e-5, atol=1e-6)
    assert len(tail.weights) == 2


def test_features_of_every_layer():
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(4), layers.Dense(2)])
    extractor = nacre.Model(model.inputs, [layer.output for layer in model.layers])
    first, second = extractor.predict(data(5, 3), verbose=0)
    assert first.shape == (5, 4)
    np.testing.assert_array_equal(second, model.predict(data(5, 3), verbose=0))


def test_operators_and_ops_on_placeholders():
    inputs = layers.Input((6,))
    left, right = inputs[:, :3], inputs[:, 3:]
    mixed = ops.where(left > 0, left * 2 + 1, -right) / 4 - ops.mean(right, axis=-1, keepdims=True)
    model = nacre.Model(inputs, mixed)
    x = data(5, 6)
    a, b = x[:, :3], x[:, 3:]
    expected = np.where(a > 0, a * 2 + 1, -b) / 4 - b.mean(-1, keepdims=True)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_placeholders_refuse_numpy():
    inputs = layers.Input((3,))
    with pytest.raises(TypeError, match="KerasTensor"):
        np.asarray(inputs)
    with pytest.raises(TypeError, match="placeholder"):
        bool(inputs > 0)


def test_unknown_sizes_stay_unknown():
    inputs = layers.Input((None, 3))
    hidden = layers.Dense(4)(inputs)
    assert hidden.shape == (None, None, 4)
    model = nacre.Model(inputs, ops.mean(hidden, axis=1))
    assert model.output_shape == (None, 4)
    assert model.predict(data(2, 5, 3), verbose=0).shape == (2, 4)
    assert model.predict(data(2, 9, 3), verbose=0).shape == (2, 4)


@pytest.mark.parametrize("make", [two_input_model])
def test_configuration_round_trip(make):
    model = make()
    config = json.loads(json.dumps(model.get_config()))
    copy = nacre.Model.from_config(config)
    copy.set_weights(model.get_weights())
    inputs = [data(3, 3), data(3, 4)]
    for a, b in zip(model.predict(inputs, verbose=0), copy.predict(inputs, verbose=0), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]


def test_configuration_of_ops_shared_layers_and_slices():
    inputs = layers.Input((4,), name="in")
    shared = layers.Dense(4, name="shared")
    hidden = shared(shared(inputs))
    model = nacre.Model(inputs, ops.concatenate([hidden[:, 1:], hidden * 2.0], axis=-1))
    copy = nacre.models.model_from_json(model.to_json())
    copy.set_weights(model.get_weights())
    x = data(3, 4)
    np.testing.assert_array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))
    assert len(copy.weights) == 2


def test_clone_has_its_own_weights():
    model = two_input_model()
    copy = nacre.models.clone_model(model)
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]
    assert not any(a is b for a, b in zip(copy.weights, model.weights, strict=True))
    copy.set_weights(model.get_weights())
    inputs = [data(3, 3), data(3, 4)]
    np.testing.assert_array_equal(
        copy.predict(inputs, verbose=0)[0], model.predict(inputs, verbose=0)[0]
    )


def test_clone_function_chooses_the_layers():
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(4), layers.Dropout(0.5)])

    def without_dropout(layer):
        return layers.Identity() if isinstance(layer, layers.Dropout) else type(layer)(4)

    copy = nacre.models.clone_model(model, clone_function=without_dropout)
    assert [type(layer).__name__ for layer in copy.layers] == ["Dense", "Identity"]


def test_get_layer():
    model = two_input_model()
    assert model.get_layer("left") is model.get_layer(
        index=model.layers.index(model.get_layer("left"))
    )
    with pytest.raises(ValueError, match="no layer named 'middle'"):
        model.get_layer("middle")
    with pytest.raises(ValueError, match="index=99"):
        model.get_layer(index=99)


def test_errors_name_the_model_and_what_it_expected():
    inputs = layers.Input((3,), name="features")
    model = nacre.Model(inputs, layers.Dense(2)(inputs), name="net")
    with pytest.raises(ValueError, match=r'"net".*"features".*\(None, 3\).*\(5, 4\)'):
        model(data(5, 4))
    with pytest.raises(ValueError, match="expected 1 inputs"):
        model([data(5, 3), data(5, 3)])
    other = layers.Input((3,), name="other")
    with pytest.raises(ValueError, match='"other", which is not among `inputs`'):
        nacre.Model(inputs, layers.Dense(2)(other))
    with pytest.raises(ValueError, match="`outputs` must be made by `Input`"):
        nacre.Model(inputs, data(2, 2))


def test_mask_reaches_the_loss_through_a_functional_model():
    inputs = layers.Input((3,), dtype="int32")
    embedded = layers.Embedding(5, 4, mask_zero=True)(inputs)
    model = nacre.Model(inputs, layers.Dense(1)(embedded))
    model.compile("sgd", "mse")
    x = np.array([[1, 2, 0], [3, 0, 0]])
    y = np.ones((2, 3, 1), "float32")
    predictions = model.predict(x, verbose=0)
    valid = (x != 0)[..., None]
    expected = ((predictions - y) ** 2 * valid).sum() / valid.sum()
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-5)
