"""`python -m nacre demo` and `python -m nacre run`."""

import os
import re
import subprocess
import sys

import pytest

import nacre
from tests.preprocessing.making import folder_of_classes

# Where this process found the package, for processes that start elsewhere.
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(nacre.__file__)))
ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONPATH": ROOT}


def command(*arguments, cwd, **environment):
    env = {**ENVIRONMENT, **environment}
    env.pop("DISPLAY", None)
    env.pop("MPLBACKEND", None)
    return subprocess.run(
        [sys.executable, "-m", "nacre", *map(str, arguments)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def run_script(tmp_path, text, *arguments):
    script = tmp_path / "script.py"
    script.write_text(text, encoding="utf-8")
    return command("run", script, *arguments, cwd=tmp_path)


def test_demo(tmp_path):
    result = command("demo", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    accuracy = float(re.search(r"Test accuracy: (\d\.\d+)", result.stdout)[1])
    assert accuracy >= 0.97
    assert 'Model: "digits"' in result.stdout
    assert "━━━━" in result.stdout
    assert re.search(r"Training time: \d+\.\d+ s", result.stdout)
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        assert "matplotlib is not installed" in result.stdout
    else:
        picture = tmp_path / "learning_curve.png"
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_version_and_help(tmp_path):
    assert command("--version", cwd=tmp_path).stdout.startswith("nacre ")
    assert "demo" in command("--help", cwd=tmp_path).stdout
    assert command("run", "absent.py", cwd=tmp_path).returncode == 2


def test_run_gives_arguments_and_main(tmp_path):
    (tmp_path / "helper.py").write_text("VALUE = 7\n")
    result = run_script(
        tmp_path,
        "import sys, helper\nprint(__name__, sys.argv[1:], helper.VALUE, __file__[-9:])\n",
        "--epochs",
        "3",
    )
    assert result.stdout.strip() == "__main__ ['--epochs', '3'] 7 script.py", result.stderr


def test_run_answers_every_way_to_import_keras(tmp_path):
    result = run_script(
        tmp_path,
        """
import keras
from keras import layers, models
from keras.layers import Dense
import keras.utils
import tensorflow as tf
import tensorflow.keras.layers as L
import tensorflow.keras as K
from tensorflow import keras as tf_keras
from tensorflow.keras import Sequential, optimizers
from tensorflow.keras.models import Model
from tensorflow.keras.layers import Dense as D, Input
from tensorflow.keras.utils import to_categorical

import nacre
assert Dense is D is L.Dense is tf.keras.layers.Dense is nacre.layers.Dense
assert tf.keras.Sequential is Sequential is keras.Sequential is models.Sequential
assert K.Model is Model is tf_keras.Model
assert tf.__version__.startswith("2.")
keras.utils.set_random_seed(1)
tf.random.set_seed(1)
assert to_categorical([1], 2).tolist() == [[0, 1]]
assert float(tf.reduce_mean(tf.constant([1.0, 3.0]))) == 2.0
with tf.GradientTape() as tape:
    x = tf.Variable(3.0)
    y = tf.square(x)
assert float(tape.gradient(y, x)) == 6.0
print("fine")
""",
    )
    assert result.stdout.strip() == "fine", result.stderr


def test_run_answers_for_pictures_in_folders(tmp_path):
    folder_of_classes(tmp_path / "train", {"cats": 9, "dogs": 8})
    folder_of_classes(tmp_path / "validation", {"cats": 3, "dogs": 2})
    result = run_script(
        tmp_path,
        """
import tensorflow as tf
import keras.preprocessing.image
from tensorflow.keras import layers
from tensorflow.keras.preprocessing.image import ImageDataGenerator

assert keras.preprocessing.image.ImageDataGenerator is ImageDataGenerator
assert tf.keras.preprocessing.image.ImageDataGenerator is ImageDataGenerator
augmented = ImageDataGenerator(rescale=1.0 / 255, rotation_range=15, horizontal_flip=True)
options = {"target_size": (10, 10), "batch_size": 4, "class_mode": "binary"}
train = augmented.flow_from_directory("train", **options)
validation = ImageDataGenerator(rescale=1.0 / 255).flow_from_directory("validation", **options)
model = tf.keras.Sequential(
    [
        layers.Conv2D(4, (3, 3), activation="relu", input_shape=(10, 10, 3)),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(train, steps_per_epoch=5, epochs=2, validation_data=validation, validation_steps=2)
print(len(model.evaluate(validation)), train.class_indices)
""",
    )
    assert result.returncode == 0, result.stderr
    assert "Found 17 images belonging to 2 classes." in result.stdout
    assert "2 {'cats': 0, 'dogs': 1}" in result.stdout


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import tensorflow as tf; tf.data.TextLineDataset", "tensorflow.data.TextLineDataset"),
        ("import tensorflow as tf; tf.lite", "tensorflow.lite"),
        ("import tensorflow.lite", "tensorflow.lite"),
        ("from tensorflow.keras.layers import Dens", "tensorflow.keras.layers.Dens"),
        ("from tensorflow.keras.nothing import a", "tensorflow.keras.nothing"),
        ("from keras.quantizers import Quantizer", "keras.quantizers"),
        ("import keras; keras.layers.Dens(3)", "keras.layers.Dens"),
        ("import keras; keras.Sequentail()", "keras.Sequentail"),
        ("from keras import Sequentail", "keras.Sequentail"),
    ],
)
def test_run_names_what_is_missing(tmp_path, line, name):
    result = run_script(tmp_path, line)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert f"{name} is not offered by Nacre" in last


def test_run_offers_data_sets(tmp_path):
    result = run_script(
        tmp_path,
        """
import numpy as np
import tensorflow as tf
from tensorflow import data
from tensorflow.data import Dataset
from tensorflow import keras

AUTOTUNE = tf.data.AUTOTUNE
assert AUTOTUNE == tf.data.experimental.AUTOTUNE == -1
assert tf.data.Dataset is Dataset is data.Dataset
x = np.random.rand(64, 4).astype("float32")
y = (x.sum(axis=1) > 2).astype("int64")
train = tf.data.Dataset.from_tensor_slices((x, y)).cache().shuffle(64).batch(16)
train = train.map(lambda x, y: (tf.cast(x, tf.float32) * 2.0, y), num_parallel_calls=AUTOTUNE)
train = train.prefetch(AUTOTUNE)
assert int(tf.data.experimental.cardinality(train)) == len(train) == 4
signature = (tf.TensorSpec(shape=(2,), dtype=tf.float32), tf.TensorSpec((), tf.string))
named = tf.data.Dataset.from_generator(lambda: [([1, 2], "a")], output_signature=signature)
assert [name.numpy() for _, name in named] == [b"a"]
hot = train.map(lambda x, y: (x, tf.one_hot(y, depth=2))).take(1).get_single_element()[1]
assert hot.shape == (16, 2)
doubled = tf.data.Dataset.range(3).map(
    lambda n: tf.numpy_function(lambda a: [a * 2, a / 2], [n], [tf.int64, tf.float32])
)
assert [(int(a), float(b)) for a, b in doubled] == [(0, 0.0), (2, 0.5), (4, 1.0)]
squares = tf.data.Dataset.range(3).map(lambda n: tf.py_function(lambda a: a * a, [n], tf.int64))
assert list(squares.as_numpy_iterator()) == [0, 1, 4]
series = tf.data.Dataset.from_tensor_slices(np.arange(10.0)).window(4, shift=1, drop_remainder=True)
series = series.flat_map(lambda window: window.batch(4)).shuffle(5)
series = series.map(lambda window: (window[:-1], window[-1])).batch(7)
assert [(a.shape, b.shape) for a, b in series] == [((7, 3), (7,))]
model = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train, validation_data=train.take(2), epochs=2, verbose=0)
for images, labels in train.take(1):
    print(images.shape, labels.numpy().shape, images.dtype)
""",
    )
    assert result.stdout.strip() == "(16, 4) (16,) float32", result.stderr


def test_missing_names_can_be_tried(tmp_path):
    result = run_script(
        tmp_path,
        """
import tensorflow as tf
try:
    from tensorflow.keras.layers import Nothing
except ImportError:
    Nothing = None
print(hasattr(tf, "lite"), hasattr(tf.keras, "Sequential"), Nothing)
""",
    )
    assert result.stdout.strip() == "False True None", result.stderr


def test_keras_is_only_answered_inside_run(tmp_path):
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import nacre, sys; nacre.Sequential; print('keras' in sys.modules, len(sys.meta_path))"
            "\nfrom nacre.utils import script_imports\nprint(len(sys.meta_path))",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=ENVIRONMENT,
    )
    first, second = result.stdout.splitlines()
    assert first.startswith("False")
    assert first.split()[1] == second
