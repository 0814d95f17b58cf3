"""What the compatibility page says beyond comparing names: families, reasons, differences."""

from __future__ import annotations

# Nothing may be missing or different here without its reason in GAPS.
COMPLETE = (
    "keras.activations",
    "keras.callbacks",
    "keras.constraints",
    "keras.initializers",
    "keras.losses",
    "keras.metrics",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.regularizers",
)

# Why a name is missing, or takes other parameters.
GAPS: dict[str, str] = {
    "keras.callbacks.OrbaxCheckpoint": "writes checkpoints of the Orbax library, which needs JAX.",
}


def _layers(names: str) -> list[str]:
    return [f"layers.{name}" for name in names.split()]


def _sizes(names: str, sizes: str = "123") -> list[str]:
    return [f"layers.{name}{size}D" for name in names.split() for size in sizes]


_DATASETS = "mnist fashion_mnist cifar10 cifar100 imdb reuters boston_housing california_housing"

# What a user looks for, by the names that it takes.
FAMILIES: dict[str, list[str]] = {
    "Models: `Sequential`, functional, subclassed": ["Sequential", "Model", "Input"],
    "Dense networks": _layers(
        "Dense Activation Flatten Reshape Permute RepeatVector Embedding Lambda Masking Identity "
        "Rescaling EinsumDense"
    ),
    "Activation layers": _layers("ReLU LeakyReLU ELU PReLU Softmax"),
    "Normalization": _layers(
        "BatchNormalization LayerNormalization GroupNormalization RMSNormalization "
        "UnitNormalization SpectralNormalization"
    ),
    "Regularization": _layers(
        "Dropout GaussianNoise GaussianDropout AlphaDropout ActivityRegularization "
        "SpatialDropout1D SpatialDropout2D SpatialDropout3D"
    ),
    "Merging": _layers("Add Subtract Multiply Average Maximum Minimum Concatenate Dot"),
    "Convolution": [
        *_sizes("Conv"),
        *_layers("Conv1DTranspose Conv2DTranspose Conv3DTranspose"),
        *_sizes("SeparableConv DepthwiseConv", "12"),
    ],
    "Pooling": _sizes("MaxPooling AveragePooling GlobalMaxPooling GlobalAveragePooling"),
    "Padding, cropping, upsampling": _sizes("ZeroPadding Cropping UpSampling"),
    "Recurrence": _layers(
        "SimpleRNN LSTM GRU RNN Bidirectional TimeDistributed StackedRNNCells ConvLSTM2D"
    ),
    "Attention": _layers("Attention AdditiveAttention MultiHeadAttention GroupQueryAttention"),
    "Preprocessing layers": _layers(
        "Normalization Discretization CategoryEncoding Hashing StringLookup IntegerLookup "
        "TextVectorization Resizing CenterCrop"
    ),
    "Augmentation layers": _layers(
        "RandomFlip RandomRotation RandomZoom RandomTranslation RandomContrast RandomBrightness "
        "RandomCrop"
    ),
    "Saving and loading": ["models.save_model", "models.load_model", "Model.save_weights"],
    "Data sets": [f"datasets.{name}.load_data" for name in _DATASETS.split()],
    "Ready-made networks (`applications`)": ["applications.ResNet50", "applications.VGG16"],
    "Files of images and text": [
        "utils.image_dataset_from_directory",
        "utils.text_dataset_from_directory",
        "utils.load_img",
        "utils.pad_sequences",
    ],
    "Mixed precision": ["mixed_precision.set_global_policy"],
    "Quantization, distribution, export": [
        "Model.quantize",
        "distribution.DataParallel",
        "Model.export",
    ],
}

DIFFERENT_ON_PURPOSE: list[str] = [
    "`SpectralNormalization` puts the normalized kernel in the kernel's place at every training "
    "step, as on TensorFlow. Keras on JAX forgets it at the end of a step of `fit`.",
    "Cross-entropy of probabilities that a softmax or a sigmoid made is computed from the logits, "
    "as Keras does on TensorFlow. Keras on JAX clips the probabilities to 1e-7, which bounds the "
    "loss at 16.1 and stops the gradient.",
    "`train_step`, `test_step` and `predict_step` take `data`, as on TensorFlow and PyTorch; the "
    "form with `state`, which only Keras on JAX has, is not there.",
    "Old spellings that tutorials still use are accepted with their old meaning, also where Keras "
    "3 raises an error.",
    "`Model.metrics_names` has the names of all that `evaluate` returns, in that order, as in "
    "Keras 2. In Keras 3 all compiled metrics are `compile_metrics`.",
    "`compile` without `metrics` forgets those of an earlier `compile`, which Keras 3 keeps.",
    "Several losses for one output are added up, and activity penalties of a layer that is called "
    "twice count twice. Keras counts only one of them, on some backends.",
    "Masks of a model's outputs weigh metrics in training as they do in evaluation. Keras on JAX "
    "loses them between loss and metrics in training.",
    "A generator that is used up ends the training. Keras goes on with its first batch.",
    "An epoch that finds its data used up exactly begins it anew. Where their number is not known, "
    "Keras counts an epoch without steps. `evaluate`, `predict` and validation without steps "
    "refuse data without end, and `use_multiprocessing=True` is refused: threads make the batches.",
    "`nacre.Function` is what `nacre.function` returns, a traced function of tensors, as in "
    "TensorFlow; `keras.Function` is a graph of operations, for which `Model` does.",
    "Random numbers are drawn from the same distributions, but they are not the same numbers.",
]
