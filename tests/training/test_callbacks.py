"""The callback protocol, `EarlyStopping` and its kin, and what is printed."""

import re

import numpy as np
import pytest

import nacre
from nacre import layers
from nacre.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    TerminateOnNaN,
)


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def make_model(**compile_arguments):
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", **compile_arguments)
    return model


class Recorder(Callback):
    def __init__(self):
        super().__init__()
        self.events = []


def _record(name):
    def hook(self, *args, logs=None):
        numbers = [arg for arg in args if isinstance(arg, int)]
        given = [arg for arg in args if isinstance(arg, dict)] or [logs or {}]
        self.events.append((name, *numbers, sorted(given[0])))

    return hook


for _name in [n for n in vars(Callback) if n.startswith("on_") and "batch" not in n]:
    setattr(Recorder, _name, _record(_name))


class BatchRecorder(Recorder):
    pass


for _name in ("on_train_batch_begin", "on_train_batch_end", "on_test_batch_end"):
    setattr(BatchRecorder, _name, _record(_name))


def test_order_of_events_in_fit():
    recorder = BatchRecorder()
    x, y = data(4, 3), data(4, 1)
    make_model().fit(
        x, y, batch_size=2, epochs=1, validation_data=(x, y), callbacks=[recorder], verbose=0
    )
    assert recorder.events == [
        ("on_train_begin", []),
        ("on_epoch_begin", 0, []),
        ("on_train_batch_begin", 0, []),
        ("on_train_batch_end", 0, ["loss"]),
        ("on_train_batch_begin", 1, []),
        ("on_train_batch_end", 1, ["loss"]),
        ("on_test_begin", []),
        ("on_test_batch_end", 0, ["loss"]),
        ("on_test_batch_end", 1, ["loss"]),
        ("on_test_end", ["loss"]),
        ("on_epoch_end", 0, ["loss", "val_loss"]),
        ("on_train_end", ["loss", "val_loss"]),
    ]
    assert recorder.params == {"verbose": 0, "epochs": 1, "steps": 2}
    assert recorder.model is not None


def test_order_of_events_elsewhere():
    model, recorder = make_model(), BatchRecorder()
    x, y = data(4, 3), data(4, 1)
    model.evaluate(x, y, batch_size=2, callbacks=[recorder], verbose=0)
    model.predict(x, batch_size=2, callbacks=[recorder], verbose=0)
    assert [event[0] for event in recorder.events] == [
        "on_test_begin",
        "on_test_batch_end",
        "on_test_batch_end",
        "on_test_end",
        "on_predict_begin",
        "on_predict_end",
    ]


@pytest.mark.parametrize("eager", [False, True])
def test_the_same_events_come_from_both_loops(eager):
    recorder = BatchRecorder()
    x, y = data(4, 3), data(4, 1)
    make_model(run_eagerly=eager).fit(
        x, y, batch_size=2, epochs=2, validation_data=(x, y), callbacks=[recorder], verbose=0
    )
    assert [event[0] for event in recorder.events].count("on_train_batch_end") == 4
    assert [event[0] for event in recorder.events].count("on_epoch_end") == 2


def test_batch_outputs_of_predict():
    outputs = []
    model = make_model()
    x = data(5, 3)
    callback = LambdaCallback(
        on_predict_batch_end=lambda batch, logs: outputs.append(logs["outputs"])
    )
    result = model.predict(x, batch_size=2, callbacks=[callback], verbose=0)
    np.testing.assert_array_equal(np.concatenate(outputs), result)


def test_lambda_callback_on_batches_and_epochs():
    batches, epochs = [], []
    callback = LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append((batch, logs["loss"])),
        on_epoch_end=lambda epoch, logs: epochs.append(logs["loss"]),
    )
    history = make_model().fit(
        data(6, 3), data(6, 1), batch_size=2, epochs=2, callbacks=callback, verbose=0
    )
    assert [batch for batch, _ in batches] == [0, 1, 2, 0, 1, 2]
    assert epochs == history.history["loss"] == [batches[2][1], batches[5][1]]
    with pytest.raises(TypeError, match="on_epoch_ends"):
        LambdaCallback(on_epoch_ends=print)


def test_old_batch_hooks_and_instance_attributes():
    seen = []

    class Old(Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append(batch)

    attached = Callback()
    attached.on_train_batch_begin = lambda batch, logs=None: seen.append(-batch)
    make_model().fit(data(4, 3), data(4, 1), batch_size=2, callbacks=[Old(), attached], verbose=0)
    assert sorted(seen) == [-1, 0, 0, 1]


def test_changed_logs_reach_history():
    class Add(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["extra"] = epoch * 10

    history = make_model().fit(data(4, 3), data(4, 1), epochs=2, callbacks=[Add()], verbose=0)
    assert history.history["extra"] == [0, 10]


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_batch_end"])
def test_stop_training(hook):
    class Stop(Callback):
        pass

    def stop(self, index, logs=None):
        self.model.stop_training = True

    setattr(Stop, hook, stop)
    model = make_model()
    history = model.fit(
        data(8, 3), data(8, 1), batch_size=2, epochs=5, callbacks=[Stop()], verbose=0
    )
    assert history.epoch == [0]
    iterations = int(model.optimizer.iterations.numpy())
    assert iterations == (4 if hook == "on_epoch_end" else 1)
    assert len(model.fit(data(8, 3), data(8, 1), epochs=2, verbose=0).epoch) == 2


class Scripted(Callback):
    """Replaces a metric by given values, before other callbacks see it."""

    def __init__(self, name, values):
        super().__init__()
        self.name, self.values = name, values

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def run_early_stopping(values, monitor="val_loss", epochs=None, **arguments):
    stopper = EarlyStopping(monitor=monitor, **arguments)
    model = make_model()
    history = model.fit(
        data(4, 3),
        data(4, 1),
        epochs=epochs or len(values),
        callbacks=[Scripted(monitor, values), stopper],
        verbose=0,
    )
    return stopper, len(history.epoch), model


def test_early_stopping_patience():
    stopper, epochs, _ = run_early_stopping([3, 2, 2, 2, 1, 0], patience=2)
    assert epochs == 4
    assert stopper.stopped_epoch == 3
    assert stopper.best == 2
    assert stopper.best_epoch == 1


def test_early_stopping_never_stops_after_the_first_epoch():
    _, epochs, _ = run_early_stopping([1, 2, 3], patience=0)
    assert epochs == 2


def test_early_stopping_min_delta():
    _, epochs, _ = run_early_stopping([3, 2.95, 2.9, 2.85], patience=2, min_delta=0.1)
    assert epochs == 3


@pytest.mark.parametrize(("mode", "expected"), [("max", 4), ("min", 3)])
def test_early_stopping_mode(mode, expected):
    _, epochs, _ = run_early_stopping([1, 2, 3, 4], monitor="score", mode=mode, patience=2)
    assert epochs == expected


def test_early_stopping_baseline():
    _, epochs, _ = run_early_stopping([5, 4, 4, 4, 4], baseline=1.5, patience=3)
    assert epochs == 3


def test_early_stopping_start_from_epoch():
    _, epochs, _ = run_early_stopping([1, 2, 3, 4, 5, 6], patience=1, start_from_epoch=3)
    assert epochs == 5


@pytest.mark.parametrize("values", [[3, 1, 2, 2, 2], [3, 1, 2]])
def test_early_stopping_restores_the_best_weights(values, capsys):
    kept = []
    snapshot = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    model = make_model()
    stopper = EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True, verbose=1)
    model.fit(
        data(4, 3),
        data(4, 1),
        epochs=len(values),
        callbacks=[Scripted("val_loss", values), snapshot, stopper],
        verbose=0,
    )
    for a, b in zip(model.get_weights(), kept[1], strict=True):
        np.testing.assert_array_equal(a, b)
    text = capsys.readouterr().out
    assert "Restoring model weights from the end of the best epoch: 2." in text
    assert ("Epoch 4: early stopping" in text) == (len(values) == 5)


def test_early_stopping_asks_the_metric_for_its_direction():
    model = make_model(metrics=["accuracy", "mae"])
    x, y = data(4, 3), np.ones((4, 1))
    for monitor, operator in (("accuracy", "gt"), ("mae", "lt")):
        stopper = EarlyStopping(monitor=monitor, patience=5)
        model.fit(x, y, epochs=2, callbacks=[stopper], verbose=0)
        assert stopper.monitor_op.__name__ == operator
    with pytest.raises(ValueError, match="mode='min' or mode='max'"):
        run_early_stopping([1, 2], monitor="score")


def test_early_stopping_warns_about_an_unknown_metric():
    with pytest.warns(UserWarning, match="'val_loss'"):
        make_model().fit(
            data(4, 3), data(4, 1), callbacks=[EarlyStopping(monitor="val_loss")], verbose=0
        )


def test_early_stopping_arguments():
    with pytest.raises(ValueError, match="`mode`"):
        EarlyStopping(mode="best")


def test_learning_rate_scheduler():
    model = make_model()
    scheduler = LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    history = model.fit(data(4, 3), data(4, 1), epochs=3, callbacks=[scheduler], verbose=0)
    np.testing.assert_allclose(history.history["learning_rate"], [0.005, 0.0025, 0.00125])


def test_terminate_on_nan(capsys):
    model = make_model()
    x = data(8, 3)
    x[3] = np.nan
    with pytest.warns(RuntimeWarning, match="not finite"):
        history = model.fit(
            x,
            data(8, 1),
            batch_size=2,
            epochs=3,
            shuffle=False,
            callbacks=[TerminateOnNaN()],
            verbose=0,
        )
    assert len(history.epoch) == 1
    assert int(model.optimizer.iterations.numpy()) == 2
    assert "Batch 1: Invalid loss" in capsys.readouterr().out


def test_callbacks_must_be_callbacks():
    with pytest.raises(TypeError, match="`callbacks`"):
        make_model().fit(data(4, 3), data(4, 1), callbacks=[print], verbose=0)
    with pytest.raises(TypeError, match="`callbacks`"):
        make_model().fit(data(4, 3), data(4, 1), callbacks=[EarlyStopping], verbose=0)


def test_exceptions_in_callbacks_come_through_and_keep_the_history():
    class Fail(Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise KeyError("mine")

    model = make_model()
    with pytest.raises(KeyError, match="mine"):
        model.fit(data(4, 3), data(4, 1), epochs=5, callbacks=[Fail()], verbose=0)
    assert model.history.epoch == [0, 1]


def plain(text):
    """What remains on a terminal after carriage returns and without colours."""
    lines = [line.rsplit("\r", 1)[-1] for line in text.split("\n")]
    return [re.sub(r"\x1b\[\d+m", "", line).rstrip() for line in lines]


NUMBER = r"\d+\.\d{4}(e[+-]\d+)?"
BAR = r"━{20} \d+s \d+(us|ms|s)/step"


def test_text_of_verbose_1(capsys):
    x, y = data(8, 3), data(8, 1)
    make_model(metrics=["mae"]).fit(x, y, batch_size=2, epochs=2, validation_data=(x, y))
    lines = plain(capsys.readouterr().out)
    assert lines[0] == "Epoch 1/2"
    assert re.fullmatch(
        rf"4/4 {BAR} - loss: {NUMBER} - mae: {NUMBER} - val_loss: {NUMBER} - val_mae: {NUMBER}",
        lines[1],
    )
    assert lines[2] == "Epoch 2/2"
    assert lines[4:] == [""]


def test_text_of_verbose_2(capsys):
    make_model().fit(data(8, 3), data(8, 1), batch_size=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert re.fullmatch(rf"4/4 - 0s - \d+(us|ms)/step - loss: {NUMBER}", lines[0])


def test_text_of_evaluate_and_predict(capsys):
    model = make_model()
    model.evaluate(data(8, 3), data(8, 1), batch_size=2)
    lines = plain(capsys.readouterr().out)
    assert re.fullmatch(rf"4/4 {BAR} - loss: {NUMBER}", lines[0])
    model.predict(data(8, 3), batch_size=2, verbose="auto")
    assert re.fullmatch(rf"4/4 {BAR}", plain(capsys.readouterr().out)[0])


def test_silence(capsys):
    model = make_model()
    model.fit(data(8, 3), data(8, 1), verbose=0)
    model.evaluate(data(8, 3), data(8, 1), verbose=False)
    model.predict(data(8, 3), verbose=0)
    assert capsys.readouterr().out == ""


def test_progress_of_data_of_unknown_length(capsys):
    x, y = data(4, 3), data(4, 1)
    make_model().fit(((x, y) for _ in range(3)), epochs=1)
    lines = plain(capsys.readouterr().out)
    assert re.search(r"3/3", lines[-2])


def test_progbar_itself(capsys):
    bar = nacre.utils.Progbar(5, stateful_metrics=["b"], interval=0)
    for step in range(1, 6):
        bar.update(step, [("a", float(step)), ("b", float(step))])
    last = plain(capsys.readouterr().out)[0]
    assert last.startswith("5/5 ━━━━━━━━━━━━━━━━━━━━")
    with pytest.raises(ValueError, match="not both"):
        nacre.utils.Progbar(5, stateful_metrics=["a"], stateless_metrics=["b"])


def test_logging_in_place_of_printing(capsys, caplog):
    nacre.config.disable_interactive_logging()
    try:
        with caplog.at_level("INFO", logger="nacre"):
            make_model().fit(data(8, 3), data(8, 1), verbose=2)
    finally:
        nacre.config.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    assert "loss" in caplog.text


def test_learning_rates_of_several_optimizers():
    optimizers = nacre.optimizers
    table = optimizers.OptimizerMap(
        optimizers.SGD(0.1, name="first"), {".*bias": optimizers.SGD(0.2, name="second")}
    )
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(optimizers.MultiOptimizer(table), "mse")
    halve = LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = model.fit(data(4, 3), data(4, 1), epochs=2, callbacks=[halve], verbose=0).history
    assert history["learning_rate_first"] == pytest.approx([0.05, 0.025])
    assert history["learning_rate_second"] == pytest.approx([0.1, 0.05])
    model.compile(None, "mse")
    halve.set_model(model)
    with pytest.raises(ValueError, match="no `learning_rate`"):
        halve.on_epoch_begin(0)
