"""Spellings of Keras 2 that tutorials still use: which there are, and the methods among them.

`OLD_SPELLINGS` lists them all. Where an old name stands for a new argument, the class that has the
argument takes the name too; methods that Keras 3 no longer has are defined here. What is neither
in the list nor in Keras 3 is an error.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "OLD_SPELLINGS",
    "GeneratorMethods",
    "OldSpelling",
    "PredictionMethods",
    "ignore_options",
]


class OldSpelling(NamedTuple):
    """One spelling of Keras 2.

    Attributes:
        where: The class or method that takes it.
        spelling: How it is written.
        meaning: What it means; empty where it is accepted and means nothing.
    """

    where: str
    spelling: str
    meaning: str


OLD_SPELLINGS = [
    OldSpelling("every layer", "input_shape=(...)", "an `Input` of this shape before the layer"),
    OldSpelling("every layer", "input_dim=n", "`input_shape=(n,)`"),
    OldSpelling("every layer", "batch_input_shape=(...)", "`input_shape` with the batch axis"),
    OldSpelling("every layer", "weights=[...]", "`set_weights` as soon as the layer is built"),
    OldSpelling("Input", "shape=n", "`shape=(n,)`"),
    OldSpelling("Input", "batch_input_shape=(...)", "`batch_shape`"),
    OldSpelling("Embedding", "input_length=n", "the length of its sequences, an input shape"),
    OldSpelling("LeakyReLU", "alpha=", "`negative_slope`"),
    OldSpelling("BatchNormalization", "axis=[n]", "`axis=n`"),
    OldSpelling("BatchNormalization", "fused=", ""),
    OldSpelling("optimizers", "lr=, .lr", "`learning_rate`"),
    OldSpelling("optimizers", "decay=", "a rate of `learning_rate / (1 + decay * iterations)`"),
    OldSpelling("optimizers.legacy", "Adam, SGD, ...", "the optimizers of the same names"),
    OldSpelling("losses", '"huber_loss", "logcosh"', '`"huber"`, `"log_cosh"`'),
    OldSpelling("losses", 'reduction="auto"', '`reduction="sum_over_batch_size"`'),
    OldSpelling("regularizers", '"l1_l2"', "`L1L2()`"),
    OldSpelling("Metric.add_weight", 'add_weight("name", ...)', "`add_weight(name=...)`"),
    OldSpelling("Layer.add_weight", 'add_weight("name", shape, ...)', "`add_weight(name=...)`"),
    OldSpelling("ModelCheckpoint", "period=n", "save every n epochs"),
    OldSpelling(
        "ModelCheckpoint", '"x.h5", save_weights_only=True', "weights as Keras 2 wrote them"
    ),
    OldSpelling("ReduceLROnPlateau", "epsilon=", "`min_delta`"),
    OldSpelling("Model.save_weights", '"x.h5"', "weights as Keras 2 wrote them"),
    OldSpelling("preprocessing.image", "ImageDataGenerator, ...", "as in Keras 2: docs/images.md"),
    OldSpelling("Model.fit_generator", "(generator, ...)", "`fit`"),
    OldSpelling("Model.evaluate_generator", "(generator, ...)", "`evaluate`"),
    OldSpelling("Model.predict_generator", "(generator, ...)", "`predict`"),
    OldSpelling("Model.*_generator", "workers=, use_multiprocessing=, max_queue_size=", ""),
    OldSpelling("Sequential.predict_classes", "(x)", "the most likely class of each sample"),
    OldSpelling("Sequential.predict_proba", "(x)", "`predict`"),
]


def ignore_options(where: str, options: dict) -> None:
    """Drop options that are accepted and mean nothing.

    Args:
        where: The class or method.
        options: Its keyword arguments, changed in place.
    """
    for entry in OLD_SPELLINGS:
        if entry.where == where and not entry.meaning:
            for spelling in entry.spelling.split(", "):
                options.pop(spelling.rstrip("="), None)


class GeneratorMethods:
    """Methods of models for generators, which `fit` and its kin take by now."""

    def fit_generator(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """Train on a generator or `Sequence`: `fit` in Keras 2, where `fit` took only arrays.

        Args:
            generator: The batches.
            *args: `steps_per_epoch`, `epochs`, `verbose`, `callbacks`, `validation_data`,
                `validation_steps`, `validation_freq`, `class_weight`, in this order.
            **kwargs: These or other arguments of `fit`.

        Returns:
            A `History`.
        """
        order = (
            *("steps_per_epoch", "epochs", "verbose", "callbacks", "validation_data"),
            *("validation_steps", "validation_freq", "class_weight"),
        )
        options = {"verbose": 1, **_named("fit_generator", order, args, kwargs)}
        if hasattr(generator, "__next__"):
            options.pop("shuffle", None)  # a generator has its own order
        return self.fit(generator, **options)  # type: ignore[attr-defined]

    def evaluate_generator(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate on a generator or `Sequence`.

        Args:
            generator: The batches.
            *args: `steps`, `callbacks`, in this order.
            **kwargs: These or other arguments of `evaluate`.

        Returns:
            What `evaluate` returns.
        """
        options = _named("evaluate_generator", ("steps", "callbacks"), args, kwargs)
        return self.evaluate(generator, **{"verbose": 0, **options})  # type: ignore[attr-defined]

    def predict_generator(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """Predict on a generator or `Sequence`.

        Args:
            generator: The batches.
            *args: `steps`, `callbacks`, in this order.
            **kwargs: These or other arguments of `predict`.

        Returns:
            What `predict` returns.
        """
        options = _named("predict_generator", ("steps", "callbacks"), args, kwargs)
        return self.predict(generator, **{"verbose": 0, **options})  # type: ignore[attr-defined]


def _named(method: str, order: tuple[str, ...], args: tuple, kwargs: dict) -> dict:
    """Give arguments their names and drop those that mean nothing."""
    if len(args) > len(order):
        raise TypeError(
            f"{method}: expected at most {len(order) + 1} arguments without names. "
            f"Received: {len(args) + 1}"
        )
    options = dict(zip(order, args, strict=False))
    twice = sorted(set(options) & set(kwargs))
    if twice:
        raise TypeError(f"{method}: got several values for {', '.join(twice)}.")
    options.update(kwargs)
    ignore_options("Model.*_generator", options)
    return options


class PredictionMethods:
    """Methods of `Sequential` for classifiers."""

    def predict_classes(self, x: Any, batch_size: int = 32, verbose: Any = 0) -> np.ndarray:
        """Predict the most likely class of each sample.

        Args:
            x: The samples.
            batch_size: Samples a batch.
            verbose: As for `predict`.

        Returns:
            Integers: the place of the largest output, or for one output whether it is above 0.5.
        """
        outputs = self.predict(x, batch_size=batch_size, verbose=verbose)  # type: ignore[attr-defined]
        if outputs.shape[-1] > 1:
            return outputs.argmax(axis=-1)
        return (outputs > 0.5).astype("int32")

    def predict_proba(self, x: Any, batch_size: int = 32, verbose: Any = 0) -> np.ndarray:
        """Predict the outputs; the same as `predict`.

        Args:
            x: The samples.
            batch_size: Samples a batch.
            verbose: As for `predict`.

        Returns:
            The outputs.
        """
        return self.predict(x, batch_size=batch_size, verbose=verbose)  # type: ignore[attr-defined]
