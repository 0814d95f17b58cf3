"""A file is written whole or not at all, whatever happens."""

import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import nacre
from nacre import layers
from nacre.saving.atomic import replaced_file

KINDS = ["m.keras", "m.h5", "m.weights.h5"]


def _model(value=0.0):
    model = nacre.Sequential([nacre.Input((4,)), layers.Dense(3)])
    model.set_weights([np.full(w.shape, value, np.float32) for w in model.get_weights()])
    return model


def _save(model, path):
    (model.save_weights if path.name.endswith(".weights.h5") else model.save)(path)


@pytest.mark.parametrize("name", KINDS)
def test_an_error_while_the_model_is_written(tmp_path, monkeypatch, name):
    path = tmp_path / name
    _save(_model(), path)
    before = path.read_bytes()

    class Broken(layers.Dense):
        def save_own_variables(self, store):
            raise RuntimeError("no")

        @property
        def trainable_weights(self):
            raise RuntimeError("no")

    model = nacre.Sequential([nacre.Input((4,)), Broken(3)])
    with pytest.raises(RuntimeError):
        _save(model, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("named", [False, True])
def test_a_full_disk(tmp_path, monkeypatch, call, named):
    path = tmp_path / "m.keras"
    _model().save(path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    if named:  # where files without names do not exist
        monkeypatch.setattr("nacre.saving.atomic._NAMELESS", 0)
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space"):
        _model(1.0).save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.keras"]


def test_a_limit_on_the_size_of_files(tmp_path):
    path = tmp_path / "m.keras"
    _model().save(path)
    before = path.read_bytes()
    script = f"""
import nacre, resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = nacre.Sequential([nacre.Input((256,)), nacre.layers.Dense(256)])
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
for name in {KINDS!r}:
    save = model.save_weights if "weights" in name else model.save
    try:
        save({str(tmp_path)!r} + "/" + name)
    except OSError as error:
        print(error.errno)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.split() == ["27"] * 3, result.stderr
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.keras"]


@pytest.mark.parametrize("named", [False, True])
def test_contents_are_on_the_disk_before_the_name_is_changed(tmp_path, monkeypatch, named):
    calls = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)

        def record(*args, name=name, original=original):
            kind = stat.S_ISDIR(os.fstat(args[0]).st_mode) if name == "fsync" else None
            calls.append("folder" if kind else name)
            return original(*args)

        monkeypatch.setattr(os, name, record)
    if named:
        monkeypatch.setattr("nacre.saving.atomic._NAMELESS", 0)
    _model().save(tmp_path / "m.keras")
    assert calls == ["fsync", "replace", "folder"]


def test_links_and_modes_are_kept(tmp_path):
    target = tmp_path / "target.keras"
    _model().save(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~_umask()
    target.chmod(0o640)
    link = tmp_path / "link.keras"
    link.symlink_to(target)
    _model(2.0).save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert nacre.models.load_model(target).get_weights()[0][0, 0] == 2.0


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_where_nothing_can_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="no directory"):
        _model().save(tmp_path / "no" / "m.keras")
    (tmp_path / "d.keras").mkdir()
    with pytest.raises(IsADirectoryError, match="a directory has this name"):
        _model().save(tmp_path / "d.keras")

    def interrupted():
        with replaced_file(str(tmp_path / "f")) as file:
            file.write(b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == ["d.keras"]


_SAVER = """
import sys
import numpy as np
import nacre
model = nacre.Sequential([nacre.Input((300,)), nacre.layers.Dense(300)])
save = model.save_weights if sys.argv[1].endswith(".weights.h5") else model.save
value = 0
print("ready", flush=True)
while True:
    value += 1
    model.set_weights([np.full(w.shape, value, np.float32) for w in model.get_weights()])
    save(sys.argv[1])
"""


def _kill(path: Path, tries: int) -> None:
    model = nacre.Sequential([nacre.Input((300,)), layers.Dense(300)])
    model.set_weights([np.zeros(w.shape, np.float32) for w in model.get_weights()])
    _save(model, path)
    rng = random.Random(0)
    seen = set()
    for _ in range(tries):
        process = subprocess.Popen(
            [sys.executable, "-c", _SAVER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        model.load_weights(path)
        numbers = np.concatenate([w.ravel() for w in model.get_weights()])
        assert len(set(numbers)) == 1, "half of one model and half of another"
        seen.add(float(numbers[0]))
        if not path.name.endswith(".weights.h5"):
            nacre.models.load_model(path)
    # The processes did save, once or several times: the file is not always the same.
    assert tries < 50 or len(seen) > 1, seen
    left = [name for name in os.listdir(path.parent) if name != path.name]
    # Between giving the file a name and renaming it, a few microseconds pass.
    assert len(left) <= 1 + tries // 50, left


@pytest.mark.parametrize("name", KINDS)
def test_killed_in_the_middle(tmp_path, name):
    _kill(tmp_path / name, 4)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", KINDS)
def test_killed_in_the_middle_many_times(tmp_path, name):
    _kill(tmp_path / name, 100)
