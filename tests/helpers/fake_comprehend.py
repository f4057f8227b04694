"""Amazon Comprehend as its API reference describes it, over AWS's JSON 1.1 protocol."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.helpers.remote import Answer, Request

SERVICE = "Comprehend_20171127"
LANGUAGES = {"en", "es", "fr", "de", "it", "pt", "ar", "hi", "ja", "ko", "zh", "zh-TW"}
NAMES = {"Ada": "PERSON", "Acme": "ORGANIZATION", "Paris": "LOCATION", "Tuesday": "DATE", "Widget": "COMMERCIAL_ITEM"}
CLASSES = {"outage": "down", "billing": "invoice"}


class FakeComprehend:
    """`bad` are texts that it has an error for, `calls` the operation and body of each request."""

    def __init__(self) -> None:
        self.bad: set[str] = set()
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, request: Request) -> Answer:
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAFAKEFAKEFAKE/")
        assert "/comprehend/aws4_request" in request.headers["Authorization"]
        assert request.headers["Content-Type"] == "application/x-amz-json-1.1"
        service, operation = request.headers["X-Amz-Target"].split(".")
        assert (service, request.path) == (SERVICE, "/")
        status, value = self._answer(operation, json.loads(request.body))
        return as_aws_json(value, status)

    def _answer(self, operation: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.calls.append((operation, body))
        if operation == "ClassifyDocument":
            assert re.fullmatch(
                r"arn:aws:comprehend:[a-z0-9-]+:\d{12}:document-classifier-endpoint/\w+", body["EndpointArn"]
            )
            return 200, _classified(body["Text"])
        texts = body["TextList"]
        if len(texts) > 25:
            return 400, fault("BatchSizeLimitExceededException")
        if any(len(text.encode()) > 5000 for text in texts):
            return 400, fault("TextSizeLimitExceededException")
        if body["LanguageCode"] not in LANGUAGES:
            return 400, fault("UnsupportedLanguageException")
        read = {"BatchDetectSentiment": _felt, "BatchDetectEntities": _named}[operation]
        good = [{"Index": i, **read(text)} for i, text in enumerate(texts) if text not in self.bad]
        errors = [
            {"Index": i, "ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": "An internal error."}
            for i, text in enumerate(texts)
            if text in self.bad
        ]
        return 200, {"ResultList": good, "ErrorList": errors}


def fault(code: str) -> dict[str, Any]:
    return {"__type": f"com.amazonaws.comprehend#{code}", "Message": "canary in the message"}


def as_aws_json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/x-amz-json-1.1"})


def _felt(text: str) -> dict[str, Any]:
    good, bad = "love" in text, "hate" in text
    label = {(1, 1): "MIXED", (1, 0): "POSITIVE", (0, 1): "NEGATIVE", (0, 0): "NEUTRAL"}[good, bad]
    scores = dict.fromkeys(("Positive", "Negative", "Neutral", "Mixed"), 0.04)
    scores[label.capitalize()] = 0.88
    return {"Sentiment": label, "SentimentScore": scores}


def _named(text: str) -> dict[str, Any]:
    found = [(match.start(), match.end(), name) for name in NAMES for match in re.finditer(name, text)]
    return {
        "Entities": [
            {"Score": 0.97, "Type": NAMES[name], "Text": name, "BeginOffset": start, "EndOffset": end}
            for start, end, name in sorted(found)
        ]
    }


def _classified(text: str) -> dict[str, Any]:
    return {"Labels": [{"Name": name, "Score": 0.9 if word in text else 0.1} for name, word in CLASSES.items()]}
