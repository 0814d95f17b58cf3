"""Optimizers."""

from __future__ import annotations

from typing import Any

from nacre.optimizers import legacy, schedules
from nacre.optimizers.adafactor import Adafactor
from nacre.optimizers.adam import Adam, Adamax, AdamW, Nadam
from nacre.optimizers.adaptive import Adadelta, Adagrad, Lion, RMSprop
from nacre.optimizers.loss_scale_optimizer import LossScaleOptimizer
from nacre.optimizers.multi_optimizer import MultiOptimizer, OptimizerMap
from nacre.optimizers.muon import Muon
from nacre.optimizers.optimizer import Optimizer
from nacre.optimizers.scaled import Ftrl, Lamb
from nacre.optimizers.schedule_free import ScheduleFreeAdamW
from nacre.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]

_TABLE = {
    cls.__name__.lower(): cls
    for cls in (
        SGD,
        Adadelta,
        Adafactor,
        Adagrad,
        Adam,
        AdamW,
        Adamax,
        Ftrl,
        Lamb,
        Lion,
        LossScaleOptimizer,
        Muon,
        Nadam,
        RMSprop,
        ScheduleFreeAdamW,
    )
}


def serialize(optimizer: Optimizer) -> dict:
    """Return the configuration of an optimizer.

    Args:
        optimizer: The optimizer.

    Returns:
        What `deserialize` takes.
    """
    from nacre.saving import serialize_keras_object

    return serialize_keras_object(optimizer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Optimizer:
    """Make an optimizer from its configuration.

    Args:
        config: What `serialize` returned; the class name may be in any case.
        custom_objects: Names and the classes that they mean.

    Returns:
        The optimizer.
    """
    from nacre.saving import deserialize_keras_object

    name = config.get("class_name") if isinstance(config, dict) else None
    own = _TABLE.get(name.lower()) if isinstance(name, str) else None
    if own is not None and not config.get("registered_name"):
        config = {**config, "class_name": own.__name__}
    return deserialize_keras_object(config, custom_objects, module="keras.optimizers")


def get(identifier: Any) -> Optimizer | None:
    """Resolve an optimizer.

    Args:
        identifier: None, a name such as `adam` in any case, a configuration, a class or an
            instance.

    Returns:
        None or an optimizer.
    """
    from nacre.saving import get_registered_object

    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    found = None
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        cls = get_registered_object(identifier) or _TABLE.get(identifier.lower())
        if cls is None:
            raise ValueError(
                f"Unknown optimizer: {identifier!r}. Known: {', '.join(sorted(_TABLE))}"
            )
        found = cls()
    elif isinstance(identifier, type) and issubclass(identifier, Optimizer):
        found = identifier()
    if not isinstance(found, Optimizer):
        raise ValueError(f"Could not interpret optimizer identifier: {identifier!r}")
    return found
