"""Callbacks: what happens at the start and the end of training, epochs and batches."""

from nacre.callbacks.backup_and_restore import BackupAndRestore
from nacre.callbacks.callback import Callback
from nacre.callbacks.callback_list import CallbackList
from nacre.callbacks.csv_logger import CSVLogger
from nacre.callbacks.early_stopping import EarlyStopping
from nacre.callbacks.history import History
from nacre.callbacks.lambda_callback import LambdaCallback
from nacre.callbacks.learning_rate_scheduler import LearningRateScheduler
from nacre.callbacks.model_checkpoint import ModelCheckpoint
from nacre.callbacks.progbar_logger import ProgbarLogger
from nacre.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from nacre.callbacks.remote_monitor import RemoteMonitor
from nacre.callbacks.swap_ema_weights import SwapEMAWeights
from nacre.callbacks.tensorboard import TensorBoard
from nacre.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]


def __getattr__(name: str) -> object:
    raise AttributeError(f"nacre.callbacks.{name} is not offered by Nacre.")
