"""A block of the config against its model: what does not fit, said in plain words, at its line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tocsin.document import Document, Steps
from tocsin.errors import ConfigError
from tocsin.hints import did_you_mean, printable

Model = TypeVar("Model", bound=BaseModel)

_BLOCK = "a block of 'key: value' lines"
_WANTED = {
    "string_type": "text",
    "path_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": _BLOCK,
    "mapping_type": _BLOCK,
    "model_type": _BLOCK,
    "model_attributes_type": _BLOCK,
}
_QUOTED = re.compile(r"'([^']*)'")


def validate(model: type[Model], values: Any, document: Document, steps: Steps = ()) -> Model | None:
    """The values as a model, or None after adding to the document's errors what is wrong with them."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        document.errors.extend(_problems(error, model, document, steps))
        return None


def _problems(
    error: ValidationError, model: type[BaseModel], document: Document, steps: Steps
) -> Iterator[ConfigError]:
    at_one_place: dict[Steps, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        where = (*steps, *detail["loc"])
        if detail["type"] != "missing":
            while where not in document.spots:
                where = where[:-1]
        at_one_place.setdefault(where, []).append(detail)
    for where, details in at_one_place.items():
        first = details[0]
        if first["type"] == "missing":
            yield document.error(where[:-1], f"the key '{where[-1]}' is missing")
        elif first["type"] == "extra_forbidden":
            hint = did_you_mean(str(where[-1]), _siblings(model, first["loc"]))
            yield document.error(where, f"unknown key '{printable(str(where[-1]))}'", hint=hint, key=True)
        else:
            said = list(dict.fromkeys(_said(detail) for detail in details))
            key = first["loc"][-1:] == ("[key]",)
            column = first.get("ctx", {}).get("column")
            hint = _hint(first) if len(said) == 1 else None
            yield document.error(where, "; or ".join(said), hint=hint, key=key, character=column)


def _said(detail: ErrorDetails) -> str:
    kind, value = detail["type"], detail["input"]
    if kind in _WANTED:
        return f"expected {_WANTED[kind]}, found {_kind(value)}"
    if kind == "literal_error":
        found = f"'{printable(value)}'" if isinstance(value, str) else _kind(value)
        return f"expected {detail['ctx']['expected']}, found {found}"
    text = detail["msg"].removeprefix("Value error, ").replace(" after validation,", ",")
    text = re.sub(r"^(Input|String|Value|List|Tuple|Dictionary) should ", "must ", text)
    return printable(" ".join(text.split()), 400)


def _hint(detail: ErrorDetails) -> str | None:
    if detail["type"] == "literal_error" and isinstance(detail["input"], str):
        return did_you_mean(detail["input"], _QUOTED.findall(detail["ctx"]["expected"]))
    if detail["type"] == "string_type" and isinstance(detail["input"], bool | int | float):
        return "put it in quotes"
    hint: str | None = detail.get("ctx", {}).get("hint")
    return hint


def _kind(value: Any) -> str:
    """What stands there, in words that give no content away: it may be a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return _BLOCK if isinstance(value, Mapping) else "a list"


def _siblings(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that could stand where the last step of the location stands."""
    for step in location[:-1]:
        field = model.model_fields.get(str(step))
        model = (_model_in(field.annotation) if field else None) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
