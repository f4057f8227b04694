"""The entities enricher, and the names that a config lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from tocsin import load, records
from tocsin.component import Context, Span
from tocsin.enrichers import _answers
from tocsin.enrichers.entities import Config, Entities
from tocsin.model import Post
from tocsin.models._lists import Lists, merged
from tocsin.options import ModelChoice

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PRODUCTS = ("iPhone 15 Pro", "Galaxy S24", "Coca-Cola", "Peloton", "McDonald's")


class Model:
    """Finds what it is told to find."""

    id = "told-1"
    languages: frozenset[str] | None = frozenset({"en"})

    def __init__(self, spans: dict[str, list[Span]]) -> None:
        self._spans = spans

    def entities(self, texts: Sequence[str]) -> list[list[Span] | None]:
        return [self._spans.get(text, []) for text in texts]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Span]]:
    """What the model finds in each text."""
    spans: dict[str, list[Span]] = {}

    def build(choice: ModelChoice, context: Context) -> Model:
        return Model(spans)

    monkeypatch.setattr(load, "build_model", build)
    monkeypatch.setattr(_answers.load, "build_model", build)
    return spans


def batch(texts: list[str], language: str | None = "en", title: str | None = None) -> pa.RecordBatch:
    posts = [
        Post(uid=f"feed:{number}", source="feed", id=str(number), text=text, received_at=NOW, title=title)
        for number, text in enumerate(texts)
    ]
    rows = records.to_batch([records.post_row(number, post) for number, post in enumerate(posts, 1)])
    return rows.append_column(records.SCHEMA.field("language"), pa.array([language] * len(texts), pa.string()))


def enriched(
    config: Config, texts: list[str], language: str | None = "en", title: str | None = None
) -> list[list[dict]]:
    enricher = Entities(config, Context("entities", Path()))
    return enricher.enrich(batch(texts, language, title))["entities"].to_pylist()


def test_what_the_model_finds_is_filled_with_its_text_and_place(told: dict[str, list[Span]]) -> None:
    told["Ann is in Rome"] = [Span("PER", 0, 3), Span("LOC", 10, 14)]
    rows = enriched(Config(), ["Ann is in Rome", "nobody"])
    assert rows == [
        [
            {"text": "Ann", "type": "PER", "start": 0, "end": 3},
            {"text": "Rome", "type": "LOC", "start": 10, "end": 14},
        ],
        [],
    ]


def test_the_record_names_the_model(told: dict[str, list[Span]]) -> None:
    filled = Entities(Config(), Context("entities", Path())).enrich(batch(["Ann"]))
    assert filled["entities_model"].to_pylist() == ["told-1"]


def test_a_listed_name_wins_over_what_the_model_finds(told: dict[str, list[Span]]) -> None:
    told["the Paris Pro in Rome"] = [Span("LOC", 4, 9), Span("LOC", 17, 21)]
    rows = enriched(Config(products=("Paris Pro",)), ["the Paris Pro in Rome"])
    assert [(row["text"], row["type"]) for row in rows[0]] == [("Paris Pro", "PRODUCT"), ("Rome", "LOC")]


def test_listed_names_are_found_in_every_language(told: dict[str, list[Span]]) -> None:
    text = "Mein Peloton ist schon wieder kaputt und niemand hilft mir, sehr schade"
    told[text] = [Span("LOC", 0, 4)]
    rows = enriched(Config(products=("Peloton",)), [text], language="de")
    assert [(row["text"], row["type"]) for row in rows[0]] == [("Peloton", "PRODUCT")]


def test_offsets_of_a_post_with_a_title_count_from_the_title(told: dict[str, list[Span]]) -> None:
    rows = enriched(Config(products=("Peloton",)), ["my Peloton"], title="Peloton again")
    assert [(row["start"], row["end"]) for row in rows[0]] == [(0, 7), (17, 24)]


@pytest.mark.parametrize(
    ("option", "kind"),
    [("products", "PRODUCT"), ("organisations", "ORG"), ("people", "PER"), ("places", "LOC"), ("events", "EVENT")],
)
def test_every_list_has_its_type(told: dict[str, list[Span]], option: str, kind: str) -> None:
    rows = enriched(Config(**{option: ("Big Bell",)}), ["the big bell rings"])
    assert [(row["text"], row["type"]) for row in rows[0]] == [("big bell", kind)]


# How listed names are written.


def names(
    text: str, listed: Sequence[str] = PRODUCTS, *, fuzzy: bool = True, words: frozenset[str] = frozenset()
) -> list[str]:
    (spans,) = Lists({"PRODUCT": listed}, fuzzy=fuzzy, is_word=words.__contains__).spans([text])
    return [text[span.start : span.end] for span in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my iphone 15 pro died", ["iphone 15 pro"]),
        ("my IPHONE 15 PRO!", ["IPHONE 15 PRO"]),
        ("#iPhone15Pro is #iphone15pro", ["iPhone15Pro", "iphone15pro"]),
        ("iPhone15 Pro, iPhone15Pro", ["iPhone15 Pro", "iPhone15Pro"]),
        ("two iPhone 15 Pros", ["iPhone 15 Pros"]),
        ("the iPhone 15 Pro's screen", ["iPhone 15 Pro"]),
        ("galaxy-s24 and #Galaxy_S24", ["galaxy-s24", "Galaxy_S24"]),
        ("coca cola, cocacola, COCA-COLA, Coca‑Cola’s", ["coca cola", "cocacola", "COCA-COLA", "Coca‑Cola"]),
        ("McDonalds, McDonald’s, mcdonald's", ["McDonalds", "McDonald’s", "mcdonald's"]),
        ("my😀Peloton😀", ["Peloton"]),
        ("Pelötons", ["Pelötons"]),
    ],
)
def test_a_name_is_found_however_it_is_written(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "i phone 15 pro",
        "iPhone 14 Pro",
        "iPhone 15",
        "coca. cola",
        "galaxies s24",
        "pelotonese",
        "@peloton https://peloton.example/",
        "mcdonald",
        "",
    ],
)
def test_what_is_no_name_is_not_found(text: str) -> None:
    assert names(text) == []


@pytest.mark.parametrize("text", ["Pelton", "Peloton", "Peloon", "Pelotom", "Pleoton", "Pellotons"])
def test_one_typo_is_forgiven(text: str) -> None:
    assert names(text) == [text]


@pytest.mark.parametrize("text", ["Peltn", "Xeloton", "Galxy S25", "iPhnoe 15 Por", "Glxy S24"])
def test_more_than_one_or_another_first_letter_or_digit_is_not(text: str) -> None:
    assert names(text) == []


def test_a_word_of_the_language_is_no_typo() -> None:
    assert names("bottle", ["Battle"]) == ["bottle"]
    assert names("bottle", ["Battle"], words=frozenset({"bottle"})) == []


def test_without_fuzzy_no_typo_is_forgiven() -> None:
    assert names("Pelton Peloton", fuzzy=False) == ["Peloton"]


def test_short_names_take_no_typo() -> None:
    assert names("Acmes Acme Acmy", ["Acme"]) == ["Acmes", "Acme"]


def test_a_function_word_is_a_name_only_as_it_was_listed() -> None:
    assert names("it is IT, says #it", ["IT"]) == ["IT", "it"]


def test_signs_are_part_of_a_name() -> None:
    assert names("AT&T or at &amp; t, not at t", ["AT&T"]) == ["AT&T", "at &amp; t"]
    assert names("let us bank with U.S. Bank", ["U.S. Bank"]) == ["U.S. Bank"]


def test_the_longest_of_several_names_is_taken() -> None:
    assert names("iPhone 15 Pro Max", ["iPhone 15", "iPhone 15 Pro", "iPhone 15 Pro Max"]) == ["iPhone 15 Pro Max"]


def test_scripts_without_spaces_have_names_too() -> None:
    assert names("任天堂が発表", ["任天堂"]) == ["任天堂"]


@pytest.mark.parametrize("listed", [[], [""], ["  "], ["#"], ["\u200b"]])
def test_a_list_may_be_empty(listed: list[str]) -> None:
    assert names("anything # at all", listed) in ([], ["#"])


def test_listed_spans_take_the_place_of_others() -> None:
    own = [Span("PRODUCT", 4, 9)]
    others = [Span("ORG", 0, 5), Span("PER", 9, 12), Span("LOC", 20, 22)]
    assert merged(own, others) == [Span("PRODUCT", 4, 9), Span("PER", 9, 12), Span("LOC", 20, 22)]
    assert merged([], others) == others
