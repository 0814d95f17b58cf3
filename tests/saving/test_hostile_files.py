"""Files made to do harm: each is a clear error, at once and in little memory."""

import json
import os
import zipfile

import numpy as np
import pytest

import nacre
from tests.saving.harness import Reader
from tests.saving.making import (
    BIG,
    functional_config,
    h5_image,
    input_config,
    layer_config,
    members,
    op_config,
    sequential_config,
    trained_model,
    with_config,
    write_members,
)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    model = trained_model()
    model.save(folder / "good.keras")
    model.save(folder / "good.h5")
    model.save_weights(folder / "good.weights.h5")
    return folder


@pytest.fixture(scope="module")
def reader(good, tmp_path_factory):
    files = [good / name for name in ("good.keras", "good.h5", "good.weights.h5")]
    reader = Reader(tmp_path_factory.mktemp("edited"), files)
    yield reader
    reader.close()


def dense(units, **config):
    return layer_config("Dense", units=units, name="d", **config)


def compiled(**config):
    return {"compile_config": {"optimizer": "sgd", "loss": "mse", **config}}


SHAPES = {
    "a wide layer": sequential_config(input_config(8), dense(BIG)),
    "a wide input": sequential_config(input_config(BIG), dense(1)),
    "layers that are wide together": sequential_config(
        input_config(2048), *({**dense(2048), "config": {"units": 2048}} for _ in range(30))
    ),
    "an embedding": sequential_config(
        input_config(3), layer_config("Embedding", input_dim=BIG, output_dim=1)
    ),
    "many units twice": sequential_config(input_config(8), dense(2**20), dense(2**20)),
    "a batch normalization": sequential_config(
        input_config(BIG), layer_config("BatchNormalization")
    ),
    "a bias": sequential_config(input_config(0), dense(BIG)),
    "a constant": sequential_config(
        input_config(8),
        dense(2**30, kernel_initializer=layer_config("Identity", "keras.initializers")),
    ),
    "a built layer": sequential_config(
        {**dense(BIG), "build_config": {"input_shape": [None, BIG]}}
    ),
    "a confusion matrix": sequential_config(
        input_config(8),
        dense(1),
        **compiled(metrics=[layer_config("MeanIoU", "keras.metrics", num_classes=2**20)]),
    ),
    "thresholds": sequential_config(
        input_config(8),
        dense(1),
        **compiled(metrics=[layer_config("AUC", "keras.metrics", num_thresholds=BIG)]),
    ),
    "recall at a precision": sequential_config(
        input_config(8),
        dense(1),
        **compiled(
            metrics=[
                layer_config(
                    "RecallAtPrecision", "keras.metrics", precision=0.5, num_thresholds=BIG
                )
            ]
        ),
    ),
    "parts": functional_config(op_config("Split", indices_or_sections=BIG, axis=-1), shape=(BIG,)),
    "copies": functional_config(op_config("Unstack", num=BIG, axis=-1), shape=(BIG,)),
    "a constant operation": functional_config(
        {**op_config("Zeros"), "inbound_nodes": [{"args": [[BIG]], "kwargs": {}}]}
    ),
    "an operation on nothing": functional_config(
        {**op_config("Tile", repeats=[BIG]), "inbound_nodes": [{"args": [[1.0]], "kwargs": {}}]}
    ),
    "a layer on nothing": functional_config(
        {
            **layer_config("RepeatVector", n=BIG),
            "inbound_nodes": [
                {
                    "args": [
                        {
                            "class_name": "__numpy__",
                            "config": {"value": [[1.0]], "dtype": "float32"},
                        }
                    ],
                    "kwargs": {},
                }
            ],
        }
    ),
    "a string type": sequential_config(
        input_config(8),
        layer_config(
            "Rescaling",
            scale={
                "class_name": "__numpy__",
                "config": {"value": ["a"], "dtype": "S2000000000"},
            },
        ),
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_configurations_that_ask_for_too_much(reader, good, tmp_path, name):
    path = with_config(tmp_path / "big.keras", good / "good.keras", lambda _: SHAPES[name])
    assert "error" in reader.read(path)
    legacy = tmp_path / "big.h5"
    legacy.write_bytes(legacy_image(SHAPES[name]))
    assert "error" in reader.read(legacy)


def legacy_image(config):
    def fill(file):
        file.attrs["model_config"] = json.dumps(config)
        if "compile_config" in config:
            metrics = config["compile_config"]["metrics"]
            training = {
                "loss": "mse",
                "metrics": metrics,
                "loss_weights": None,
                "optimizer_config": {"class_name": "SGD", "config": {}},
            }
            file.attrs["training_config"] = json.dumps(training)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([b"d"])
        layer = group.create_group("d")
        layer.attrs["weight_names"] = np.array([b"k", b"b"])
        layer["k"], layer["b"] = np.zeros((8, 1), "f4"), np.zeros(1, "f4")

    return h5_image(fill)


def lambda_entry(**config):
    return layer_config("Lambda", function={"class_name": "__lambda__", "config": config})


def function_entry(module, name):
    function = {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": name,
    }
    return dense(1, activation=function)


NAMES = {
    "an unknown class": (layer_config("NoSuchLayer"), "Unknown class 'NoSuchLayer'"),
    "a class of Python": (layer_config("Popen", "subprocess"), "Unknown class 'Popen'"),
    "a module": (layer_config("os", "nacre.saving.atomic"), "Unknown class 'os'"),
    "a private class": (layer_config("_Elementwise"), "Unknown class '_Elementwise'"),
    "a reader of files": (function_entry("keras.models", "load_model"), "Unknown function"),
    "a reader of configurations": (function_entry("keras.layers", "deserialize"), "Unknown fun"),
    "a way to get a file": (function_entry("keras.utils", "get_file"), "Unknown function"),
    "a function of Python": (function_entry("builtins", "eval"), "Unknown function 'eval'"),
    "a function of a module": (function_entry("os", "system"), "Unknown function 'system'"),
    "a seed of everything": (function_entry("keras.random", "set_global_seed"), "Unknown fun"),
    "code": (lambda_entry(value=["Y29kZQ==", None, None]), "lambda"),
    "code in Keras's form": (lambda_entry(code="Y29kZQ==", defaults=None, closure=None), "lambda"),
    "code of Keras 2": (layer_config("Lambda", function=["4wEA", None, None]), "Lambda"),
    "no layer": (layer_config("Adam", "keras.optimizers"), "only layers can be added"),
    "no class": ({"class_name": 3, "config": {}}, "class_name"),
    "no configuration": ({**dense(1), "config": "units"}, "should be a dict"),
    "an unknown argument": (dense(1, nonsense=2), "nonsense"),
    "an argument of the wrong kind": (dense("many"), "units"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_and_values_that_mean_nothing(reader, good, tmp_path, name):
    entry, message = NAMES[name]
    config = sequential_config(input_config(8), entry)
    path = with_config(tmp_path / "odd.keras", good / "good.keras", lambda _: config)
    assert message in reader.read(path)["error"]


OPERATIONS = {
    "an unknown operation": op_config("NoSuch"),
    "a loop": op_config("WhileLoop", cond="x", body="y"),
    "unknown arguments": op_config("Relu", nonsense=1) | {"module": "keras.src.ops.nn"},
    "too many arguments": op_config("Add")
    | {
        "inbound_nodes": [
            {
                "args": [
                    {"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 0]}}
                ]
                * 3,
                "kwargs": {},
            }
        ]
    },
    "a call of itself": op_config("Negative")
    | {
        "inbound_nodes": [
            {
                "args": [
                    {"class_name": "__keras_tensor__", "config": {"keras_history": ["c0", 0, 0]}}
                ],
                "kwargs": {},
            }
        ]
    },
    "a call of nothing": op_config("Negative")
    | {
        "inbound_nodes": [
            {
                "args": [
                    {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}
                ],
                "kwargs": {},
            }
        ]
    },
    "an output that is not there": op_config("Negative")
    | {
        "inbound_nodes": [
            {
                "args": [
                    {"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 7]}}
                ],
                "kwargs": {},
            }
        ]
    },
    "a call that is none": op_config("Negative") | {"inbound_nodes": [3]},
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_graphs_that_mean_nothing(reader, good, tmp_path, name):
    config = functional_config(OPERATIONS[name])
    path = with_config(tmp_path / "odd.keras", good / "good.keras", lambda _: config)
    if name != "unknown arguments":  # an option that the operation does not have is passed over
        assert "error" in reader.read(path)
    else:
        reader.read(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        '{"class_name": "Sequential"}',
        '{"class_name": "Sequential", "config": {"layers": 3}}',
        '{"module": "keras", "class_name": "Sequential", "config": {"layers": [3]}}',
        '{"module": "keras", "class_name": "Sequential", "config": {}}',
        '{"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}',
        "\ud800".encode("utf-8", "surrogatepass"),
        "[" * 100_000,
        '{"config": ' * 20_000 + "{" + "}" * 20_001,
        '{"class_name": "A", "config": {"a": ' * 9000 + "1" + "}}" * 9000,
        '{"module": "keras", "class_name": "Sequential", "config": {"layers": [' * 400
        + "]}}" * 400,
        " " * (15 << 20),
    ],
)
def test_configurations_that_are_none(reader, good, tmp_path, text):
    contents = members(good / "good.keras")
    contents["config.json"] = text if isinstance(text, bytes) else text.encode()
    assert "error" in reader.read(write_members(tmp_path / "odd.keras", contents))


def _links(kind):
    import h5py

    def fill(file):
        group = file.create_group("layers/dense/vars")
        if kind == "external":
            group["0"] = h5py.ExternalLink("/etc/passwd", "x")
        elif kind == "soft":
            group["0"] = h5py.SoftLink("/optimizer")
        elif kind == "cycle":
            file["layers/dense/layers"] = file["layers"]
            group["0"] = np.zeros((8, 4), "f4")
        elif kind == "storage":
            group.create_dataset("0", (8, 4), "f4", external=[("/etc/passwd", 0, 128)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((8, 4), "f4")
            layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8, 4))
            group.create_virtual_dataset("0", layout)
        elif kind == "reference":
            group.create_dataset("0", (8, 4), h5py.ref_dtype)
        elif kind == "compound":
            group.create_dataset("0", (8, 4), np.dtype([("a", "f4"), ("b", "f4")]))
        elif kind == "sequence":
            group.create_dataset("0", (8, 4), h5py.vlen_dtype(np.float32))
        elif kind == "strings":
            group.create_dataset("0", (8, 4), h5py.string_dtype())
        elif kind == "type":
            file["type"] = np.dtype("f4")
            group.create_dataset("0", (8, 4), file["type"])
        elif kind == "group":
            group.create_group("0")
        elif kind == "empty":
            group.create_dataset("0", (8, 4), "f4", chunks=(8, 4))
        elif kind == "unwritten":
            group.create_dataset("0", (BIG,), "f4")
        elif kind == "sparse":
            group.create_dataset("0", (BIG,), "f4", chunks=(1024,))
        elif kind == "bomb":
            group.create_dataset("0", data=np.zeros(1 << 25, "u1"), compression=9)
        elif kind == "large chunk":
            group.create_dataset("0", (8, 4), "f4", maxshape=(None, 4), chunks=(1 << 28, 1))
        elif kind == "complex":
            group["0"] = np.zeros((8, 4), "c8")
        else:
            options = {"compression": "lzf"} if kind == "lzf" else {kind: True}
            group.create_dataset("0", data=np.ones((64, 64), "f4"), chunks=(8, 8), **options)
        group["1"] = np.zeros(4, "f4")

    return fill


@pytest.mark.parametrize(
    "kind",
    [
        *("external", "soft", "cycle", "storage", "virtual", "reference", "compound", "sequence"),
        *("strings", "type", "group", "empty", "unwritten", "sparse", "bomb", "large chunk"),
        *("complex", "lzf", "fletcher32"),
    ],
)
def test_parts_of_hdf5_that_are_refused(reader, good, tmp_path, kind):
    image = h5_image(_links(kind))
    path = tmp_path / "odd.weights.h5"
    path.write_bytes(image)
    answer = reader.read(path)
    assert "error" in answer
    contents = {**members(good / "good.keras"), "model.weights.h5": image}
    assert "error" in reader.read(write_members(tmp_path / "odd.keras", contents))


def test_what_lies_behind_a_link_is_not_read(reader, good, tmp_path):
    import h5py

    weights = good / "good.weights.h5"
    for link in (
        lambda name: h5py.ExternalLink(str(weights), name),
        lambda name: h5py.SoftLink(f"/there/{name}"),
    ):

        def fill(file, link=link):
            with h5py.File(weights) as other:
                other.copy("/layers", file.create_group("there"))
            for name in ("layers", "optimizer"):
                file[name] = link(name)

        path = tmp_path / "linked.weights.h5"
        path.write_bytes(h5_image(fill))
        assert "is a link, which is never followed" in reader.read(path)["error"]


def test_many_arrays_in_one_place(reader, good, tmp_path):
    # Each says that its values are where those of the first are.
    def fill(file):
        group = file.create_group("layers/dense/vars")
        for index in range(64):
            group[str(index)] = np.full(1 << 10, index, "f4")

    image = bytearray(h5_image(fill))
    place = {}
    for index in range(64):
        pattern = np.full(1 << 10, index, "f4").tobytes()[:4096]
        place[index] = image.find(pattern)
    first = place[0].to_bytes(8, "little")
    del image
    image = h5_image(fill)
    for index in range(1, 64):
        image = image.replace(place[index].to_bytes(8, "little"), first)
    path = tmp_path / "one.weights.h5"
    path.write_bytes(image)
    assert "in the same place" in reader.read(path)["error"]


def _zip(path, good, change, **options):
    contents = members(good / "good.keras")
    with zipfile.ZipFile(path, "w", **options) as file:
        change(contents, file)
        for name, content in contents.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../outside", "it holds '../outside'"),
        ("/etc/passwd", "it holds '/etc/passwd'"),
        ("assets/vocabulary.txt", "it holds 'assets/vocabulary.txt'"),
        ("config.json", "it holds 'config.json'"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_are_not_expected(reader, good, tmp_path, name, message):
    path = _zip(tmp_path / "odd.keras", good, lambda _, file: file.writestr(name, b"{}"))
    assert message in reader.read(path)["error"]


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_missing_members(reader, good, tmp_path, name):
    contents = members(good / "good.keras")
    del contents[name]
    path = write_members(tmp_path / "odd.keras", contents)
    assert f"it holds no '{name}'" in reader.read(path)["error"]


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "metadata.json"])
def test_members_that_unpack_to_too_much(reader, good, tmp_path, name):
    contents = members(good / "good.keras")
    contents[name] += b" " * (80 << 20)
    path = write_members(
        tmp_path / "bomb.keras", contents, compression=zipfile.ZIP_DEFLATED, compresslevel=9
    )
    assert "would unpack" in reader.read(path)["error"]


def test_a_member_that_is_longer_than_it_says(reader, good, tmp_path):
    contents = members(good / "good.keras")
    size = len(contents["config.json"])
    contents["config.json"] += b" " * (80 << 20)
    path = write_members(tmp_path / "liar.keras", contents, compression=zipfile.ZIP_DEFLATED)
    whole = size + (80 << 20)
    data = path.read_bytes().replace(whole.to_bytes(4, "little"), size.to_bytes(4, "little"))
    path.write_bytes(data)
    assert "checksum is wrong" in reader.read(path)["error"]


def test_a_compressed_archive_is_read(reader, good, tmp_path):
    contents = members(good / "good.keras")
    path = write_members(tmp_path / "c.keras", contents, compression=zipfile.ZIP_DEFLATED)
    assert reader.read(path)["weights"] == reader.read(good / "good.keras")["weights"]


def test_files_that_are_none(reader, tmp_path):
    for name in ("a.keras", "a.h5", "a.weights.h5"):
        for content in (b"", b"PK\x05\x06" + bytes(18), b"\x89HDF\r\n\x1a\n", bytes(4096)):
            (tmp_path / name).write_bytes(content)
            assert "error" in reader.read(tmp_path / name)
        (tmp_path / name).unlink()
        assert "No such file" in reader.read(tmp_path / name)["error"]
        os.mkfifo(tmp_path / name)
        assert "this is no file" in reader.read(tmp_path / name)["error"]
        (tmp_path / name).unlink()
        (tmp_path / name).mkdir()
        assert "error" in reader.read(tmp_path / name)


def test_a_registered_class_does_not_stand_in_for_one_of_keras(tmp_path):
    @nacre.saving.register_keras_serializable(package="hostile")
    class Dense(nacre.layers.Layer):
        pass

    try:
        model = nacre.Sequential([nacre.Input((2,)), nacre.layers.Dense(1)])
        model.save(tmp_path / "m.keras")
        again = nacre.models.load_model(tmp_path / "m.keras")
        assert type(again.layers[0]) is nacre.layers.Dense
    finally:
        nacre.saving.get_custom_objects().pop("hostile>Dense")
