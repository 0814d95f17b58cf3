"""Callbacks on the same logs in both libraries, and event files through TensorBoard's reader."""

import os

import numpy as np
import pytest

import nacre

EPOCHS = 12


def _model(lib):
    model = lib.Sequential([lib.layers.Input((2,)), lib.layers.Dense(1, use_bias=False)])
    model.compile(lib.optimizers.SGD(0.1), "mse", metrics=["mae"])
    model.fit(np.zeros((1, 2)), np.zeros((1, 1)), verbose=0)
    return model


@pytest.fixture(scope="module")
def models(keras):
    return {lib.__name__: _model(lib) for lib in (keras, nacre)}


def _run(model, callback, logs):
    """Play a training to a callback and note what it does to model and logs."""
    model.stop_training = False
    model.optimizer.learning_rate = 0.1
    callback.set_params({"epochs": EPOCHS})
    callback.set_model(model)
    callback.on_train_begin()
    seen = []
    for epoch, values in enumerate(logs):
        model.set_weights([np.full((2, 1), epoch)])
        callback.on_epoch_begin(epoch)
        values = dict(values)
        callback.on_epoch_end(epoch, values)
        rate = float(np.asarray(model.optimizer.learning_rate))
        seen.append((epoch, bool(model.stop_training), rate, sorted(values.items())))
        if model.stop_training:
            break
    callback.on_train_end()
    return seen, float(model.get_weights()[0][0, 0])


def _check(keras, models, name, logs, *args, **options):
    results = [
        _run(models[lib.__name__], getattr(lib.callbacks, name)(*args, **options), logs)
        for lib in (nacre, keras)
    ]
    assert results[0] == results[1], options


def _drawn_logs(rng):
    losses = rng.choice([0.5, 0.75, 1.0, 1.0005, 1.25], EPOCHS)
    return [{"loss": float(a), "mae": float(b)} for a, b in zip(losses, losses[::-1], strict=True)]


def test_early_stopping(keras, models):
    rng = np.random.default_rng(0)
    for _ in range(60):
        options = {
            "monitor": str(rng.choice(["loss", "mae"])),
            "mode": str(rng.choice(["auto", "min", "max"])),
            "min_delta": float(rng.choice([0, 0.001, 0.3])),
            "patience": int(rng.integers(0, 4)),
            "baseline": rng.choice([None, 0.8]),
            "restore_best_weights": bool(rng.integers(2)),
            "start_from_epoch": int(rng.choice([0, 3])),
        }
        _check(keras, models, "EarlyStopping", _drawn_logs(rng), **options)


def test_reduce_lr_on_plateau(keras, models):
    rng = np.random.default_rng(1)
    for _ in range(40):
        options = {
            "monitor": str(rng.choice(["loss", "mae"])),
            "mode": str(rng.choice(["auto", "min", "max"])),
            "min_delta": float(rng.choice([1e-4, 0.001, 0.3])),
            "factor": float(rng.choice([0.1, 0.5])),
            "patience": int(rng.integers(0, 3)),
            "cooldown": int(rng.integers(0, 3)),
            "min_lr": float(rng.choice([0.0, 0.02])),
        }
        _check(keras, models, "ReduceLROnPlateau", _drawn_logs(rng), **options)


def test_learning_rate_scheduler(keras, models):
    logs = _drawn_logs(np.random.default_rng(2))
    for schedule in (lambda epoch: 0.1 / (epoch + 1), lambda epoch, rate: rate * 0.9):
        _check(keras, models, "LearningRateScheduler", logs, schedule)


def test_csv_logger(keras, models, tmp_path):
    logs = _drawn_logs(np.random.default_rng(3))
    for index, separator in enumerate(",;\t"):
        texts = []
        for lib in (nacre, keras):
            path = tmp_path / f"{lib.__name__}{index}.csv"
            for part in (logs[:3], logs[3:6]):
                for values in part:
                    values["shares"] = np.array([0.25, 1.0])
                callback = lib.callbacks.CSVLogger(path, separator=separator, append=True)
                _run(models[lib.__name__], callback, part)
            texts.append(path.read_bytes().replace(b"\r\n", b"\n"))
        assert texts[0] == texts[1]


def test_model_checkpoint(keras, models, tmp_path):
    rng = np.random.default_rng(4)
    for index in range(8):
        options = {
            "monitor": "mae",
            "mode": str(rng.choice(["min", "max"])),
            "save_best_only": bool(rng.integers(4)),
            "save_weights_only": bool(rng.integers(2)),
            "initial_value_threshold": rng.choice([None, 0.9]),
        }
        ending = ".weights.h5" if options["save_weights_only"] else ".keras"
        logs, saved = _drawn_logs(rng)[:5], []
        for lib in (nacre, keras):
            folder = tmp_path / f"{lib.__name__}{index}"
            folder.mkdir()
            path = str(folder / ("{epoch:02d}-{mae:.2f}" + ending))
            _run(models[lib.__name__], lib.callbacks.ModelCheckpoint(path, **options), logs)
            saved.append(sorted(os.listdir(folder)))
        assert saved[0] == saved[1], options


def test_event_files_are_what_tensorboard_reads(tmp_path):
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard"
    )
    from tensorboard.util import tensor_util

    model = nacre.Sequential([nacre.layers.Input((2,)), nacre.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.random.default_rng(0).random((2, 8, 2))
    history = model.fit(
        x,
        y[:, :1],
        epochs=3,
        validation_split=0.25,
        callbacks=[nacre.callbacks.TensorBoard(tmp_path, histogram_freq=1)],
        verbose=0,
    ).history
    for name, key in (("train", "loss"), ("validation", "val_loss")):
        events = reader.EventAccumulator(str(tmp_path / name)).Reload()
        assert "epoch_loss" in events.Tags()["tensors"]
        assert events.SummaryMetadata("epoch_loss").plugin_data.plugin_name == "scalars"
        found = [
            (e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in events.Tensors("epoch_loss")
        ]
        assert found == [(i, np.float32(value)) for i, value in enumerate(history[key])]
    events = reader.EventAccumulator(str(tmp_path / "train")).Reload()
    (graph,) = events.Tensors("keras")
    assert graph.tensor_proto.string_val[0].decode() == model.to_json()
    tag = model.weights[0].path + "/histogram"
    assert events.SummaryMetadata(tag).plugin_data.plugin_name == "histograms"
    rows = tensor_util.make_ndarray(events.Tensors(tag)[-1].tensor_proto)
    assert rows.shape == (30, 3)
    assert rows[0, 0] == model.get_weights()[0].min()
    assert rows[:, 2].sum() == 2
