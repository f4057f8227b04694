"""Makes the ONNX file that is run: exported from safetensors where it must be, then quantised to int8.

A program of its own (`python -m tocsin.models._onnx.build`), since torch and the quantiser need much memory, which
the caller shall not keep. Weights are quantised per channel, activations as they come: onnxruntime's dynamic
quantisation, https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tocsin.errors import ConfigError
from tocsin.models._onnx.folder import read
from tocsin.text import one_line

VERSION = 1
"""Counted up when what is made of the same files changes."""
MODEL = "model.onnx"
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_CLOSE = 1e-3


def build(source: Path, weights: str, target: Path, *, int8: bool, export: bool, where: str) -> None:
    """Put `model.onnx` into the folder `target`, made of the file `weights` of the folder `source`.

    `export`: the weights are safetensors. Raises ConfigError.
    """
    needed = ["torch", "transformers"] if export else []
    needed += ["onnx"] if int8 else []
    missing = [library for library in needed if importlib.util.find_spec(library) is None]
    if missing:
        what = "has safetensors only, of which an ONNX file must be made" if export else "must be quantised"
        hint = f"pip install {' '.join(missing)}, at least where `tocsin models pull` runs"
        raise ConfigError(f"{where} {what}, and {' and '.join(missing)} is not installed", hint=hint)
    arguments = [str(source), weights, str(target), *(["--int8"] if int8 else []), *(["--export"] if export else [])]
    command = [sys.executable, "-m", "tocsin.models._onnx.build", *arguments]
    environ = os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        why = (
            f"killed by signal {-done.returncode}, perhaps for memory" if done.returncode < 0 else (lines or ["?"])[-1]
        )
        raise ConfigError(f"{where} cannot be made ready: {one_line(why, 300)}", hint="is the directory whole?")


def main(arguments: list[str]) -> None:
    source, weights, target = Path(arguments[0]), arguments[1], Path(arguments[2])
    target.mkdir(parents=True, exist_ok=True)
    made = source / weights
    if "--export" in arguments:
        made = target / ("exported.onnx" if "--int8" in arguments else MODEL)
        _export(source, made)
    if "--int8" in arguments:
        _quantise(made, target / MODEL)
    for left in target.glob("exported.onnx*"):
        left.unlink()


def _export(source: Path, target: Path) -> None:
    """Raises what torch and transformers raise, and ValueError if the ONNX file answers otherwise than they do."""
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False)
    encodes = read(source, source.name).kind == "bi-encoder"  # without the head that it may have been trained with
    model_class = transformers.AutoModel if encodes else getattr(transformers, config.architectures[0])
    model = model_class.from_pretrained(
        source, use_safetensors=True, local_files_only=True, attn_implementation="eager", dtype=torch.float32
    )
    types = getattr(config, "type_vocab_size", 0) > 1
    names = _INPUTS[: 3 if types else 2]
    inputs = _example(torch, config, 9, names)
    wrapped = _wrapped(torch, model, names).eval()
    axes = {name: {0: "batch", 1: "tokens"} for name in names} | {"answer": {0: "batch"}}
    torch.onnx.export(
        wrapped,
        tuple(inputs.values()),
        str(target),
        input_names=list(names),
        output_names=["answer"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    _compare(torch, wrapped, config, names, target)


def _wrapped(torch: Any, model: Any, names: tuple[str, ...]) -> Any:
    """The model with plain tensors in and out."""

    class Wrapped(torch.nn.Module):  # type: ignore[misc]  # torch is not there to be checked against
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: Any) -> Any:
            answer = self.model(**dict(zip(names, inputs, strict=True)))
            return answer.logits if "logits" in answer else answer.last_hidden_state

    return Wrapped()


def _example(torch: Any, config: Any, length: int, names: tuple[str, ...]) -> dict[str, Any]:
    """One text of some tokens. Every input is a tensor of its own, or the export takes them for one."""
    ids = torch.arange(length)[None] * 7 % max(config.vocab_size - 8, 1) + min(7, config.vocab_size - 1)
    if isinstance(getattr(config, "eos_token_id", None), int):
        ids[:, -1] = config.eos_token_id
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    return {name: inputs[name] for name in names}


def _compare(torch: Any, model: Any, config: Any, names: tuple[str, ...], file: Path) -> None:
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for length in (3, 9, 33):
        inputs = _example(torch, config, length, names)
        with torch.no_grad():
            expected = model(*inputs.values()).numpy()
        (found,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
        if found.shape != expected.shape or not np.allclose(found, expected, atol=_CLOSE, rtol=_CLOSE):
            raise ValueError("the exported model answers otherwise than the original")


def _quantise(source: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    large = sum(file.stat().st_size for file in source.parent.glob(f"{source.name}*")) > 2**31 - 2**24
    quantize_dynamic(
        source,
        target,
        weight_type=QuantType.QInt8,
        per_channel=True,
        use_external_data_format=large,
        extra_options={"DefaultTensorType": 1},  # for values whose type shape inference cannot tell: float
    )


if __name__ == "__main__":
    main(sys.argv[1:])
