"""Names of Keras that only say in another way what is there already."""

import pytest

import nacre
from nacre import backend


def test_mixed_precision_is_the_older_name_of_policies():
    assert nacre.mixed_precision.Policy is nacre.DTypePolicy
    assert nacre.mixed_precision.global_policy().name == "float32"
    with pytest.raises(ValueError, match="mixed"):
        nacre.mixed_precision.set_global_policy("mixed_float99")


def test_kinds_of_dtypes():
    assert backend.is_float_dtype("bfloat16")
    assert not backend.is_float_dtype("int8")
    assert backend.is_int_dtype("uint8")
    assert not backend.is_int_dtype(bool)


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ((), "float32"),
        (("int32", "float16"), "float16"),
        (("int8", "uint8"), "int16"),
        (("bool", int), "int32"),
        (("int8", int), "int8"),
        (("int8", float), "float32"),
        (("float16", float), "float16"),
        (("float16", "bfloat16"), "float32"),
    ],
)
def test_result_type(dtypes, expected):
    assert backend.result_type(*dtypes) == expected


def test_switches_without_a_meaning_here_keep_what_was_set():
    assert nacre.config.is_flash_attention_enabled() is None
    nacre.config.disable_flash_attention()
    assert nacre.config.is_flash_attention_enabled() is False
    nacre.config.enable_flash_attention()
    assert nacre.config.is_flash_attention_enabled() is None
    assert nacre.config.is_nnx_enabled() is False
