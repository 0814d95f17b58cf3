"""`ImageDataGenerator` and its iterators by themselves."""

import os
import warnings

import numpy as np
import pytest

from nacre.preprocessing import image
from nacre.preprocessing.image import (
    DataFrameIterator,
    DirectoryIterator,
    ImageDataGenerator,
    Iterator,
    NumpyArrayIterator,
    img_to_array,
    load_img,
)
from nacre.utils import PyDataset
from tests.preprocessing.making import folder_of_classes, no_threads_left, picture

EVERYTHING = {
    **dict.fromkeys(("rotation_range", "shear_range", "channel_shift_range"), 20),
    **dict.fromkeys(("width_shift_range", "height_shift_range", "zoom_range"), 0.2),
    **dict.fromkeys(("horizontal_flip", "vertical_flip", "samplewise_center"), True),
    "brightness_range": (0.5, 1.5),
}


@pytest.fixture
def folder(tmp_path):
    return folder_of_classes(tmp_path, {"cats": 7, "dogs": 5})


@pytest.fixture
def arrays():
    x = np.stack([picture(i) for i in range(11)])
    return x, np.arange(11)


def test_batches_of_a_folder(folder, capsys):
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        folder, target_size=(12, 10), batch_size=5, class_mode="binary", shuffle=False
    )
    assert capsys.readouterr().out == "Found 12 images belonging to 2 classes.\n"
    assert isinstance(flow, (DirectoryIterator, PyDataset))
    assert (len(flow), flow.n, flow.samples, flow.num_classes) == (3, 12, 12, 2)
    assert flow.class_indices == {"cats": 0, "dogs": 1}
    assert flow.filenames[0] == os.path.join("cats", "000.png")
    assert flow.filepaths[-1] == str(folder / "dogs" / "004.png")
    assert flow.image_shape == (12, 10, 3)
    x, y = zip(*(flow[i] for i in range(3)), strict=True)
    assert [len(part) for part in x] == [5, 5, 2]
    assert x[0].dtype == y[0].dtype == np.float32
    np.testing.assert_array_equal(np.concatenate(y), [0] * 7 + [1] * 5)
    files = [img_to_array(load_img(path)) for path in flow.filepaths]
    np.testing.assert_allclose(np.concatenate(x), np.stack(files) / 255, atol=1e-6)
    with pytest.raises(ValueError, match=r"no batch 3.*3 batches"):
        flow[3]


def test_next_goes_on_and_on_and_reset_starts_again(arrays):
    x, y = arrays
    flow = ImageDataGenerator().flow(x, y, batch_size=4, shuffle=False)
    assert [next(flow)[1].tolist() for _ in range(4)] == [
        *([0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10], [0, 1, 2, 3])
    ]
    assert flow.batch_index == 1
    assert flow.next()[1].tolist() == [4, 5, 6, 7]
    flow.reset()
    assert next(flow)[1].tolist() == [0, 1, 2, 3]
    assert flow.total_batches_seen == 6
    assert next(iter(flow))[1].tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("by_index", [False, True])
def test_every_epoch_has_every_sample_in_another_order(arrays, by_index):
    x, y = arrays
    flow = ImageDataGenerator().flow(x, y, batch_size=4)
    orders = []
    for _ in range(3):
        batches = [flow[i] for i in range(3)] if by_index else [next(flow) for _ in range(3)]
        orders.append(np.concatenate([batch[1] for batch in batches]).tolist())
        for pictures, labels in batches:
            np.testing.assert_array_equal(pictures, x[labels])
        if by_index:
            flow.on_epoch_end()
    assert all(sorted(order) == list(range(11)) for order in orders)
    assert orders[0] != orders[1] != orders[2]


def test_with_a_seed_numpys_generator_is_left_alone(folder, arrays):
    generator = ImageDataGenerator(**EVERYTHING)
    before = np.random.get_state()[1:3]
    results = []
    for _ in range(2):
        flow = generator.flow_from_directory(folder, (8, 8), batch_size=5, seed=3)
        batches = [next(flow) for _ in range(4)] + [flow[1]]
        flow.on_epoch_end()
        batches.append(flow[0])
        generator.get_random_transform((3, 4, 3), seed=1)
        results.append(batches)
    after = np.random.get_state()[1:3]
    np.testing.assert_array_equal(before[0], after[0])
    assert before[1] == after[1]
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_order_of_batches_does_not_depend_on_reading_ahead(folder):
    """`next`, indices and `batches_in_order` deliver the same batches from the same seed."""
    results = []
    for way in ("next", "index", "order"):
        flow = ImageDataGenerator(**EVERYTHING).flow_from_directory(
            folder, (8, 8), batch_size=5, seed=3
        )
        if way == "next":
            results.append([next(flow) for _ in range(3)])
        elif way == "index":
            results.append([flow[i] for i in range(3)])
        else:
            results.append(list(flow.batches_in_order(range(3))))
    for other in results[1:]:
        for (x, y), (expected_x, expected_y) in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(x, expected_x)
            np.testing.assert_array_equal(y, expected_y)
    assert no_threads_left()


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
def test_color_modes(folder, color_mode, data_format):
    generator = ImageDataGenerator(brightness_range=(0.5, 0.5), data_format=data_format)
    flow = generator.flow_from_directory(
        folder, (9, 8), color_mode=color_mode, class_mode=None, shuffle=False, batch_size=2
    )
    first = data_format == "channels_first"
    image_ = load_img(flow.filepaths[0], color_mode=color_mode, target_size=(9, 8))
    expected = img_to_array(image_, "channels_last")
    bright = np.trunc(expected * 0.5)
    bright[..., 3:] = expected[..., 3:]
    result = flow[0][0]
    np.testing.assert_array_equal(result.transpose(1, 2, 0) if first else result, bright)


def test_overridden_methods_are_called(arrays):
    class Own(ImageDataGenerator):
        def get_random_transform(self, img_shape, seed=None):
            return {**super().get_random_transform(img_shape, seed), "flip_horizontal": True}

        def apply_transform(self, x, transform_parameters):
            return super().apply_transform(x, transform_parameters) + 1

    class Order(NumpyArrayIterator):
        def _get_batches_of_transformed_samples(self, index_array):
            return index_array

    x, y = arrays
    result = Own().flow(x, y, batch_size=3, shuffle=False)[0][0]
    np.testing.assert_array_equal(result, x[:3, :, ::-1] + 1.0)
    generator = ImageDataGenerator()
    generator.standardize = lambda picture: picture * 0
    assert not generator.flow(x, y)[0][0].any()
    assert Order(x, y, ImageDataGenerator(), batch_size=4)[2].tolist() == [8, 9, 10]
    with pytest.raises(TypeError, match="_get_batches_of_transformed_samples"):
        Iterator(3, 1, False, None)[0]


def test_an_overridden_method_replaces_reading_too(folder):
    class Paths(DirectoryIterator):
        def _get_batches_of_transformed_samples(self, index_array):
            return [self.filepaths[i] for i in index_array]

    flow = Paths(folder, ImageDataGenerator(), shuffle=False, batch_size=5)
    for batches in ([next(flow) for _ in range(3)], list(flow.batches_in_order(range(3)))):
        assert [path for batch in batches for path in batch] == flow.filepaths


def test_preprocessing_function_and_dtypes(arrays):
    x, y = arrays

    def halved(given):
        assert given.dtype == np.float64
        assert given.shape == x.shape[1:]
        return given / 2

    flow = ImageDataGenerator(preprocessing_function=halved, dtype="float64", rescale=2.0).flow(
        x, y, shuffle=False
    )
    result = flow[0][0]
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, x)
    whole = ImageDataGenerator(horizontal_flip=True, dtype="uint8").flow(x, seed=0)[0]
    assert whole.dtype == np.uint8


def test_statistics_apply_to_pictures_of_files(folder):
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    plain = ImageDataGenerator().flow_from_directory(folder, (6, 6), shuffle=False, batch_size=12)
    x = plain[0][0]
    flow = generator.flow_from_directory(folder, (6, 6), shuffle=False, batch_size=12)
    with pytest.warns(UserWarning, match=r"fit\(pictures\)"):
        np.testing.assert_array_equal(flow[0][0], x)
    generator.fit(x)
    axes = (0, 1, 2)
    np.testing.assert_allclose(flow[0][0], (x - x.mean(axes)) / x.std(axes), atol=1e-4)
    generator.mean = np.array([1, 2, 3])  # as people do who know their data's
    generator.std = x.std(axis=0)  # of each pixel, which the core leaves to NumPy
    np.testing.assert_allclose(
        flow[0][0], (x - np.array([1, 2, 3])) / (x.std(axis=0) + 1e-6), rtol=1e-4, atol=1e-4
    )


def test_saved_pictures(folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("saved")
    flow = ImageDataGenerator().flow_from_directory(
        folder, (6, 6), batch_size=5, save_to_dir=place, save_prefix="aug", save_format="png"
    )
    x, _ = next(flow)
    names = sorted(os.listdir(place))
    assert len(names) == 5
    assert all(name.startswith("aug_") and name.endswith(".png") for name in names)
    stretched = []
    for one in x:
        stretched.append(((one - one.min()) / (one.max() - one.min()) * 255).astype("uint8"))
    saved = [img_to_array(load_img(place / name)) for name in names]
    assert all(any(np.array_equal(one, s) for s in stretched) for one in saved)


TABLE = {
    "filename": ["cats/000.png", "dogs/001.png", "cats/002.png", "dogs/003.png", "gone.png"],
    "class": ["cat", "dog", "cat", "dog", "cat"],
    "tags": [["a", "b"], "b", ("a",), ["c"], "a"],
    "value": [0.5, 1.5, 2.5, 3.5, 4.5],
    "number": [1, 2, 3, 4, 5],
}


def from_table(folder, missing=True, **options):
    generator = options.pop("generator", ImageDataGenerator())
    with warnings.catch_warnings():
        if missing:
            warnings.filterwarnings("ignore", message="1 files")
        return generator.flow_from_dataframe(
            TABLE, folder, target_size=(6, 6), shuffle=False, **options
        )


def test_tables(folder):
    with pytest.warns(UserWarning, match=r"1 files .*filename.*gone\.png"):
        flow = from_table(folder, missing=False, class_mode="binary")
    assert isinstance(flow, DataFrameIterator)
    assert flow.class_indices == {"cat": 0, "dog": 1}
    assert flow.filenames == TABLE["filename"][:4]
    assert flow[0][1].tolist() == [0, 1, 0, 1]
    several = from_table(folder, y_col="tags")
    assert several.classes == [[0, 1], 1, [0], [2]]
    np.testing.assert_array_equal(several[0][1], [[1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]])
    chosen = from_table(folder, y_col="tags", classes=["b", "c"])
    assert chosen.filenames == [TABLE["filename"][i] for i in (0, 1, 3)]
    raw = from_table(folder, y_col=["value", "number"], class_mode="raw", weight_col="value")
    _, y, weights = raw[0]
    np.testing.assert_array_equal(y, [[0.5, 1], [1.5, 2], [2.5, 3], [3.5, 4]])
    np.testing.assert_array_equal(weights, TABLE["value"][:4])
    outputs = from_table(folder, y_col=["value", "number"], class_mode="multi_output")[0][1]
    assert [output.tolist() for output in outputs] == [TABLE["value"][:4], TABLE["number"][:4]]
    x, same = from_table(folder, class_mode="input")[0]
    np.testing.assert_array_equal(x, same)
    assert x is not same
    split = ImageDataGenerator(validation_split=0.5)
    names = [
        from_table(folder, generator=split, subset=part, class_mode=None).filenames
        for part in ("validation", "training")
    ]
    assert names == [TABLE["filename"][:2], TABLE["filename"][2:4]]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"class_mode": "other thing"}, ValueError, "class_mode.*other thing"),
        ({"class_mode": "multi_output"}, TypeError, "list of columns"),
        ({"x_col": "value", "class_mode": None}, TypeError, "x_col='value'.*strings"),
        ({"class_mode": "sparse", "y_col": "value"}, TypeError, "strings.*y_col='value'.*0.5"),
        ({"y_col": "value"}, TypeError, "strings, lists or tuples"),
        ({"class_mode": "binary", "classes": ["cat"]}, ValueError, "2 classes.*1"),
        ({"weight_col": "class"}, TypeError, "weight_col='class'.*numbers"),
        ({"y_col": "breed"}, ValueError, "no column y_col='breed'"),
        ({"has_extension": True}, TypeError, "has_extension"),
    ],
)
def test_tables_that_are_refused(folder, options, error, message):
    with pytest.raises(error, match=message):
        from_table(folder, **options)


def test_older_options_of_tables(folder):
    with pytest.warns(DeprecationWarning, match="raw"):
        flow = from_table(folder, class_mode="other", y_col="value")
    assert flow.class_mode == "raw"
    with pytest.warns(DeprecationWarning, match="has_ext"):
        from_table(folder, has_ext=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_format": "channels_middle"}, "channels_middle"),
        ({"validation_split": 1.5}, "validation_split.*1.5"),
        ({"zoom_range": (1, 2, 3)}, "zoom_range"),
        ({"brightness_range": 0.5}, "brightness_range"),
        ({"fill_mode": "mirror"}, "fill_mode.*mirror"),
        ({"interpolation_order": 3}, "interpolation_order.*3"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ImageDataGenerator(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_mode": "raw"}, "class_mode.*raw"),
        ({"color_mode": "cmyk"}, "color_mode.*cmyk"),
        ({"interpolation": "cubic"}, "interpolation.*cubic"),
        ({"target_size": (0, 3)}, "target_size"),
        ({"target_size": 3}, "target_size"),
        ({"subset": "test"}, "subset.*test"),
        ({"batch_size": 0}, "batch_size.*0"),
    ],
)
def test_options_of_folders_that_are_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        ImageDataGenerator(validation_split=0.5).flow_from_directory(folder, **options)


def test_arrays_that_are_refused(arrays):
    x, y = arrays
    generator = ImageDataGenerator(validation_split=0.3)
    for given, options, message in (
        ((x[0],), {}, "rank 4"),
        ((x, y[:3]), {}, "same length.*11 and 3"),
        ((x, y), {"sample_weight": y[:3]}, "sample_weight.*11 and 3"),
        (((x, [y[:3]]), y), {}, r"same length.*\[11, 3\]"),
        (((x, y, y), y), {}, "pair"),
        ((x, y), {"subset": "test"}, "subset"),
        ((x, y), {"subset": "training"}, "different classes"),
    ):
        with pytest.raises(ValueError, match=message):
            generator.flow(*given, **options)
    assert len(generator.flow(x, y, subset="training", ignore_class_split=True).x) == 8
    with pytest.warns(UserWarning, match="2 channels"):
        generator.flow(x[..., :2])
    with pytest.raises(ValueError, match="rank 4"):
        generator.fit(x[0])


def test_what_one_option_implies():
    for options, message in (
        ({"zca_whitening": True}, "featurewise_center=True"),
        ({"featurewise_std_normalization": True}, "featurewise_center=True"),
        ({"samplewise_std_normalization": True}, "samplewise_center=True"),
        (
            {**dict.fromkeys(("zca_whitening", "featurewise_std_normalization"), True)}
            | {"featurewise_center": True},
            "featurewise_std_normalization=False",
        ),
    ):
        with pytest.warns(UserWarning, match=message):
            ImageDataGenerator(**options)


def test_random_functions_draw_from_numpys_generator():
    x = picture(0).astype("float32")
    for name, arguments in (
        ("random_rotation", (20, 0, 1, 2)),
        ("random_shift", (0.2, 0.2, 0, 1, 2)),
        ("random_shear", (20, 0, 1, 2)),
        ("random_zoom", ((0.5, 0.9), 0, 1, 2)),
        ("random_channel_shift", (40.0,)),
        ("random_brightness", ((0.2, 0.8),)),
    ):
        results = []
        for seed in (1, 1, 2):
            np.random.seed(seed)
            results.append(getattr(image, name)(x, *arguments))
        np.testing.assert_array_equal(results[0], results[1])
        assert not np.array_equal(results[0], results[2]), name
