"""Callbacks that write: checkpoints, backups, CSV files, event files, requests."""

import csv
import http.server
import json
import os
import struct
import threading
import urllib.parse

import numpy as np
import pytest

import nacre
from nacre import callbacks, layers
from nacre.callbacks.event_file import masked_crc32c


def _data(rows=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, 3)), rng.standard_normal((rows, 1))


def _model(optimizer="sgd", **arguments):
    nacre.utils.set_random_seed(0)
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    model.compile(optimizer, "mse", **arguments)
    return model


def _fit(model, *used, epochs=3, **options):
    x, y = _data()
    options = {"batch_size": 4, "shuffle": False, "verbose": 0, **options}
    return model.fit(x, y, epochs=epochs, callbacks=list(used), **options).history


class Scripted(callbacks.Callback):
    """Puts prescribed values into the logs."""

    def __init__(self, **values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        for name, values in self.values.items():
            logs[name] = values[epoch]


class TestModelCheckpoint:
    def test_every_epoch_under_a_name_of_its_own(self, tmp_path):
        path = tmp_path / "made" / "{epoch:02d}-{loss:.2f}.keras"
        model = _model()
        history = _fit(model, callbacks.ModelCheckpoint(path))
        names = [f"{i:02d}-{loss:.2f}.keras" for i, loss in enumerate(history["loss"], 1)]
        assert sorted(os.listdir(tmp_path / "made")) == names
        loaded = nacre.saving.load_model(tmp_path / "made" / names[-1])
        x, _ = _data()
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))

    @pytest.mark.parametrize(
        ("options", "values", "kept"),
        [
            ({}, [3.0, 1.0, 2.0], [1, 2]),
            ({"initial_value_threshold": 2.5}, [3.0, 1.0, 2.0], [2]),
            ({"mode": "max"}, [3.0, 1.0, 4.0], [1, 3]),
            ({"save_best_only": False}, [3.0, 1.0, 2.0], [1, 2, 3]),
            ({"save_best_only": False, "period": 2}, [3.0, 1.0, 2.0], [2]),
        ],
    )
    def test_only_the_best(self, tmp_path, options, values, kept):
        options = {"monitor": "made_loss", "save_best_only": True, **options}
        checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", **options)
        _fit(_model(), Scripted(made_loss=values), checkpoint)
        assert sorted(os.listdir(tmp_path)) == [f"{epoch}.keras" for epoch in kept]

    @pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
    def test_weights_alone(self, tmp_path, ending):
        path = tmp_path / f"made{ending}"
        model = _model()
        _fit(model, callbacks.ModelCheckpoint(path, save_weights_only=True))
        other = _model()
        other.load_weights(path)
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_after_batches(self, tmp_path):
        checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.keras", save_freq=2)
        _fit(_model(), checkpoint)  # three batches an epoch
        expected = ["1-2.keras", "2-1.keras", "2-3.keras", "3-2.keras"]
        assert sorted(os.listdir(tmp_path)) == expected

    def test_what_is_said(self, tmp_path, capsys):
        path = str(tmp_path / "made.keras")
        checkpoint = callbacks.ModelCheckpoint(path, "made_loss", 1, save_best_only=True)
        _fit(_model(), Scripted(made_loss=[2.0, 3.0]), checkpoint, epochs=2)
        out = capsys.readouterr().out
        assert f"Epoch 1: made_loss improved from None to 2.00000, saving model to {path}" in out
        assert "Epoch 2: made_loss did not improve from 2.00000" in out

    def test_errors(self, tmp_path):
        for arguments in (
            ("made",),
            ("made.keras", "loss", 0, False, True),
        ):
            with pytest.raises(ValueError, match="expected a path that ends in"):
                callbacks.ModelCheckpoint(*arguments)
        for frequency in ("batch", 0, True, 1.5):
            with pytest.raises(ValueError, match="save_freq"):
                callbacks.ModelCheckpoint("a.keras", save_freq=frequency)
        with pytest.raises(ValueError, match="period"):
            callbacks.ModelCheckpoint("a.keras", period=0)
        with pytest.raises(KeyError, match=r"acc.*is not among"):
            _fit(_model(), callbacks.ModelCheckpoint(tmp_path / "{acc}.keras"))
        (tmp_path / "a.keras").mkdir()
        with pytest.raises(OSError, match="directory"):
            _fit(_model(), callbacks.ModelCheckpoint(tmp_path / "a.keras"))
        checkpoint = callbacks.ModelCheckpoint(tmp_path / "b.keras", "nothing", save_best_only=True)
        with pytest.warns(UserWarning, match="`nothing` is not available"):
            _fit(_model(), checkpoint, epochs=1)
        assert (tmp_path / "b.keras").exists()


class Stop(Exception):
    pass


class Interrupt(callbacks.Callback):
    def __init__(self, epoch, batch=None):
        super().__init__()
        self.epoch = epoch
        if batch is not None:
            self.on_train_batch_end = lambda b, logs=None: self._stop(b == batch)

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch
        if "on_train_batch_end" not in vars(self):
            self._stop(True)

    def _stop(self, here):
        if here and self.now == self.epoch:
            raise Stop


class TestBackupAndRestore:
    @pytest.mark.parametrize("double", [False, True])
    def test_an_interrupted_training_ends_as_one_that_was_not(self, tmp_path, double):
        folder = tmp_path / "backup"
        whole = _model("adam")
        expected = _fit(whole, epochs=4)
        model = _model("adam")
        backup = callbacks.BackupAndRestore(folder, double_checkpoint=double)
        with pytest.raises(Stop):
            _fit(model, backup, Interrupt(2), epochs=4)
        assert folder.exists()
        if double:  # what was written last is damaged: the state before it counts
            (folder / "latest.weights.h5").write_bytes(b"damaged")
        model = _model("adam")
        history = _fit(model, callbacks.BackupAndRestore(folder), epochs=4)
        assert history["loss"] == expected["loss"][1 if double else 2 :]
        for a, b in zip(model.get_weights(), whole.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert not folder.exists()

    def test_after_batches(self, tmp_path):
        with pytest.raises(Stop):
            _fit(_model(), callbacks.BackupAndRestore(tmp_path, save_freq=2), Interrupt(1, 1))
        metadata = json.loads((tmp_path / "training_metadata.json").read_text())
        assert metadata == {"epoch": 1, "batch": 0}

    def test_other_files_stay(self, tmp_path):
        (tmp_path / "notes").write_text("mine")
        _fit(_model(), callbacks.BackupAndRestore(tmp_path))
        assert os.listdir(tmp_path) == ["notes"]

    def test_errors(self):
        with pytest.raises(ValueError, match="expected a folder"):
            callbacks.BackupAndRestore("")
        model = nacre.Sequential([layers.Dense(1)])
        model.compile("sgd", "mse")
        backup = callbacks.BackupAndRestore("somewhere")
        backup.set_model(model)
        with pytest.raises(ValueError, match="must be built"):
            backup.on_train_begin()


class TestCSVLogger:
    def test_lines(self, tmp_path):
        path = tmp_path / "log.csv"
        logger = callbacks.CSVLogger(path)
        history = _fit(_model(), logger, validation_data=_data(8, 1), epochs=2)
        rows = list(csv.reader(path.read_text().splitlines()))
        assert rows[0] == ["epoch", "loss", "val_loss"]
        for epoch, row in enumerate(rows[1:]):
            assert row == [str(epoch), *(repr(history[k][epoch]) for k in ("loss", "val_loss"))]
        _fit(_model(), logger, epochs=1)  # starts the file anew
        assert path.read_text().splitlines()[0] == "epoch,loss,val_loss"
        assert path.read_text().splitlines()[1].endswith(",NA")
        assert len(path.read_text().splitlines()) == 2

    def test_appending_and_separators(self, tmp_path):
        path = tmp_path / "log.csv"
        for _ in range(2):
            values = Scripted(shares=[[0.5, 1.0]], name=["a;b"])
            logger = callbacks.CSVLogger(path, separator=";", append=True)
            _fit(_model(), values, logger, epochs=1)
        lines = path.read_text().splitlines()
        assert len(lines) == 3
        assert lines[0] == "epoch;loss;name;shares;val_loss;val_name;val_shares"
        row = next(csv.reader([lines[1]], delimiter=";"))
        assert row[2:4] == ["a;b", '"[0.5, 1.0]"']


class _Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.seen.append((self.path, dict(self.headers), body))
        self.send_response(500 if "fail" in self.path else 200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = http.server.HTTPServer(("127.0.0.1", 0), _Server)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class TestRemoteMonitor:
    def test_form_and_json(self, server):
        root = f"http://127.0.0.1:{server.server_port}"
        values = Scripted(share=[np.float32(0.5)])
        form = callbacks.RemoteMonitor(root, headers={"X-Key": "secret"})
        plain = callbacks.RemoteMonitor(root, path="/fail", send_as_json=True)
        loss = _fit(_model(), values, form, plain, epochs=1)["loss"][0]
        (path, headers, body), (other_path, other_headers, other_body) = server.seen
        assert path == "/publish/epoch/end/"
        assert headers["X-Key"] == "secret"
        assert headers["Content-Type"] == "application/x-www-form-urlencoded"
        expected = {"epoch": 0, "loss": loss, "share": 0.5}
        assert json.loads(urllib.parse.parse_qs(body)["data"][0]) == expected
        assert other_path == "/fail"
        assert other_headers["Content-Type"] == "application/json"
        assert json.loads(other_body) == expected

    def test_a_server_that_is_not_there(self, server):
        root = f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        server.server_close()
        with pytest.warns(UserWarning, match=f"could not send to {root}"):
            _fit(_model(), callbacks.RemoteMonitor(root), epochs=1)
        with pytest.raises(ValueError, match="http or https"):
            callbacks.RemoteMonitor("file:///etc")


def _records(path):
    """Read a TFRecord file, checking every checksum."""
    data = path.read_bytes()
    while data:
        (length,), (check,) = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])
        assert check == masked_crc32c(data[:8])
        record = data[12 : 12 + length]
        (check,) = struct.unpack("<I", data[12 + length : 16 + length])
        assert check == masked_crc32c(record)
        yield record
        data = data[16 + length :]


def _event_file(folder):
    (name,) = os.listdir(folder)
    assert name.startswith("events.out.tfevents.")
    return folder / name


class TestTensorBoard:
    def test_checksum(self):
        # The check value of CRC-32C for these digits is E3069283.
        crc = 0xE3069283
        expected = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        assert masked_crc32c(b"123456789") == expected

    def test_scalars_of_epochs(self, tmp_path):
        board = callbacks.TensorBoard(tmp_path)
        history = _fit(_model(), board, validation_data=_data(8, 1), epochs=2)
        records = list(_records(_event_file(tmp_path / "train")))
        assert b"brain.Event:2" in records[0]
        assert b"graph_keras_model" in records[1]
        assert b'"class_name": "Sequential"' in records[1]
        tags = [[t for t in (b"epoch_loss", b"epoch_learning_rate") if t in r] for r in records[2:]]
        assert tags == [[b"epoch_loss"], [b"epoch_learning_rate"]] * 2
        for record, loss in zip(records[2::2], history["loss"], strict=True):
            assert struct.pack("<f", loss) in record
        records = list(_records(_event_file(tmp_path / "validation")))
        names = [b"evaluation_loss_vs_iterations", b"epoch_loss"] * 2
        assert [n in r for n, r in zip(names, records[1:], strict=True)] == [True] * 4

    def test_batches(self, tmp_path):
        board = callbacks.TensorBoard(
            tmp_path, update_freq=2, write_graph=False, write_steps_per_second=True
        )
        _fit(_model(), board, epochs=2)  # six batches
        records = list(_records(_event_file(tmp_path / "train")))
        assert sum(b"batch_loss" in r for r in records) == 3
        assert sum(b"batch_steps_per_second" in r for r in records) == 3
        assert sum(b"epoch_steps_per_second" in r for r in records) == 2
        assert not (tmp_path / "validation").exists()

    def test_histograms(self, tmp_path):
        model = _model()
        _fit(model, callbacks.TensorBoard(tmp_path, histogram_freq=2), epochs=3)
        found = [r for r in _records(_event_file(tmp_path / "train")) if b"/histogram" in r]
        assert len(found) == 2 * len(model.weights)
        for weight, record in zip(model.weights, found[-len(model.weights) :], strict=True):
            assert f"{weight.path}/histogram".encode() in record
            values = weight.numpy().astype("float64")
            counts, edges = np.histogram(values, 30)
            assert np.stack([edges[:-1], edges[1:], counts], 1).tobytes() in record

    def test_errors(self):
        for options in (
            {"profile_batch": (2, 3)},
            {"embeddings_freq": 1},
            {"write_images": True},
        ):
            with pytest.raises(ValueError, match=f"`{next(iter(options))}` is not available"):
                callbacks.TensorBoard(**options)
        with pytest.raises(ValueError, match="update_freq"):
            callbacks.TensorBoard(update_freq="step")


class TestSwapEMAWeights:
    def test_evaluation_sees_averages(self):
        optimizer = nacre.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
        model = _model(optimizer)
        seen = []
        look = callbacks.LambdaCallback(
            on_test_begin=lambda logs: seen.append(model.get_weights()),
            on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()),
        )
        swap = callbacks.SwapEMAWeights()
        _fit(model, swap, look, validation_data=_data(8, 1), epochs=1)
        averages = [average.numpy() for average in optimizer._averages]
        for at_test, average in zip(seen[0], averages, strict=True):
            np.testing.assert_array_equal(at_test, average)
        assert any((a != b).any() for a, b in zip(*seen, strict=True))
        # At the end of `fit` the weights are the averages.
        for weight, average in zip(model.get_weights(), averages, strict=True):
            np.testing.assert_array_equal(weight, average)

    def test_saving_averages(self, tmp_path):
        optimizer = nacre.optimizers.LossScaleOptimizer(
            nacre.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), 1.0
        )
        model = _model(optimizer)
        averages = []
        look = callbacks.LambdaCallback(
            on_epoch_begin=lambda e, logs: averages.append(
                [a.numpy() for a in optimizer.inner_optimizer._averages]
            )
        )
        path = tmp_path / "{epoch}.weights.h5"
        _fit(
            model,
            callbacks.SwapEMAWeights(swap_on_epoch=True),
            callbacks.ModelCheckpoint(path, save_weights_only=True),
            look,
        )
        other = _model(None)
        for epoch in (1, 2):
            other.load_weights(tmp_path / f"{epoch}.weights.h5")
            for saved, average in zip(other.get_weights(), averages[epoch], strict=True):
                np.testing.assert_array_equal(saved, average)

    def test_errors(self):
        with pytest.raises(ValueError, match="use_ema=True"):
            _fit(_model(), callbacks.SwapEMAWeights(), validation_data=_data())


class TestReduceLROnPlateau:
    def test_rates_and_logs(self):
        plateau = callbacks.ReduceLROnPlateau("made", factor=0.5, patience=1, mode="min")
        history = _fit(_model(), Scripted(made=[2.0, 2.0, 1.0, 1.0]), plateau, epochs=4)
        assert history["learning_rate"] == pytest.approx([0.01, 0.01, 0.005, 0.005])
        assert float(plateau.model.optimizer.learning_rate) == pytest.approx(0.0025)

    def test_old_name_and_errors(self):
        assert callbacks.ReduceLROnPlateau(epsilon=0.5).min_delta == 0.5
        with pytest.raises(ValueError, match="less than 1"):
            callbacks.ReduceLROnPlateau(factor=1.0)
        with pytest.raises(TypeError, match="unknown arguments patient"):
            callbacks.ReduceLROnPlateau(patient=2)


def test_callbacks_of_epochs_leave_batches_to_the_core(tmp_path):
    """Python runs between batches only for those who ask for it."""
    quiet = [
        callbacks.ModelCheckpoint(tmp_path / "a.keras"),
        callbacks.BackupAndRestore(tmp_path),
        callbacks.CSVLogger(tmp_path / "a.csv"),
        callbacks.TensorBoard(tmp_path),
        callbacks.EarlyStopping(),
        callbacks.ReduceLROnPlateau(),
        callbacks.SwapEMAWeights(),
        callbacks.RemoteMonitor(),
    ]
    events = [f"{mode}_batch_{end}" for mode in ("train", "test") for end in ("begin", "end")]
    assert not any(callbacks.CallbackList(quiet).listens(event) for event in events)

    class Louder(callbacks.ModelCheckpoint):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)

    for loud in (
        Louder(tmp_path / "a.keras"),
        callbacks.ModelCheckpoint(tmp_path / "a.keras", save_freq=3),
        callbacks.BackupAndRestore(tmp_path, save_freq=3),
        callbacks.TensorBoard(tmp_path, update_freq="batch"),
    ):
        assert callbacks.CallbackList([loud]).listens("train_batch_end")
