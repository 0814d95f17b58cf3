"""The base class of metrics."""

from __future__ import annotations

from typing import Any

from nacre import _core, config, initializers, naming, ops
from nacre.naming import auto_name
from nacre.stateless import run_stateless
from nacre.tracking import Tracker, add_by_identity
from nacre.variable import Variable


class Metric:
    """A figure over many batches: Variables, how a batch changes them, and what they say.

    A subclass makes Variables in `__init__` and defines `update_state` and `result`.

    Args:
        dtype: The dtype of the computation; `config.floatx()` if None.
        name: Made from the class name if None.
    """

    # What recognises metrics where this class cannot be imported.
    _is_nacre_metric = True
    # Whether more is better (`up`) or less (`down`); None when nobody can say.
    _direction: str | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Metric:
        self = super().__new__(cls)
        variables: list = []
        metrics: list = []
        tracker = Tracker(
            [
                (lambda value: isinstance(value, _core.Variable), variables),
                (lambda value: isinstance(value, Metric), metrics),
            ]
        )
        object.__setattr__(self, "_variables", variables)
        object.__setattr__(self, "_metrics", metrics)
        object.__setattr__(self, "_tracker", tracker)
        return self

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or auto_name(type(self).__name__)
        dtype = getattr(dtype, "compute_dtype", dtype)
        self._dtype = config.standardize_dtype(dtype)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, self._tracker.track(value))

    @property
    def dtype(self) -> str:
        """The dtype of the computation."""
        return self._dtype

    @property
    def variables(self) -> list:
        """The Variables, those of inner metrics too."""
        found = list(self._variables)
        for metric in self._metrics:
            found += metric.variables
        return found

    @property
    def _native_reset(self) -> bool:
        """Whether resetting is setting all Variables to zero, which the epoch loop can do."""
        inner = all(metric._native_reset for metric in self._metrics)
        return inner and type(self).reset_state is Metric.reset_state

    def add_variable(
        self,
        shape: Any,
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a Variable that belongs to the metric.

        Args:
            shape: The shape.
            initializer: Name, instance or callable; zeros if None.
            dtype: The dtype; that of the metric if None.
            aggregation: Accepted for compatibility.
            name: The name.

        Returns:
            The Variable.
        """
        if isinstance(shape, str):  # Keras 2 had the name first
            shape, name = (), shape
        scope = naming.name_scope(self.name.replace("/", ">"), self)
        with scope, _core.init_scope():
            variable = Variable(
                initializers.get("zeros" if initializer is None else initializer),
                shape=(shape,) if isinstance(shape, int) else tuple(shape),
                dtype=dtype or self._dtype,
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        add_by_identity(self._variables, variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Make a Variable that belongs to the metric.

        Args:
            shape: The shape.
            initializer: Name, instance or callable; zeros if None.
            dtype: The dtype; that of the metric if None.
            name: The name.

        Returns:
            The Variable.
        """
        return self.add_variable(shape, initializer, dtype=dtype, name=name)

    def reset_state(self) -> None:
        """Forget all batches: set the Variables to zero."""
        for variable in self.variables:
            variable.assign(ops.zeros(variable.shape, dtype=variable.dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch.

        Args:
            *args: Targets and outputs, or values.
            **kwargs: For instance `sample_weight`.
        """
        raise TypeError(f"{type(self).__name__} should define `update_state`.")

    def result(self) -> Any:
        """Return the figure.

        Returns:
            A scalar tensor, or a dict of them.
        """
        raise TypeError(f"{type(self).__name__} should define `result`.")

    def stateless_update_state(self, metric_variables: list, *args: Any, **kwargs: Any) -> list:
        """Take in a batch with other values in the Variables, which stay as they are.

        Args:
            metric_variables: A value for each of `variables`.
            *args: As for `update_state`.
            **kwargs: As for `update_state`.

        Returns:
            The new values.
        """
        return run_stateless(
            self.variables,
            metric_variables,
            lambda: self.update_state(*args, **kwargs),
            f"{type(self).__name__}.stateless_update_state",
        )[1]

    def stateless_result(self, metric_variables: list) -> Any:
        """Return the figure for other values of the Variables, which stay as they are.

        Args:
            metric_variables: A value for each of `variables`.
        """
        what = f"{type(self).__name__}.stateless_result"
        return run_stateless(self.variables, metric_variables, self.result, what)[0]

    def stateless_reset_state(self) -> list:
        """Return the values that `reset_state` gives the Variables, which stay as they are."""
        values = [variable.read() for variable in self.variables]
        what = f"{type(self).__name__}.stateless_reset_state"
        return run_stateless(self.variables, values, self.reset_state, what)[1]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take in a batch and return the figure.

        Args:
            *args: As for `update_state`.
            **kwargs: As for `update_state`.

        Returns:
            What `result` returns.
        """
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict) -> Metric:
        """Make a metric from what `get_config` returned.

        Args:
            config: The arguments of the constructor.

        Returns:
            The metric.
        """
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.__dict__.get('name')}>"
