"""Small programs as tutorials write them."""

import numpy as np

import nacre
from nacre import layers, ops
from nacre.datasets import digits


def test_xor_is_learnt_by_most_seeds():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([[0], [1], [1], [0]])
    learnt = 0
    for seed in range(10):
        nacre.utils.set_random_seed(seed)
        inputs = layers.Input(shape=(2,))
        hidden = layers.Dense(units=16, activation="relu")(inputs)
        model = nacre.Model(
            inputs=inputs, outputs=layers.Dense(units=1, activation="sigmoid")(hidden)
        )
        model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, epochs=1000, verbose=0)
        assert len(history.history["accuracy"]) == 1000
        learnt += model.evaluate(x, y, verbose=0)[1] == 1.0
    assert learnt >= 9


def test_sign_of_a_number():
    x = np.array([[v] for v in range(-10, 11)])
    y = np.array([1 if v > 0 else 0 for v in range(-10, 11)])
    nacre.utils.set_random_seed(0)
    model = nacre.Sequential(
        [layers.Dense(2, "sigmoid", input_shape=(1,)), layers.Dense(1, "sigmoid")]
    )
    model.compile(nacre.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=500, verbose=0)
    assert ((model.predict(x, verbose=0)[:, 0] > 0.5) == y).sum() == 21


def test_digits():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    nacre.utils.set_random_seed(0)
    model = nacre.Sequential(
        [
            layers.Input((8, 8)),
            layers.Rescaling(1 / 16),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=20, batch_size=32, verbose=0)
    assert model.evaluate(x_test, y_test, verbose=0)[1] > 0.93
    labels = np.argmax(model.predict(x_test, verbose=0), axis=1)
    assert np.mean(labels == y_test) > 0.93


def test_a_training_loop_of_ones_own():
    nacre.utils.set_random_seed(0)
    x = np.random.rand(64, 3).astype("float32")
    y = x.sum(1, keepdims=True)
    model = nacre.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
    optimizer = nacre.optimizers.Adam(0.01)
    loss_function = nacre.losses.MeanSquaredError()
    metric = nacre.metrics.MeanSquaredError()
    losses = []
    for _ in range(30):
        metric.reset_state()
        for start in range(0, 64, 16):
            batch = slice(start, start + 16)
            with nacre.GradientTape() as tape:
                loss = loss_function(y[batch], model(x[batch], training=True))
            gradients = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
            metric.update_state(y[batch], model(x[batch]))
        losses.append(float(metric.result()))
    assert losses[-1] < 0.1 * losses[0]


class Adversaries(nacre.Model):
    """A generative adversarial network, with random numbers and sizes inside the traced step."""

    def __init__(self, critic, generator, latent):
        super().__init__()
        self.critic, self.generator, self.latent = critic, generator, latent
        self.seeds = nacre.random.SeedGenerator(1)
        self.critic_mean = nacre.metrics.Mean(name="c_loss")
        self.generator_mean = nacre.metrics.Mean(name="g_loss")

    def compile(self, critic_optimizer, generator_optimizer, loss_function):
        super().compile()
        self.critic_optimizer = critic_optimizer
        self.generator_optimizer = generator_optimizer
        self.loss_function = loss_function

    @property
    def metrics(self):
        return [self.critic_mean, self.generator_mean]

    def train_step(self, real):
        count = ops.shape(real)[0]
        noise = nacre.random.normal((count, self.latent), seed=self.seeds)
        joined = ops.concatenate([self.generator(noise), real], axis=0)
        labels = ops.concatenate([ops.ones((count, 1)), ops.zeros((count, 1))], axis=0)
        labels += 0.05 * nacre.random.uniform(ops.shape(labels), seed=self.seeds)
        critic_loss = self.descend(
            self.critic, self.critic_optimizer, lambda: (labels, self.critic(joined))
        )
        noise = nacre.random.normal((count, self.latent), seed=self.seeds)
        generator_loss = self.descend(
            self.generator,
            self.generator_optimizer,
            lambda: (ops.zeros((count, 1)), self.critic(self.generator(noise))),
        )
        self.critic_mean.update_state(critic_loss)
        self.generator_mean.update_state(generator_loss)
        return {metric.name: metric.result() for metric in self.metrics}

    def descend(self, part, optimizer, function):
        with nacre.GradientTape() as tape:
            loss = self.loss_function(*function())
        weights = part.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss


def test_adversarial_networks():
    critic = nacre.Sequential([layers.Input((4,)), layers.Dense(8, "tanh"), layers.Dense(1)])
    generator = nacre.Sequential([layers.Input((2,)), layers.Dense(8, "relu"), layers.Dense(4)])
    model = Adversaries(critic, generator, 2)
    adam = nacre.optimizers.Adam
    model.compile(adam(), adam(), nacre.losses.BinaryCrossentropy(from_logits=True))
    before = [*critic.get_weights(), *generator.get_weights()]
    real = np.random.rand(70, 4).astype("float32")
    history = model.fit(real, epochs=3, batch_size=32, verbose=0).history
    assert set(history) == {"c_loss", "g_loss"}
    assert np.isfinite(history["c_loss"]).all()
    after = [*critic.get_weights(), *generator.get_weights()]
    assert not any(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


class Smooth(nacre.Model):
    """Learns to have gradients of length 1: a derivative of a derivative."""

    def __init__(self):
        super().__init__()
        self.critic = nacre.Sequential([layers.Dense(8, "tanh"), layers.Dense(1, use_bias=False)])

    def train_step(self, x):
        with nacre.GradientTape() as outer:
            with nacre.GradientTape() as inner:
                inner.watch(x)
                out = self.critic(x, training=True)
            gradient = inner.gradient(out, x)
            length = ops.sqrt(ops.sum(ops.square(gradient), axis=1) + 1e-9)
            loss = ops.mean(ops.square(length - 1.0))
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(outer.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}


def test_gradient_penalty():
    nacre.utils.set_random_seed(0)
    model = Smooth()
    model.compile(nacre.optimizers.Adam(0.01))
    losses = model.fit(np.random.rand(64, 4), epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]


def test_fine_tuning_in_two_stages():
    base = nacre.Sequential(
        [layers.Input((4,)), layers.Dense(8, "relu"), layers.BatchNormalization()]
    )
    base.trainable = False
    inputs = layers.Input((4,))
    model = nacre.Model(inputs, layers.Dense(1)(layers.Dropout(0.2)(base(inputs, training=False))))
    model.compile("adam", "mse")
    x, y = np.random.rand(32, 4), np.random.rand(32, 1)
    before = base.get_weights()
    model.fit(x, y, epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))
    base.trainable = True
    model.compile(nacre.optimizers.Adam(1e-4), "mse")
    model.fit(x, y, verbose=0)
    after = base.get_weights()
    assert not np.array_equal(before[0], after[0])
    # `training=False` was part of the call: moving statistics stay.
    np.testing.assert_array_equal(before[4], after[4])
