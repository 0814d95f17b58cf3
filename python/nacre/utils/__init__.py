"""Utilities."""

from typing import Any

# Public name -> the module that defines it, which is loaded when the name is first used.
_HOMES = {
    "CustomObjectScope": "nacre.saving",
    "Progbar": "nacre.utils.progbar",
    "PyDataset": "nacre.utils.py_dataset",
    "Sequence": "nacre.utils.py_dataset",
    "array_to_img": "nacre.utils.image_utils",
    "clear_session": "nacre.utils.random_seed",
    "custom_object_scope": "nacre.saving",
    "deserialize_keras_object": "nacre.saving",
    "disable_interactive_logging": "nacre.config",
    "enable_interactive_logging": "nacre.config",
    "get_custom_objects": "nacre.saving",
    "get_file": "nacre.utils.file_utils",
    "get_registered_name": "nacre.saving",
    "get_registered_object": "nacre.saving",
    "get_source_inputs": "nacre.utils.random_seed",
    "image_dataset_from_directory": "nacre.utils.image_dataset",
    "img_to_array": "nacre.utils.image_utils",
    "is_interactive_logging_enabled": "nacre.config",
    "is_keras_tensor": "nacre.keras_tensor",
    "load_img": "nacre.utils.image_utils",
    "normalize": "nacre.utils.numerical_utils",
    "pack_x_y_sample_weight": "nacre.training.arrays",
    "pad_sequences": "nacre.utils.sequence_utils",
    "register_keras_serializable": "nacre.saving",
    "save_img": "nacre.utils.image_utils",
    "serialize_keras_object": "nacre.saving",
    "set_random_seed": "nacre.utils.random_seed",
    "split_dataset": "nacre.utils.dataset_utils",
    "standardize_dtype": "nacre.config",
    "text_dataset_from_directory": "nacre.utils.text_dataset",
    "timeseries_dataset_from_array": "nacre.utils.timeseries_dataset",
    "to_categorical": "nacre.utils.numerical_utils",
    "unpack_x_y_sample_weight": "nacre.training.arrays",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"nacre.utils.{name} is not offered by Nacre.")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
