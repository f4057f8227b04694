"""A server of chat completions, and models behind it: one that does as it is told, and some that believe posts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.helpers.remote import Answer, Request, as_json

KEY = "sk-canary-in-the-mine"
WORDS = {"outage": ("down", "offline"), "billing": ("invoice", "charge")}
NAMES = {"Ada": "PER", "Acme": "ORG", "Paris": "LOC"}
Posts = list[dict[str, str]]
Mind = Callable[[str, str], Any]
"""What a model makes of the system and the user message: an object to send as JSON, or text."""


class FakeOpenai:
    """`understands` are the response formats that it takes, `refuses` parameters that it does not."""

    def __init__(self, mind: Mind | None = None) -> None:
        self.mind = mind or obedient
        self.understands = {"json_schema", "json_object", None}
        self.refuses: set[str] = set()
        self.usage: dict[str, int] | None = {"prompt_tokens": 300, "completion_tokens": 20, "total_tokens": 320}
        self.finish_reason = "stop"

    def __call__(self, request: Request) -> Answer:
        if request.path != "/v1/chat/completions":
            return error(404, "not_found")
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return error(401, "invalid_api_key")
        body = json.loads(request.body)
        form = body.get("response_format", {})
        if form.get("type") not in self.understands or self.refuses & set(body):
            return error(400, "unsupported_parameter")
        if form.get("type") == "json_schema":
            assert form["json_schema"]["strict"] is True
            check_strict(form["json_schema"]["schema"])
        system, user = body["messages"]
        assert (system["role"], user["role"]) == ("system", "user")
        content = self.mind(system["content"], user["content"])
        text = content if isinstance(content, str) else json.dumps(content)
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason, "logprobs": None}
        answer: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"]}
        answer |= {"choices": [choice]} | ({"usage": self.usage} if self.usage else {})
        return as_json(answer)


def error(status: int, code: str, **headers: str) -> Answer:
    body = {"error": {"message": f"canary in the message {KEY}", "type": "invalid_request_error", "code": code}}
    return as_json(body, status, **headers)


def check_strict(schema: dict[str, Any]) -> None:
    """What strict structured output demands: every object closed, every key required."""
    if schema["type"] == "object":
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
        for inner in schema["properties"].values():
            check_strict(inner)
    if schema["type"] == "array":
        check_strict(schema["items"])


def posts_of(system: str, user: str) -> Posts:
    """The posts, by the rules of the system message."""
    (number,) = re.findall(r"NUMBER is (\w+)\.$", system)
    first, *lines, last = user.split("\n")
    assert (first, last) == (f"<posts {number}>", f"</posts {number}>")
    posts: Posts = json.loads("\n".join(lines))
    return posts


def answer(system: str, post: dict[str, str]) -> dict[str, Any]:
    text = post["text"]
    if '"sentiment"' in system:
        good, bad = "love" in text, "hate" in text
        label = "mixed" if good and bad else "positive" if good else "negative" if bad else "neutral"
        return {"id": post["id"], "sentiment": label}
    if '"entities"' in system:
        found = re.findall("|".join(NAMES), text)
        return {"id": post["id"], "entities": [{"text": name, "type": NAMES[name]} for name in found]}
    names = [label["name"] for label in json.loads(re.findall(r"categories are: (.*)", system)[0])]
    labels = [name for name in names if any(word in text for word in WORDS.get(name, (name,)))]
    return {"id": post["id"], "labels": [{"label": name, "certainty": "certain"} for name in labels]}


def obedient(system: str, user: str) -> Any:
    """Judges each post by its words."""
    return {"answers": [answer(system, post) for post in posts_of(system, user)]}
