"""Callbacks: what happens at the start and the end of training, epochs and batches."""

from nacre.callbacks.callback import Callback
from nacre.callbacks.callback_list import CallbackList
from nacre.callbacks.early_stopping import EarlyStopping
from nacre.callbacks.history import History
from nacre.callbacks.lambda_callback import LambdaCallback
from nacre.callbacks.learning_rate_scheduler import LearningRateScheduler
from nacre.callbacks.progbar_logger import ProgbarLogger
from nacre.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ProgbarLogger",
    "TerminateOnNaN",
]


def __getattr__(name: str) -> object:
    raise AttributeError(f"nacre.callbacks.{name} is not offered by Nacre.")
