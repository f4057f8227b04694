"""A tokenizer and an ONNX session at work on one text at a time.

One text a run, without padding, is what makes answers independent of batches: int8 models scale their activations by
the largest value of all texts of a run, and sums over padded rows round otherwise. Several runs go on at once, each in
one thread of its own, so that the number of threads changes no answer either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Encoding

from tocsin.errors import ConfigError, Permanent
from tocsin.models._onnx.folder import Folder
from tocsin.models._onnx.tokens import tokenizer
from tocsin.text import one_line

Answer = npt.NDArray[np.float32]
Result = TypeVar("Result")
Input = str | tuple[str, str]

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class Runtime:
    """Answers of a model to texts, or to pairs of texts."""

    def __init__(self, folder: Folder, model: Path, max_tokens: int, threads: int, where: str) -> None:
        """Raises ConfigError if the tokenizer or the model cannot be used."""
        self._where = where
        self.max_tokens = min(max_tokens, folder.max_tokens)
        self._single = tokenizer(folder.path, where)
        self._single.enable_truncation(self.max_tokens)
        self._pairs = tokenizer(folder.path, where)
        self._pairs.enable_truncation(self.max_tokens, strategy="only_first")
        self._session = _session(model, where)
        self._inputs = {each.name: _TYPES.get(each.type) for each in self._session.get_inputs()}
        unknown = [name for name, number in self._inputs.items() if name not in _INPUTS or number is None]
        if unknown or "input_ids" not in self._inputs:
            what = ", ".join(unknown) or "no input_ids"
            raise ConfigError(
                f"{where}: its ONNX file wants {one_line(what, 100)}", hint=f"known are {', '.join(_INPUTS)}"
            )
        self._output = _output(self._session, folder, where)
        self._workers = ThreadPoolExecutor(threads) if threads > 1 else None
        self._probe(folder)

    def each(self, inputs: Sequence[Input], read: Callable[[Answer, Encoding], Result]) -> list[Result]:
        """What `read` makes of the model's answer to each input, in their order; the same input is run once.

        `read` gets the answer without the batch's dimension. Raises Permanent if the model fails.
        """
        distinct = list(dict.fromkeys(inputs))

        def one(given: Input) -> Result:
            return read(*self.run(given))

        found = self._workers.map(one, distinct) if self._workers is not None else map(one, distinct)
        answers = dict(zip(distinct, found, strict=True))
        return [answers[given] for given in inputs]

    def run(self, given: Input) -> tuple[Answer, Encoding]:
        """The answer to one text (tokens, width) or (labels,), and its tokens. Raises Permanent."""
        encoding = self._single.encode(given) if isinstance(given, str) else self._pairs.encode(*given)
        columns = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask}
        columns["token_type_ids"] = encoding.type_ids
        fed = {name: np.array([columns[name]], number) for name, number in self._inputs.items()}
        try:
            (answer,) = self._session.run([self._output], fed)
        except Exception as error:  # the library's own kinds have no base but this one
            raise Permanent(
                f"{self._where} failed on {len(encoding.ids)} tokens: {one_line(str(error), 200)}"
            ) from error
        return answer[0].astype(np.float32), encoding

    def tokens(self, text: str) -> int:
        """How many tokens a text has, as far as they are read."""
        return len(self._single.encode(text).ids)

    def _probe(self, folder: Folder) -> None:
        """Ask once, so that a model that cannot answer is known at the start."""
        try:
            answer, encoding = self.run(("a word", "a word") if folder.kind == "cross-encoder" else "a word")
        except Permanent as error:
            raise ConfigError(str(error), hint="do tokenizer and weights belong together?") from None
        lengths = (len(encoding.ids),) if folder.kind == "token classifier" else ()
        expected = (*lengths, len(folder.labels))
        if folder.labels and answer.shape != expected:
            found = " x ".join(map(str, answer.shape))
            raise ConfigError(
                f"{self._where} answers with {found} numbers, but config.json names {len(folder.labels)} labels",
                hint="do config.json and the weights belong together?",
            )


def _session(model: Path, where: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # every length is another pattern
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's own kinds have no base but this one
        raise ConfigError(
            f"{where}: {model.name} cannot be loaded: {one_line(str(error), 200)}", hint="get the directory anew"
        ) from error


def _output(session: Any, folder: Folder, where: str) -> str:
    """The output to read: the pooled one where there is one, else the first."""
    outputs = {each.name: each.shape for each in session.get_outputs()}
    if folder.kind == "bi-encoder" and "sentence_embedding" in outputs:
        return "sentence_embedding"
    wanted = next((name for name in ("logits", "last_hidden_state", "token_embeddings") if name in outputs), None)
    return wanted or next(iter(outputs))
