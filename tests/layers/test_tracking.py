"""Containers that track what is put into them."""

import copy
import pickle

import numpy as np

import nacre
from nacre import layers, tracking


class Holder(layers.Layer):
    def __init__(self):
        super().__init__()
        self.list = []
        self.dict = {}
        self.set = set()
        self.plain = [1, "a"]

    def call(self, x):
        return x


def test_lists():
    holder = Holder()
    a, b, c = (layers.Dense(1) for _ in range(3))
    holder.list.append(a)
    holder.list += [b]
    holder.list.insert(0, c)
    assert holder._layers == [a, b, c]
    assert holder.list == [c, a, b]
    assert holder.list.pop() is b
    holder.list[0] = b
    assert holder._layers[-1] is b
    holder.list.remove(a)
    assert a not in holder._layers
    holder.list.clear()
    holder.list.extend([a, [c]])
    assert c in holder._layers


def test_dicts_and_sets():
    holder = Holder()
    a, b, c = (layers.Dense(1) for _ in range(3))
    holder.dict["a"] = a
    holder.dict.update(b=b)
    assert holder.dict.setdefault("c", c) is c
    assert holder._layers == [a, b, c]
    assert holder.dict.pop("a") is a
    del holder.dict["b"]
    assert holder._layers == [c]
    holder.set.add(a)
    holder.set.update([b])
    assert {id(x) for x in holder._layers} == {id(a), id(b), id(c)}
    holder.set.discard(a)
    assert a not in holder._layers


def test_structure_version():
    holder = Holder()
    before = tracking.structure_version()
    holder.number = 3
    assert tracking.structure_version() == before
    holder.list.append(layers.Dense(1))
    after = tracking.structure_version()
    assert after != before
    holder.trainable = False
    assert tracking.structure_version() != after


def test_variables_metrics_and_generators():
    holder = Holder()
    holder.v = nacre.Variable(np.zeros(2, "float32"))
    holder.w = nacre.Variable(np.zeros(2, "float32"), trainable=False)
    holder.pair = (holder.v, nacre.Variable(np.ones(1, "float32")))
    holder.metric = nacre.metrics.Mean()
    holder.random = nacre.random.SeedGenerator(1)
    assert len(holder.trainable_variables) == 2
    assert holder.weights[-1] is holder.w
    assert len(holder.variables) == 4
    assert holder.metrics == [holder.metric]
    assert len(holder.metrics_variables) == 2


def test_copies():
    holder = Holder()
    holder.list.append(layers.Dense(2))
    holder.list[0].build((None, 3))
    copied = copy.deepcopy(holder)
    assert copied.list[0] is not holder.list[0]
    assert copied._layers[0] is copied.list[0]
    kernels = [h.list[0].kernel for h in (holder, copied)]
    assert kernels[0] is not kernels[1]
    np.testing.assert_array_equal(*[kernel.numpy() for kernel in kernels])
    assert pickle.loads(pickle.dumps(holder.plain)) == [1, "a"]
