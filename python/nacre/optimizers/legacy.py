"""The optimizers under the name `optimizers.legacy`, which scripts for Keras 2.11 use."""

from nacre.optimizers.adam import Adam, Adamax, Nadam
from nacre.optimizers.adaptive import Adadelta, Adagrad, RMSprop
from nacre.optimizers.optimizer import Optimizer
from nacre.optimizers.scaled import Ftrl
from nacre.optimizers.sgd import SGD

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "Nadam", "Optimizer", "RMSprop"]
