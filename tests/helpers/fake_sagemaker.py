"""A SageMaker endpoint with the Hugging Face inference container, as different versions of it answer."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.helpers.remote import Answer, Request, as_json

WORDS = {"down": ("down", "slow", "offline"), "price": ("invoice", "price", "charge")}
NAMES = {"Ada": "PER", "Acme": "ORG", "Paris": "LOC", "Marathon": "MISC"}


class FakeSagemaker:
    """`task` is the pipeline (None: any). `lists`: whether it takes several texts; `parameters`: which it knows."""

    def __init__(
        self, task: str | None = None, *, lists: bool = True, parameters: tuple[str, ...] | None = None
    ) -> None:
        self.task, self.lists, self.parameters = task, lists, parameters
        self.inputs: list[Any] = []
        self.bad: set[str] = set()
        self.pieces = False
        """Give word pieces with IOB tags instead of whole names."""

    def __call__(self, request: Request) -> Answer:
        assert request.path == "/endpoints/my-endpoint/invocations"
        assert "/sagemaker/aws4_request" in request.headers["Authorization"]
        assert request.headers["Content-Type"] == request.headers["Accept"] == "application/json"
        body = json.loads(request.body)
        inputs, parameters = body.pop("inputs"), body.pop("parameters", {})
        assert not body
        self.inputs.append(inputs)
        unknown = [name for name in parameters if self.parameters is not None and name not in self.parameters]
        if unknown:
            return model_error(400, f"unexpected keyword argument {unknown}")
        texts = [inputs] if isinstance(inputs, str) else inputs
        if len(texts) > 1 and not self.lists:
            return model_error(400, "text input must be of type str")
        if self.bad & set(texts):
            return model_error(400, f"canary in the message: {texts}")
        task = self.task or _task(parameters)
        answers = [getattr(self, f"_{task}")(text, parameters) for text in texts]
        if task == "sentiment" and "top_k" not in parameters:
            return as_json([max(answer, key=lambda item: item["score"]) for answer in answers])
        return as_json(answers[0] if isinstance(inputs, str) else answers)

    def _categories(self, text: str, parameters: dict[str, Any]) -> dict[str, Any]:
        assert parameters["multi_label"] is True
        assert "{}" in parameters["hypothesis_template"]
        scores = {}
        for label in parameters["candidate_labels"]:
            words = [word for key, words in WORDS.items() if key in label for word in words]
            scores[label] = 0.95 if any(word in text for word in words) else 0.05
        ordered = sorted(scores, key=lambda label: -scores[label])
        return {"sequence": text, "labels": ordered, "scores": [scores[label] for label in ordered]}

    def _sentiment(self, text: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        good = 0.9 if "love" in text else 0.05 if "hate" in text else 0.1
        bad = 0.9 if "hate" in text else 0.05 if "love" in text else 0.1
        scores = {"LABEL_2": good, "LABEL_0": bad, "LABEL_1": 1 - good - bad}
        return [{"label": label, "score": score} for label, score in scores.items()]

    def _entities(self, text: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        found = []
        for match in re.finditer("|".join(NAMES), text):
            kind, word = NAMES[match[0]], {"word": match[0], "score": 0.99}
            if "aggregation_strategy" in parameters:
                found.append({"entity_group": kind, **word, "start": match.start(), "end": match.end()})
            else:
                middle = match.start() + 2
                found.append({"entity": f"B-{kind}", **word, "index": 1, "start": match.start(), "end": middle})
                found.append({"entity": f"I-{kind}", **word, "index": 2, "start": middle, "end": match.end()})
        return found


def _task(parameters: dict[str, Any]) -> str:
    return {"candidate_labels": "categories", "aggregation_strategy": "entities"}.get(
        next(iter(parameters), ""), "sentiment"
    )


def model_error(status: int, message: str) -> Answer:
    """What SageMaker says when the container answers with an error."""
    body = {
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL",
        "LogStreamArn": "arn:aws:logs:eu-west-1:123456789012:log-group:x",
        "Message": f"Received error ({status}) from model with message {message}",
        "OriginalMessage": message,
        "OriginalStatusCode": status,
    }
    return as_json(body, 424, x_amzn_ErrorType="ModelError")
