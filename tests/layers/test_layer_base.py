"""The base class: names, tracking, building, losses, masks, the training flag, configuration."""

import numpy as np
import pytest

import nacre
from nacre import layers, ops, saving
from nacre.layers import Layer
from nacre.naming import reset_names, to_snake_case


@pytest.fixture(autouse=True)
def _fresh_names():
    reset_names()


class Scale(Layer):
    """A layer of a user's own, without `get_config`."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, inputs):
        return inputs * self.w * self.factor


class Block(Layer):
    """A layer made of layers, in attributes, lists and dicts."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(3)
        self.rest = [layers.Dense(4), layers.Dense(5)]
        self.more = {"a": layers.Dense(2)}
        self.counter = nacre.Variable(np.zeros((), "float32"), trainable=False, name="counter")

    def call(self, inputs):
        x = self.first(inputs)
        for layer in self.rest:
            x = layer(x)
        self.counter.assign_add(1.0)
        return self.more["a"](x)


def test_names():
    assert [layers.Dense(1).name for _ in range(3)] == ["dense", "dense_1", "dense_2"]
    assert layers.ReLU().name == "re_lu"
    assert layers.BatchNormalization().name == "batch_normalization"
    assert layers.Dense(1, name="mine").name == "mine"
    assert to_snake_case("MaxPooling2D") == "max_pooling2d"
    assert to_snake_case("ELU") == "elu"
    with pytest.raises(ValueError, match="name"):
        layers.Dense(1, name="a/b")


def test_tracking():
    block = Block()
    block(np.zeros((2, 6), "float32"))
    assert len(block.weights) == 9
    assert [w.path for w in block.weights][1:3] == ["block/dense/kernel", "block/dense/bias"]
    assert len(block.trainable_weights) == 8
    assert block.non_trainable_weights[0] is block.counter
    assert float(block.counter.numpy()) == 1.0
    block.rest.append(layers.Dense(1))
    assert len(block._flatten_layers()) == 6
    del block.first
    assert len(block._flatten_layers()) == 5
    block.trainable = False
    assert block.trainable_weights == []
    assert not block.rest[0].trainable
    assert not block.rest[0].kernel.trainable


def test_frozen_before_it_is_built():
    layer = layers.Dense(2)
    layer.trainable = False
    layer.build((None, 3))
    assert layer.trainable_weights == []
    assert [w.name for w in layer.non_trainable_weights] == ["kernel", "bias"]
    store = {}
    layer.save_own_variables(store)
    assert len(store) == 2
    layer.trainable = True
    assert [w.name for w in layer.trainable_weights] == ["kernel", "bias"]
    other = layers.Dense(2)
    other.build((None, 3))
    other.load_own_variables(store)
    np.testing.assert_array_equal(other.kernel.numpy(), layer.kernel.numpy())
    with pytest.raises(ValueError, match=r"expected 2 variables. Received: 1"):
        other.load_own_variables({"0": store["0"]})


def test_weights_round_trip():
    layer = layers.Dense(2)
    layer(np.zeros((1, 3), "float32"))
    values = [np.arange(6, dtype="float32").reshape(3, 2), np.ones(2, "float32")]
    layer.set_weights(values)
    for given, held in zip(values, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(given, held)
    with pytest.raises(ValueError, match=r'Dense "dense": set_weights expected 2 arrays'):
        layer.set_weights(values[:1])
    with pytest.raises(ValueError, match=r"expected shape \(3, 2\).*Received shape \(2, 2\)"):
        layer.set_weights([np.zeros((2, 2)), np.ones(2)])
    with pytest.raises(ValueError, match="built"):
        layers.Dense(2).count_params()


def test_keras_2_arguments():
    assert layers.Dense(1, input_shape=(4,))._input_shape_arg == (4,)
    assert layers.Dense(1, input_dim=4)._input_shape_arg == (4,)
    assert layers.Dense(1, batch_input_shape=(8, 4))._batch_shape_arg == (8, 4)
    assert layers.LeakyReLU(alpha=0.1).negative_slope == 0.1
    layers.BatchNormalization(fused=True)
    kernel, bias = np.ones((3, 2), "float32"), np.ones(2, "float32")
    layer = layers.Dense(2, weights=[kernel, bias])
    np.testing.assert_array_equal(np.asarray(layer(np.ones((1, 3), "f"))), [[4.0, 4.0]])


def test_add_weight_forms():
    class Forms(Layer):
        def build(self, input_shape):
            self.a = self.add_weight((2, 3), "zeros", name="a")
            self.b = self.add_weight(name="b", shape=[4], initializer="ones", trainable=False)
            self.c = self.add_weight("c", (5,))
            self.d = self.add_weight()

        def call(self, x):
            return x

    layer = Forms()
    layer.build((1, 1))
    assert [w.shape for w in layer.weights] == [(2, 3), (5,), (), (4,)]
    assert layer.built
    with pytest.raises(ValueError, match=r'Forms "forms": expected a shape'):
        layer.add_weight(shape=(None, 3))


def test_too_large_for_memory():
    with pytest.raises(MemoryError, match=r'Dense "dense".*kernel'):
        layers.Dense(10**9)(np.zeros((1, 10**5), "float32"))


def test_losses():
    layer = layers.Dense(
        2,
        kernel_initializer="ones",
        kernel_regularizer=nacre.regularizers.L2(0.5),
        activity_regularizer="l1",
    )
    for _ in range(2):  # the losses of the last call only
        layer(np.ones((4, 3), "float32"))
        activity, weights = (float(loss) for loss in layer.losses)
        assert weights == pytest.approx(0.5 * 6)
        assert activity == pytest.approx(0.01 * 24 / 4)

    class Adds(Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x

    adds = Adds()
    adds(np.ones((2, 2), "float32"))
    assert [float(loss) for loss in adds.losses] == [4.0]
    with pytest.raises(ValueError, match="add_loss"):
        adds.add_loss(3.0)


def test_training_is_inherited():
    seen = []

    class Inner(Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x

    class Outer(Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            return self.inner(self.inner(x), training=False)

    x = np.ones((1, 1), "float32")
    outer = Outer()
    outer(x)
    outer(x, training=True)
    Inner()(x, True)
    assert seen == [None, False, True, False, True]

    class Defaults(Layer):
        def call(self, x, training=True):
            seen.append(training)
            return x

    Defaults()(x)
    Defaults()(x, training=False)
    assert seen[-2:] == [True, False]


def test_masks_travel_and_are_dropped_with_a_warning():
    ids = np.array([[1, 0, 2]])
    embedded = layers.Embedding(4, 2, mask_zero=True)(ids)
    passed = layers.Dense(3)(layers.Activation("relu")(embedded))
    assert np.asarray(passed._keras_mask).tolist() == [[True, False, True]]

    class Consumes(Layer):
        supports_masking = True

        def call(self, x, mask=None):
            assert mask is not None
            return ops.sum(x * ops.expand_dims(ops.cast(mask, x.dtype), -1), axis=1)

        def compute_mask(self, inputs, mask=None):
            return None

    assert getattr(Consumes()(passed), "_keras_mask", None) is None

    class Drops(Layer):
        def call(self, x):
            return x + 1

    with pytest.warns(UserWarning, match=r'Drops "drops" was passed an input with a mask'):
        assert getattr(Drops()(passed), "_keras_mask", None) is None


def test_several_arguments_and_shapes():
    class Two(Layer):
        def build(self, query_shape, value_shape):
            self.shapes = (query_shape, value_shape)

        def call(self, query, value=None, query_mask=None):
            return query + value

    layer = Two()
    layer(np.ones((2, 3), "float32"), value=np.ones((2, 1), "float32"))
    assert layer.shapes == ((2, 3), (2, 1))

    class Takes(Layer):
        def build(self, input_shape):
            self.shapes = input_shape

        def call(self, inputs):
            return inputs["a"] + inputs["b"]

    layer = Takes()
    layer({"a": np.ones((2, 3), "float32"), "b": np.ones((2, 3), "float32")})
    assert layer.shapes == {"a": (2, 3), "b": (2, 3)}
    with pytest.raises(TypeError, match=r'Takes "takes".*unknown argument `other`'):
        layer({"a": np.ones(1), "b": np.ones(1)}, other=3)


def test_own_layer_configuration():
    layer = Scale(3.0, name="triple")
    assert layer.get_config()["factor"] == 3.0
    again = Scale.from_config(layer.get_config())
    assert (again.factor, again.name) == (3.0, "triple")
    config = layers.serialize(layer)
    assert layers.deserialize(config).factor == 3.0  # the class is at hand in this process
    config["module"] = "elsewhere"
    with pytest.raises(ValueError, match="Unknown class 'Scale'"):
        layers.deserialize(config)
    with saving.custom_object_scope({"Scale": Scale}):
        assert layers.deserialize(layers.serialize(layer)).factor == 3.0
    assert layers.deserialize(layers.serialize(layer), {"Scale": Scale}).factor == 3.0


def test_autocast_and_dtypes():
    class Sees(Layer):
        def call(self, x):
            self.seen = x.dtype
            return x

    for given, seen in [("float64", "float32"), ("float16", "float32"), ("int64", "int64")]:
        layer = Sees()
        layer(np.ones((1, 1), given))
        assert layer.seen == seen
    layer = Sees(dtype="float64")
    layer(np.ones((1, 1), "float32"))
    assert layer.seen == "float64"
    assert layer.compute_dtype == layer.variable_dtype == layer.dtype == "float64"
    layer = Sees(autocast=False)
    layer(np.ones((1, 1), "float64"))
    assert layer.seen == "float64"


def test_forgotten_super_init():
    class Forgot(Layer):
        def __init__(self):
            self.x = 1

    with pytest.raises(RuntimeError, match="super"):
        Forgot()(np.ones((1, 1)))


def test_input_and_output():
    inputs = layers.Input((3,))
    layer = layers.Dense(2)
    outputs = layer(inputs)
    assert layer.input is inputs
    assert layer.output is outputs
    with pytest.raises(AttributeError, match="no input"):
        _ = layers.Dense(2).input


def test_default_build_and_output_shape():
    class Plain(Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(7)

        def call(self, x):
            return self.dense(x)

    layer = Plain()
    assert layer.compute_output_shape((None, 3)) == (None, 7)
    assert layer.losses == []
    assert layer.dense.kernel.shape == (3, 7)
