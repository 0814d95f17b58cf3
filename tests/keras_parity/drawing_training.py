"""Draws how a drawn model is compiled and fitted: outputs, losses, metrics, optimizer, options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.keras_parity.drawing import Call, Drawing, layer

BATCH = 16


@dataclass
class Head:
    """An output: its last layers, its loss and metrics, and what its targets look like."""

    name: str
    steps: list
    units: int
    labels: str
    loss: Any
    metrics: list = field(default_factory=list)
    weighted_metrics: list = field(default_factory=list)


def loss(name: str, /, **arguments: Any) -> Call:
    return Call(f"losses.{name}", arguments)


def metric(name: str, /, **arguments: Any) -> Call:
    return Call(f"metrics.{name}", arguments)


# For each kind of output its losses. "logits" stands for an output without an activation. Not the
# percentage error, whose gradients of 100 and more make every training step a leap.
LOSSES: dict[str, list] = {
    "binary": [
        "binary_crossentropy",
        "binary_focal_crossentropy",
        "hinge",
        "squared_hinge",
        "mse",
        Call("losses.binary_crossentropy", None),
        loss("BinaryCrossentropy", label_smoothing=0.1),
        loss("BinaryCrossentropy", reduction="sum"),
        loss("BinaryFocalCrossentropy", gamma=1.5, alpha=0.3, apply_class_balancing=True),
        loss("Hinge"),
        loss("Dice", axis=None),
        loss("Tversky", alpha=0.3, beta=0.7),
        loss("Huber", delta=0.3),
        loss("BinaryCrossentropy", reduction="mean_with_sample_weight"),
    ],
    "binary logits": [
        loss("BinaryCrossentropy", from_logits=True),
        loss("BinaryCrossentropy", from_logits=True, label_smoothing=0.2),
        loss("BinaryFocalCrossentropy", from_logits=True, gamma=2.0),
        "hinge",
    ],
    "categorical": [
        "categorical_crossentropy",
        "kl_divergence",
        "kld",
        "categorical_hinge",
        "mse",
        loss("CategoricalCrossentropy", label_smoothing=0.1),
        loss("CategoricalFocalCrossentropy", alpha=0.4, gamma=1.0),
        loss("KLDivergence"),
        loss("CategoricalHinge", reduction="sum"),
        loss("CosineSimilarity", axis=-1),
        loss("Dice"),
    ],
    "categorical logits": [
        loss("CategoricalCrossentropy", from_logits=True),
        loss("CategoricalCrossentropy", from_logits=True, label_smoothing=0.1),
        loss("CategoricalFocalCrossentropy", from_logits=True),
    ],
    "sparse": [
        "sparse_categorical_crossentropy",
        Call("losses.sparse_categorical_crossentropy", None),
        loss("SparseCategoricalCrossentropy"),
        loss("SparseCategoricalCrossentropy", ignore_class=1),
        loss("SparseCategoricalCrossentropy", reduction="sum"),
        loss("CategoricalGeneralizedCrossEntropy", q=0.6),
    ],
    "sparse logits": [
        loss("SparseCategoricalCrossentropy", from_logits=True),
        loss("SparseCategoricalCrossentropy", from_logits=True, ignore_class=0),
    ],
    "regression": [
        "mse",
        "mae",
        "MSE",
        "mean_squared_error",
        "huber",
        "log_cosh",
        "cosine_similarity",
        Call("losses.mean_absolute_error", None),
        loss("Huber", delta=0.5),
        loss("LogCosh"),
        loss("MeanAbsoluteError", reduction="sum"),
        loss("MeanAbsoluteError", reduction="mean"),
    ],
    "positive": [
        "poisson",
        "msle",
        loss("Poisson"),
        loss("MeanSquaredLogarithmicError"),
        loss("MeanSquaredError"),
    ],
}

# Names that only some shapes of targets allow are left to `_metrics`.
METRICS: dict[str, list] = {
    "binary": [
        "accuracy",
        "acc",
        "mae",
        "binary_crossentropy",
        "AUC",
        metric("BinaryAccuracy", threshold=0.37),
        metric("AUC", num_thresholds=11),
        metric("AUC", num_thresholds=7, curve="PR"),
        metric("AUC", num_thresholds=9, summation_method="majoring"),
        metric("Precision"),
        metric("Precision", thresholds=0.31),
        metric("Recall", name="found"),
        metric("Recall", thresholds=[0.3, 0.6]),
        metric("TruePositives"),
        metric("FalsePositives", thresholds=0.41),
        metric("TrueNegatives"),
        metric("FalseNegatives"),
        metric("F1Score", threshold=0.47),
        metric("FBetaScore", beta=2.0, average="micro", threshold=0.45),
        metric("BinaryIoU", target_class_ids=[0, 1], threshold=0.52, dtype="float32"),
        metric("PrecisionAtRecall", recall=0.6, num_thresholds=9),
        metric("RecallAtPrecision", precision=0.4, num_thresholds=9),
        metric("SensitivityAtSpecificity", specificity=0.5, num_thresholds=9),
        metric("SpecificityAtSensitivity", sensitivity=0.5, num_thresholds=9),
        metric("Hinge"),
        metric("SquaredHinge"),
    ],
    "categorical": [
        "accuracy",
        "acc",
        "categorical_accuracy",
        "categorical_crossentropy",
        "kl_divergence",
        metric("CategoricalCrossentropy", label_smoothing=0.1),
        metric("TopKCategoricalAccuracy", k=2),
        metric("Precision", class_id=1, thresholds=0.3),
        metric("Recall", top_k=1),
        metric("F1Score", average="macro"),
        metric("F1Score", average="weighted"),
        metric("FBetaScore", beta=0.5, average="micro"),
        metric("CategoricalHinge"),
        metric("AUC", num_thresholds=9, multi_label=True),
        metric("OneHotMeanIoU", num_classes=3, dtype="float32"),
        metric("OneHotIoU", num_classes=3, target_class_ids=[0, 2], dtype="float32"),
    ],
    "sparse": [
        "accuracy",
        "acc",
        "sparse_categorical_accuracy",
        "sparse_categorical_crossentropy",
        metric("SparseTopKCategoricalAccuracy", k=2),
        metric("SparseCategoricalCrossentropy", name="bits"),
        metric("MeanIoU", num_classes=3, sparse_y_pred=False, dtype="float32"),
        metric("IoU", num_classes=3, target_class_ids=[1], sparse_y_pred=False, dtype="float32"),
    ],
    "regression": [
        "mse",
        "mae",
        "mape",
        "cosine_similarity",
        Call("metrics.mean_squared_error", None),
        metric("RootMeanSquaredError"),
        metric("MeanAbsoluteError", name="distance"),
        metric("LogCoshError"),
        metric("R2Score"),
        metric("CosineSimilarity", axis=-1),
        metric("PearsonCorrelation", axis=0),
        metric("ConcordanceCorrelation", axis=0),
    ],
    "positive": ["mse", "msle", "poisson", metric("MeanSquaredLogarithmicError")],
}

# What needs targets of two axes, which those of sequences do not have.
FLAT_ONLY = {
    "R2Score",
    "F1Score",
    "FBetaScore",
    "AUC",
    "PearsonCorrelation",
    "ConcordanceCorrelation",
    "Dice",
    "Tversky",
    "Recall",
    "Precision",
}


def _allowed(entries: list, sequence: bool) -> list:
    if not sequence:
        return entries
    return [e for e in entries if name_of(e) not in FLAT_ONLY]


def name_of(entry: Any) -> str:
    """The name of a loss or metric that was drawn."""
    return entry if isinstance(entry, str) else entry.path.rpartition(".")[2]


def draw_head(draw: Drawing, name: str, sequence: bool) -> Head:
    """Draw an output: its loss decides about its last layer."""
    kind = draw.choose(["binary", "sparse", "categorical", "regression", "positive"])
    units = {"binary": 1, "sparse": 3, "categorical": 3, "positive": 1}.get(kind, draw.number(1, 4))
    logits = kind in ("binary", "sparse", "categorical") and draw.chance(0.3)
    last: dict[str, Any] = {"units": units, "name": name}
    if not logits:
        activation = {"binary": "sigmoid", "regression": None, "positive": "softplus"}
        last["activation"] = activation.get(kind, "softmax")
    losses = _allowed(LOSSES[f"{kind} logits" if logits else kind], sequence)
    chosen = draw.choose(losses)
    if units == 1 and name_of(chosen) in ("cosine_similarity", "CosineSimilarity"):
        chosen = "mse"  # of one number it is the sign, and the gradient is rounding error
    head = Head(name, [layer("Dense", **last)], units, kind, chosen)
    if logits:
        names: list = ["accuracy"]
    else:
        names = _allowed(METRICS[kind], sequence)
    head.metrics = [draw.choose(names) for _ in range(draw.choose([0, 1, 1, 2]))]
    if draw.chance(0.2):
        head.weighted_metrics = [draw.choose(names)]
    return head


def _schedule(draw: Drawing, rate: float) -> Call:
    kind = draw.number(0, 6)
    start = {"initial_learning_rate": rate}
    arguments: tuple[str, dict] = [
        ("ExponentialDecay", {**start, "decay_steps": 3, "decay_rate": 0.8, "staircase": True}),
        ("PiecewiseConstantDecay", {"boundaries": [2, 5], "values": [rate, rate / 2, rate / 4]}),
        ("PolynomialDecay", {**start, "decay_steps": 4, "power": 2.0, "cycle": True}),
        ("InverseTimeDecay", {**start, "decay_steps": 2, "decay_rate": 0.5}),
        (
            "CosineDecay",
            {
                "initial_learning_rate": rate / 10,
                "decay_steps": 6,
                "alpha": 0.1,
                "warmup_target": rate,
                "warmup_steps": 3,
            },
        ),
        ("CosineDecayRestarts", {**start, "first_decay_steps": 3, "t_mul": 1.5, "m_mul": 0.8}),
    ][kind]
    return Call(f"optimizers.schedules.{arguments[0]}", arguments[1])


# For each optimizer its learning rate, and for each of its options what to choose from. Where a
# gradient is all rounding error, a small epsilon would turn its sign into a step.
OPTIMIZERS: dict[str, tuple[float, dict[str, list]]] = {
    "SGD": (0.02, {"momentum": [0.0, 0.9], "nesterov": [False, True]}),
    "RMSprop": (
        0.002,
        {"rho": [0.8], "momentum": [0.0, 0.5], "centered": [False, True], "epsilon": [1e-3]},
    ),
    "Adam": (0.002, {"beta_1": [0.9, 0.8], "epsilon": [1e-4], "amsgrad": [False, True]}),
    "AdamW": (0.002, {"beta_2": [0.999, 0.9], "epsilon": [1e-4], "weight_decay": [0.004, 0.02]}),
    "Adagrad": (0.02, {"initial_accumulator_value": [0.1, 0.5]}),
    "Adadelta": (0.5, {"rho": [0.95, 0.9], "epsilon": [1e-4]}),
    "Adamax": (0.002, {"epsilon": [1e-4]}),
    "Nadam": (0.002, {"epsilon": [1e-4]}),
    "Ftrl": (
        0.02,
        {
            "l1_regularization_strength": [0.0, 0.001],
            "l2_regularization_strength": [0.01],
            "beta": [0.0, 0.1],
        },
    ),
    "Lion": (1e-5, {"beta_1": [0.8, 0.9]}),
    "Lamb": (0.002, {"epsilon": [1e-3]}),
    "Adafactor": (0.002, {"epsilon_1": [1e-6], "relative_step": [False, True]}),
    "Muon": (0.002, {"adam_lr_ratio": [0.5], "epsilon": [1e-4]}),
}


def draw_optimizer(draw: Drawing) -> Any:
    """Draw an optimizer with clipping, decay, averages, accumulation or a schedule."""
    if draw.chance(0.08):
        return draw.choose(["sgd", "adagrad", "SGD"])
    if draw.chance(0.05):
        inner = Call("optimizers.SGD", {"learning_rate": 0.02, "momentum": 0.5})
        options: dict[str, Any] = {"initial_scale": 256.0, "dynamic_growth_steps": 2}
        return Call("optimizers.LossScaleOptimizer", {"inner_optimizer": inner, **options})
    # The first step of Ftrl forgets the weights: what is left of them is small and inexact, and
    # must not be scaled up again by a constraint.
    name = draw.choose([name for name in OPTIMIZERS if name != "Ftrl" or not draw.constrained])
    rate, choices = OPTIMIZERS[name]
    options = {option: draw.choose(values) for option, values in choices.items()}
    options["learning_rate"] = _schedule(draw, rate) if draw.chance(0.25) else rate
    clip = draw.number(0, 6)
    if clip < 3:
        options[["clipnorm", "global_clipnorm", "clipvalue"][clip]] = draw.choose([0.1, 0.02])
    if draw.chance(0.2):
        options["weight_decay"] = 0.01
    if draw.chance(0.2):
        options["use_ema"] = True
        options["ema_momentum"] = 0.8
        options["ema_overwrite_frequency"] = draw.choose([None, 2])
    elif draw.chance(0.15):
        options["gradient_accumulation_steps"] = 2
    return Call(f"optimizers.{name}", options)


def draw_fit(draw: Drawing, heads: list[Head], classes_have_weights: bool) -> dict[str, Any]:
    """Draw the options of `fit`; `True` stands for arrays, which belong to the data."""
    options: dict[str, Any] = {"batch_size": BATCH, "epochs": 3}
    kind = draw.number(0, 8)
    if kind == 0:
        options["validation_split"] = 0.25
    elif kind < 3:
        options["validation_data"] = True
        if draw.chance(0.3):
            options["validation_freq"] = draw.choose([2, [1, 3]])
        if draw.chance(0.15):
            options["validation_batch_size"] = 12
    elif kind == 3:
        options["initial_epoch"] = 1
    elif kind == 4:
        options["steps_per_epoch"] = 3
    if draw.chance(0.3):
        options["sample_weight"] = True
    elif classes_have_weights and heads[0].labels in ("binary", "sparse", "categorical"):
        if draw.chance(0.35):
            classes = {"binary": 2}.get(heads[0].labels, 3)
            options["class_weight"] = {c: 0.5 + c for c in range(classes)}
    return options
