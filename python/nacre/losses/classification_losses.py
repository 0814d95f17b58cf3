"""The losses on classes, masks and embeddings, as classes."""

from __future__ import annotations

from typing import Any

from nacre.losses import overlap, probabilistic
from nacre.losses.loss import FunctionLoss


class KLDivergence(FunctionLoss):
    """The Kullback-Leibler divergence of outputs from targets.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "kl_divergence", dtype: Any = None
    ):
        super().__init__(probabilistic.kl_divergence, reduction, name, dtype)


class BinaryCrossentropy(FunctionLoss):
    """The cross-entropy of yes-or-no labels.

    Args:
        from_logits: Whether the outputs are logits.
        label_smoothing: Moves labels towards 1/2 by this share.
        axis: The axis of the mean.
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            probabilistic.binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class BinaryFocalCrossentropy(FunctionLoss):
    """The binary cross-entropy with easy samples weighed down.

    Args:
        apply_class_balancing: Whether to weigh class 1 with alpha, class 0 with 1 - alpha.
        alpha: The weight of class 1.
        gamma: How strongly easy samples are weighed down.
        from_logits: Whether the outputs are logits.
        label_smoothing: Moves labels towards 1/2 by this share.
        axis: The axis of the mean.
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            probabilistic.binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class CategoricalCrossentropy(FunctionLoss):
    """The cross-entropy between distributions over classes.

    Args:
        from_logits: Whether the outputs are logits.
        label_smoothing: Moves labels towards the uniform distribution by this share.
        axis: The axis of the classes.
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            probabilistic.categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class CategoricalFocalCrossentropy(FunctionLoss):
    """The categorical cross-entropy with easy samples weighed down.

    Args:
        alpha: A weight, or one per class.
        gamma: How strongly easy samples are weighed down.
        from_logits: Whether the outputs are logits.
        label_smoothing: Moves labels towards the uniform distribution by this share.
        axis: The axis of the classes.
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            probabilistic.categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(FunctionLoss):
    """The cross-entropy of integer labels.

    Args:
        from_logits: Whether the outputs are logits.
        ignore_class: A label whose samples are left out.
        reduction: How per-sample losses are reduced.
        axis: The axis of the classes.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: Any = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            probabilistic.sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis


class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """A loss between cross-entropy and absolute error, robust to wrong labels.

    Args:
        q: Between 0 (cross-entropy) and 1 (absolute error).
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: Any = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ):
        super().__init__(
            probabilistic.categorical_generalized_cross_entropy, reduction, name, dtype, q=q
        )
        self.q = q


class CTC(FunctionLoss):
    """Connectionist temporal classification: labels whose places in time are not known.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "ctc", dtype: Any = None
    ):
        super().__init__(probabilistic.ctc, reduction, name, dtype)


class Dice(FunctionLoss):
    """One minus the Dice overlap of masks.

    Args:
        reduction: How per-sample losses are reduced.
        name: The name.
        axis: The axes over which an overlap is taken; all if None.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        reduction: Any = "sum_over_batch_size",
        name: str = "dice",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(overlap.dice, reduction, name, dtype, axis=axis)
        self.axis = axis


class Tversky(FunctionLoss):
    """One minus the Tversky index of masks.

    Args:
        alpha: The weight of what is in the masks only.
        beta: The weight of what is in the outputs only.
        reduction: How per-sample losses are reduced.
        name: The name.
        axis: The axes over which an index is taken; all if None.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: Any = "sum_over_batch_size",
        name: str = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(overlap.tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
        self.alpha = alpha
        self.beta = beta
        self.axis = axis


class Circle(FunctionLoss):
    """The circle loss of embeddings.

    Args:
        gamma: The scale of the similarities.
        margin: The relaxation of the bounds.
        remove_diagonal: Whether a sample is not compared with itself.
        reduction: How per-sample losses are reduced.
        name: The name.
        dtype: The dtype in which the loss is computed.
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: Any = "sum_over_batch_size",
        name: str = "circle",
        dtype: Any = None,
    ):
        super().__init__(
            overlap.circle,
            reduction,
            name,
            dtype,
            gamma=gamma,
            margin=margin,
            remove_diagonal=remove_diagonal,
        )
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal
