"""What is understood of a text, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tocsin import text
from tocsin.cli._place_text import place_line

BAR = 20


def shown(answer: dict[str, Any]) -> str:
    return "".join(f"{line}\n" for line in _lines(answer))


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    language = answer["language"]
    score = f" ({language['score']:.2f})" if language["score"] is not None else ""
    yield f"language    {language['code'] or 'not known'}{score}"
    fitting = {category["name"] for category in answer["categories"]}
    if answer["scores"]:
        yield f"categories  {', '.join(category['name'] for category in answer['categories']) or 'other: none fits'}"
    for name, value in sorted(answer["scores"].items(), key=lambda item: -item[1]):
        mark, bar = "*" if name in fitting else " ", "█" * round(value * BAR)
        yield f"  {mark} {value:.2f} {bar:{BAR}s} {text.one_line(name, 40)}"
    if "sentiment" in answer:
        yield from _rest(answer)


def _rest(answer: dict[str, Any]) -> Iterator[str]:
    feeling = answer["sentiment"]
    if feeling["label"] is None:
        yield "sentiment   not known: the model does not know this language"
    else:
        parts = ", ".join(f"{name} {feeling[name]:.2f}" for name in ("positive", "neutral", "negative"))
        yield f"sentiment   {feeling['label']} ({parts})"
    yield f"phrases     {', '.join(map(text.one_line, answer['phrases'])) or '-'}"
    named = (f"{text.one_line(entity['text'])} ({entity['type']})" for entity in answer["entities"])
    yield f"entities    {', '.join(named) or '-'}"
    yield f"place       {place_line(answer['place']) if answer['place'] else '-'}"
