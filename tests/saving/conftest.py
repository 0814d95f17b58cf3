"""Files that a test may edit, and a process that reads what it made of them."""

import pytest

from tests.saving.harness import Reader
from tests.saving.making import trained_model


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
