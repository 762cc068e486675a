"""Graphs of ONNX Runtime whose values stay in its own memory from one run to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.eyes import onnx_file, rewriting
from models.eyes.gather import gather_graph
from models.runtime.bundle import BundleError, unusable
from models.runtime.engines.onnx import session_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_TYPES: Mapping[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(bool)": np.bool_,
}
# where ONNX Runtime looks for the weights of a model that is no file
_WEIGHTS = "session.model_external_initializers_file_folder_path"


class Graph:
    """One graph. `inputs` are its inputs' names with (type, shape), `outputs` its outputs' with
    their type."""

    def __init__(
        self, source: Path | bytes, threads: int, part: str, weights: Path | None = None
    ) -> None:
        """`part` is what it is called in errors, `weights` the folder where those of a model in
        bytes lie. Raises BundleError for what is no graph, or has an input of a type that none of
        the layouts has."""
        options = session_options(threads)
        if weights is not None:
            options.add_session_config_entry(_WEIGHTS, str(weights))
        import onnxruntime

        self.part = part
        try:
            self._session = onnxruntime.InferenceSession(
                source, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common base but this
            raise unusable(part) from error
        self.inputs = {each.name: (each.type, each.shape) for each in self._session.get_inputs()}
        self.outputs = {each.name: each.type for each in self._session.get_outputs()}
        strange = sorted({kind for kind, _ in self.inputs.values()} - set(_TYPES))
        if strange:
            raise unusable(part, "it does not fit the others", f"{part}: an input {strange[0]}")

    def type(self, name: str) -> Any:
        """The numpy type of an input."""
        return _TYPES[self.inputs[name][0]]

    def run(self, given: Mapping[str, Any], wanted: Iterable[str] | None = None) -> dict[str, Any]:
        """Inputs (arrays or OrtValues; more than it has do no harm) → OrtValues of the `wanted`
        outputs, all by default. Raises BundleError for a graph that does not work on them."""
        import onnxruntime

        names = tuple(wanted) if wanted is not None else tuple(self.outputs)
        missing = sorted(set(self.inputs) - set(given)) + sorted(set(names) - set(self.outputs))
        if missing:
            detail = f"{self.part}: {missing[0]} is not there; inputs {sorted(self.inputs)}"
            raise unusable(self.part, "it does not fit the others", detail)
        try:
            binding = self._session.io_binding()
            for name in self.inputs:
                value = given[name]
                if isinstance(value, np.ndarray):
                    array = np.ascontiguousarray(value, self.type(name))
                    value = onnxruntime.OrtValue.ortvalue_from_numpy(array)
                binding.bind_ortvalue_input(name, value)
            for name in names:
                binding.bind_output(name, "cpu")
            self._session.run_with_iobinding(binding)
            return dict(zip(names, binding.get_outputs(), strict=True))
        except Exception as error:  # as above
            raise unusable(self.part) from error


def load_graph(path: Path, threads: int, part: str) -> Graph:
    """The graph in a file, with its weights left there; one that cannot be rewritten as it is.

    Raises BundleError as `Graph` does.
    """
    try:
        file = onnx_file.read(path)
        model = file.model(rewriting.lean(file.graph))
        del file  # it holds what was looked at in memory
        return Graph(model, threads, part, path.parent)
    except (BundleError, *onnx_file.UNREADABLE):
        return Graph(path, threads, part)


class Gather:
    """Takes rows of values that lie in ONNX Runtime's memory: the reordering of beams."""

    def __init__(self, types: Sequence[str]) -> None:
        """One for so many values of these types, as `Graph.inputs` has them."""
        self._graph = Graph(gather_graph(types), 1, "beams")

    def rows(self, values: Sequence[Any], rows: NDArray[np.int64]) -> list[Any]:
        """OrtValues (B, …), (N,) row numbers → OrtValues (N, …) of these rows."""
        given = {f"x{number}": value for number, value in enumerate(values)}
        return list(self._graph.run({"rows": rows, **given}).values())


def array(value: Any) -> NDArray[np.float32]:
    """An OrtValue of floats of any width as an array."""
    return np.asarray(value.numpy(), np.float32)
