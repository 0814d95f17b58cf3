"""One module for each library.

A module is imported in the library's own process only. It offers `load()`, which imports the
library and returns its version, and `Trainer`, whose methods are what gets timed:

- `Trainer(task, arrays)` makes a new model, untrained;
- `first_step()` trains it on one batch, as the library's user would;
- `train(epochs)` goes on training: shuffled, in batches, loss and accuracy tracked. It returns
  when all the work is done, not when it has been queued;
- `predict_row(row)` returns the outputs for one row as a NumPy array;
- `outputs(rows)` returns the outputs for all rows.
"""

# Name on the command line -> (module, the package that must be installed, title in tables).
LIBRARIES = {
    "nacre": ("nacre_fit", "nacre", "Nacre"),
    "keras-jax": ("keras_jax", "keras,jax", "Keras on JAX"),
    "keras-tensorflow": ("keras_tensorflow", "keras,tensorflow", "Keras on TensorFlow"),
    "keras-torch": ("keras_torch", "keras,torch", "Keras on PyTorch"),
    "jax": ("jax_loop", "jax", "JAX, jitted step"),
    "jax-scan": ("jax_scan", "jax", "JAX, scanned epoch"),
    "torch": ("torch_loop", "torch", "PyTorch"),
    "sklearn": ("sklearn_mlp", "sklearn", "scikit-learn"),
    "numpy": ("numpy_loop", "numpy", "NumPy, by hand"),
}

# What these are given by hand is a stack of dense layers.
DENSE_ONLY = ("jax", "jax-scan", "sklearn", "numpy")
