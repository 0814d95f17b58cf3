"""The text of `summary`."""

import numpy as np

import nacre
from nacre import layers

SEQUENTIAL = """\
Model: "net"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ a_very_long_layer_name_that_wi… │ (None, 64)             │        50,240 │
│ (Dense)                         │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ out (Dense)                     │ (None, 10)             │           650 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 50,890 (198.79 KB)
 Trainable params: 50,890 (198.79 KB)
 Non-trainable params: 0 (0.00 B)
"""

CONNECTED = """\
Model: "net"
┏━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)       ┃ Output Shape    ┃  Param # ┃ Connected to     ┃
┡━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━┩
│ x (InputLayer)     │ (None, 4)       │        0 │ -                │
├────────────────────┼─────────────────┼──────────┼──────────────────┤
│ y (InputLayer)     │ (None, 4)       │        0 │ -                │
├────────────────────┼─────────────────┼──────────┼──────────────────┤
│ shared (Dense)     │ (None, 3)       │       15 │ x[0][0], y[0][0] │
├────────────────────┼─────────────────┼──────────┼──────────────────┤
│ joined             │ (None, 6)       │        0 │ shared[0][0],    │
│ (Concatenate)      │                 │          │ shared[1][0]     │
└────────────────────┴─────────────────┴──────────┴──────────────────┘
 Total params: 15 (60.00 B)
 Trainable params: 15 (60.00 B)
 Non-trainable params: 0 (0.00 B)
"""


def text_of(model, **kwargs):
    parts = []
    model.summary(print_fn=parts.append, **kwargs)
    return "".join(parts)


def test_sequential():
    model = nacre.Sequential(
        [
            layers.Input((784,)),
            layers.Dense(64, name="a_very_long_layer_name_that_will_be_cut"),
            layers.Dense(10, name="out"),
        ],
        name="net",
    )
    assert text_of(model, line_length=76) == SEQUENTIAL


def test_connections():
    x, y = layers.Input((4,), name="x"), layers.Input((4,), name="y")
    shared = layers.Dense(3, name="shared")
    joined = layers.Concatenate(name="joined")([shared(x), shared(y)])
    model = nacre.Model([x, y], joined, name="net")
    assert text_of(model, line_length=70) == CONNECTED


def test_unbuilt():
    text = text_of(nacre.Sequential([layers.Dense(3)]))
    assert "│ ?  " in text
    assert "0 (unbuilt)" in text


def test_optimizer_parameters():
    model = nacre.Sequential([layers.Input((2,)), layers.Dense(3)])
    model.compile("adam", "mse")
    model.fit(np.zeros((4, 2)), np.zeros((4, 3)), verbose=0)
    lines = text_of(model).splitlines()
    assert " Total params: 29 (116.00 B)" in lines
    assert " Optimizer params: 20 (80.00 B)" in lines


def test_nested_and_trainable():
    inner = nacre.Sequential([layers.Input((4,)), layers.Dense(3, name="one")], name="inner")
    inputs = layers.Input((4,))
    model = nacre.Model(inputs, inner(inputs))
    inner.trainable = False
    text = text_of(model, expand_nested=True, show_trainable=True, line_length=100)
    assert "└ one (Dense)" in text
    assert "│    N    │" in text or " N " in text
    assert " Non-trainable params: 15 (60.00 B)" in text


def test_printed_by_default(capsys):
    nacre.Sequential([layers.Input((2,)), layers.Dense(3)]).summary()
    assert "Total params: 9" in capsys.readouterr().out
