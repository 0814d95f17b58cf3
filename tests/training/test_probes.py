"""Probes of the architecture: state, traced steps, regions, symbolic shapes, second derivatives."""

import os

import numpy as np
import pytest

import nacre
from nacre import layers, ops


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


class TraceCounter(nacre.Model):
    """Counts how often its training step is traced."""

    traces = 0

    def train_step(self, batch):
        self.traces += 1
        return super().train_step(batch)


def counted(inputs, outputs, **compile_arguments):
    model = TraceCounter(inputs, outputs)
    model.compile(**compile_arguments)
    return model


class MovingAverage(layers.Layer):
    """A stateful layer: its own moving average of what it saw in training."""

    def build(self, input_shape):
        self.average = self.add_weight(
            shape=(input_shape[-1],), initializer="zeros", trainable=False, name="average"
        )

    def call(self, x, training=False):
        if training:
            self.average.assign(0.9 * self.average + 0.1 * ops.mean(x, axis=0))
        return x - self.average


def test_stateful_layer_keeps_its_moving_average():
    model = nacre.Sequential([layers.Input((3,)), MovingAverage(), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = data(20, 3) + 5
    model.fit(x, data(20, 1), batch_size=5, epochs=3, shuffle=False, verbose=0)
    expected = np.zeros(3)
    for _ in range(3):
        for start in range(0, 20, 5):
            expected = 0.9 * expected + 0.1 * x[start : start + 5].mean(axis=0)
    average = model.layers[0].average
    np.testing.assert_allclose(average.numpy(), expected, rtol=1e-5)
    before = average.numpy()
    model.evaluate(x, data(20, 1), verbose=0)
    model.predict(x, verbose=0)
    np.testing.assert_array_equal(average.numpy(), before)


class TwoOptimizers(nacre.Model):
    """A generator and a critic, each with an optimizer and a loss of its own."""

    def __init__(self):
        super().__init__()
        self.generator = layers.Dense(2)
        self.critic = layers.Dense(1)
        self.generator_loss = nacre.metrics.Mean(name="generator_loss")
        self.critic_loss = nacre.metrics.Mean(name="critic_loss")

    def compile(self, generator_optimizer, critic_optimizer):
        super().compile(optimizer=None)
        self.generator_optimizer = generator_optimizer
        self.critic_optimizer = critic_optimizer

    @property
    def metrics(self):
        return [self.generator_loss, self.critic_loss]

    def call(self, x):
        return self.generator(x)

    def train_step(self, batch):
        x, y = batch
        with nacre.GradientTape() as tape:
            critic_loss = ops.mean(
                ops.square(self.critic(y) - 1) + ops.square(self.critic(self(x)))
            )
        variables = self.critic.trainable_variables
        self.critic_optimizer.apply_gradients(
            zip(tape.gradient(critic_loss, variables), variables, strict=True)
        )
        with nacre.GradientTape() as tape:
            generator_loss = ops.mean(ops.square(self.critic(self(x)) - 1))
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply_gradients(
            zip(tape.gradient(generator_loss, variables), variables, strict=True)
        )
        self.generator_loss.update_state(generator_loss)
        self.critic_loss.update_state(critic_loss)
        return {metric.name: metric.result() for metric in self.metrics}


def two_optimizers_by_hand(weights, x, y, rate, steps):
    """The same with NumPy."""
    g, gb, c, cb = (w.astype("float64") for w in weights)
    n = len(x)
    losses = []
    for _ in range(steps):
        fake = x @ g + gb
        real_error, fake_error = y @ c + cb - 1, fake @ c + cb
        losses.append(np.mean(real_error**2 + fake_error**2))
        c_gradient = 2 * (y.T @ real_error + fake.T @ fake_error) / n
        cb_gradient = 2 * (real_error + fake_error).sum(0) / n
        c, cb = c - rate * c_gradient, cb - rate * cb_gradient
        error = fake @ c + cb - 1  # the critic's new weights
        upstream = 2 * error @ c.T / n
        g, gb = g - rate * x.T @ upstream, gb - rate * upstream.sum(0)
    return [g, gb, c, cb], losses


def test_train_step_with_two_optimizers_and_two_losses():
    model = TwoOptimizers()
    model.compile(nacre.optimizers.SGD(0.1), nacre.optimizers.SGD(0.1))
    x, y = data(6, 3), data(6, 2, seed=1)
    model.generator.build((None, 3))
    model.critic.build((None, 2))
    weights = [*model.generator.get_weights(), *model.critic.get_weights()]
    history = model.fit(x, y, epochs=5, batch_size=6, shuffle=False, verbose=0)
    expected, losses = two_optimizers_by_hand(weights, x, y, 0.1, 5)
    after = [*model.generator.get_weights(), *model.critic.get_weights()]
    for value, reference in zip(after, expected, strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(history.history["critic_loss"], losses, rtol=1e-4)
    assert set(history.history) == {"critic_loss", "generator_loss"}


def recurrent(w, u, x):
    def step(state, x_t):
        state = ops.tanh(ops.matmul(x_t, w) + ops.matmul(state, u))
        return state, state

    start = ops.zeros((x.shape[1], u.shape[0]), dtype="float64")
    last, states = ops.scan(step, start, x)
    return ops.sum(ops.square(last)) + ops.sum(states)


def test_gradient_of_a_scan_against_finite_differences():
    generator = np.random.default_rng(0)
    w, u, x = (generator.normal(size=s) * 0.5 for s in ((3, 4), (4, 4), (5, 2, 3)))
    gradients = nacre.grad(recurrent, argnums=(0, 1, 2))(w, u, x)
    arguments = [w, u, x]
    for index, gradient in enumerate(gradients):
        numeric = np.zeros_like(arguments[index])
        for place in np.ndindex(*numeric.shape):
            values = []
            for sign in (1, -1):
                moved = [a.copy() for a in arguments]
                moved[index][place] += sign * 1e-6
                values.append(float(recurrent(*map(ops.convert_to_tensor, moved))))
            numeric[place] = (values[0] - values[1]) / 2e-6
        np.testing.assert_allclose(np.asarray(gradient), numeric, rtol=1e-6, atol=1e-8)


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_two_hundred_lengths_need_one_trace_and_flat_memory():
    inputs = layers.Input((None, 3))
    hidden = layers.Dense(4, activation="relu")(inputs)
    model = counted(inputs, layers.Dense(1)(ops.mean(hidden, axis=1)), optimizer="adam", loss="mse")
    y = data(4, 1)
    sizes = []
    for length in range(200, 0, -1):
        model.fit(data(4, length, 3), y, verbose=0)
        sizes.append(resident_bytes())
    assert model.traces == 1
    assert sizes[-1] - sizes[100] < 2**20
    assert model.predict(data(2, 333, 3), verbose=0).shape == (2, 1)


def test_other_lengths_of_undeclared_axes_need_one_more_trace():
    class Pool(TraceCounter):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    model = Pool()
    model.compile("sgd", "mse")
    for length in range(2, 30):
        model.fit(data(4, length, 3), data(4, length, 1), verbose=0)
    assert model.traces == 2


def second_difference(function, x, v, epsilon=1e-4):
    return (function(x + epsilon * v) - function(x - epsilon * v)) / (2 * epsilon)


@pytest.mark.parametrize("which", ["batch_normalization", "cross_entropy"])
def test_second_derivative(which):
    generator = np.random.default_rng(3)
    x = generator.normal(size=(5, 3))
    labels = np.array([0, 2, 1, 1, 0])
    if which == "batch_normalization":
        layer = layers.BatchNormalization(dtype="float64")
        layer.build((None, 3))

        def function(z):
            return ops.sum(ops.power(layer(z, training=True), 3) * ops.cast(z, "float64"))

    else:

        def function(z):
            probabilities = ops.softmax(z)
            return ops.sum(ops.square(ops.sparse_categorical_crossentropy(labels, probabilities)))

    v = generator.normal(size=x.shape)

    def directional(z):
        return ops.sum(nacre.grad(function)(z) * v)

    hessian_v = np.asarray(nacre.grad(directional)(x))
    numeric = second_difference(lambda z: np.asarray(nacre.grad(function)(z)), x, v)
    np.testing.assert_allclose(hessian_v, numeric, rtol=1e-5, atol=1e-6)


def test_masked_loss_is_the_mean_over_what_is_not_masked():
    model = nacre.Sequential([layers.Masking(input_shape=(4, 2)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = data(3, 4, 2)
    x[0, 2:] = 0
    x[2, 1:] = 0
    y = data(3, 4, 1)
    valid = np.any(x != 0, axis=-1, keepdims=True)
    errors = model.predict(x, verbose=0) - y
    loss, mae = model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(loss, (errors**2 * valid).sum() / valid.sum(), rtol=1e-5)
    np.testing.assert_allclose(mae, (abs(errors) * valid).sum() / valid.sum(), rtol=1e-5)


def test_learning_rate_changed_by_a_callback_without_a_new_trace():
    inputs = layers.Input((2,))
    model = counted(
        inputs,
        layers.Dense(1, use_bias=False, kernel_initializer="ones")(inputs),
        optimizer=nacre.optimizers.SGD(0.1),
        loss="mse",
    )
    rates = [0.5, 0.0, 0.25]
    kernels = []

    class Schedule(nacre.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = rates[epoch]

        def on_epoch_end(self, epoch, logs=None):
            kernels.append(self.model.get_weights()[0].copy())

    x, y = np.eye(2, dtype="float32"), np.zeros((2, 1), "float32")
    model.fit(x, y, epochs=3, callbacks=[Schedule()], verbose=0)
    # The gradient of the mean square is the kernel itself.
    np.testing.assert_allclose([k[0, 0] for k in kernels], [0.5, 0.5, 0.375], rtol=1e-6)
    assert model.traces == 1


def test_trainable_toggled_and_compiled_again():
    inputs = layers.Input((3,))
    frozen = layers.Dense(4, activation="relu")
    model = counted(inputs, layers.Dense(1)(frozen(inputs)), optimizer="sgd", loss="mse")
    x, y = data(8, 3), data(8, 1)

    def kernel_moves():
        before = frozen.kernel.numpy()
        model.fit(x, y, verbose=0)
        return not np.array_equal(before, frozen.kernel.numpy())

    assert kernel_moves()
    frozen.trainable = False
    with pytest.warns(UserWarning, match="has changed since `compile"):
        assert kernel_moves()  # what `compile` saw still holds
    model.compile("sgd", "mse")
    assert not kernel_moves()
    frozen.trainable = True
    model.compile("sgd", "mse")
    assert kernel_moves()


def test_frozen_batch_normalization_uses_its_moving_statistics():
    model = nacre.Sequential([layers.Input((3,)), layers.BatchNormalization()])
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    x = data(16, 3) * 3 + 1
    before = model.get_weights()
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        loss = model.fit(x, x, verbose=0).history["loss"][0]
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    scale = 1 / np.sqrt(1 + 1e-3)
    np.testing.assert_allclose(loss, np.mean((x * scale - x) ** 2), rtol=1e-4)


def test_shared_layer_at_two_places_of_one_step():
    inputs = layers.Input((4,))
    shared = layers.Dense(4, activation="tanh")
    model = counted(inputs, layers.Dense(1)(shared(shared(inputs))), optimizer="sgd", loss="mse")
    x, y = data(8, 4), data(8, 1)

    def loss_of(kernel):
        def apply(z):
            return ops.tanh(ops.matmul(z, kernel) + shared.bias)

        out = ops.matmul(apply(apply(x)), model.layers[-1].kernel) + model.layers[-1].bias
        return ops.mean(ops.square(out - y))

    expected = shared.kernel.numpy() - 0.01 * np.asarray(nacre.grad(loss_of)(shared.kernel.numpy()))
    model.fit(x, y, verbose=0)
    np.testing.assert_allclose(shared.kernel.numpy(), expected, rtol=1e-5, atol=1e-6)


def build_for_backends():
    nacre.utils.set_random_seed(5)
    inputs = layers.Input((6,))
    hidden = layers.Dense(8, activation="relu")(inputs)
    hidden = layers.BatchNormalization()(hidden)
    hidden = layers.Dropout(0.2, seed=3)(hidden)
    outputs = layers.Dense(3, activation="softmax")(hidden)
    model = nacre.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_whole_fit_on_the_reference_backend():
    from nacre import _core

    x = data(50, 6)
    y = np.random.default_rng(1).integers(0, 3, 50)
    results = {}
    try:
        for backend in ("cpu", "reference"):
            _core.set_backend(backend)
            model = build_for_backends()
            history = model.fit(x, y, epochs=4, batch_size=16, validation_split=0.2, verbose=0)
            results[backend] = (history.history, model.get_weights(), model.predict(x, verbose=0))
    finally:
        _core.set_backend("cpu")
    (cpu_history, cpu_weights, cpu_out), (history, weights, out) = results.values()
    for name, values in cpu_history.items():
        np.testing.assert_allclose(values, history[name], rtol=1e-4)
    for a, b in zip(cpu_weights, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(cpu_out, out, rtol=1e-3, atol=1e-5)


def test_same_seed_same_bits():
    def run():
        nacre.utils.set_random_seed(11)
        model = build_for_backends()
        model.fit(data(40, 6), np.arange(40) % 3, epochs=3, batch_size=8, verbose=0)
        return model.get_weights()

    for a, b in zip(run(), run(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_thread_count_does_not_change_the_bits(threads):
    def run(count):
        before = nacre.config.get_num_threads()
        nacre.config.set_num_threads(count)
        try:
            nacre.utils.set_random_seed(11)
            model = nacre.Sequential(
                [layers.Input((200,)), layers.Dense(300, activation="relu"), layers.Dense(10)]
            )
            model.compile("adam", "mse")
            model.fit(data(256, 200), data(256, 10), epochs=2, batch_size=128, verbose=0)
            return model.get_weights()
        finally:
            nacre.config.set_num_threads(before)

    for a, b in zip(run(1), run(threads), strict=True):
        np.testing.assert_array_equal(a, b)
