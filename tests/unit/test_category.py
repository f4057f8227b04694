from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tocsin import records
from tocsin.component import Context
from tocsin.enrichers.category import Category, Config, Definition
from tocsin.model import Post
from tocsin.rules import RuleError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def batch_of(*texts: str) -> pa.RecordBatch:
    made = [Post(uid=f"feed:{n}", source="feed", id=str(n), text=text, received_at=NOW) for n, text in enumerate(texts)]
    batch = records.to_batch([records.post_row(seq, post) for seq, post in enumerate(made, start=1)])
    return batch.append_column("language", pa.nulls(len(made), pa.string()))


def filled(definitions: list[Definition], *texts: str) -> dict[str, list[Any]]:
    batch = batch_of(*texts)
    columns = Category(Config(categories=tuple(definitions)), Context("category", Path())).enrich(batch)
    return {name: column.to_pylist() for name, column in columns.items()}


def test_the_first_that_matches_is_the_category_and_all_are_kept() -> None:
    definitions = [Definition(name="outage", match="down OR offline"), Definition(name="billing", match="invoice")]
    assert filled(definitions, "invoice, and down", "the invoice", "hello") == {
        "category": ["outage", "billing", "other"],
        "categories": [["outage", "billing"], ["billing"], []],
        "category_scores": [[("outage", 1.0), ("billing", 1.0)], [("billing", 1.0)], []],
        "model": ["match", "match", "match"],
    }


def test_without_categories_every_post_is_other() -> None:
    """The guidance dropped posts in no category; here they stay."""
    assert filled([], "hello")["category"] == ["other"]


OUTAGE = Definition(name="outage", description="The service is down, slow, or people cannot log in.")
BILLING = Definition(name="billing", description="Prices, invoices, refunds and charges.")


def test_a_description_is_enough() -> None:
    found = filled(
        [OUTAGE, BILLING],
        "I cannot log in to my account, the whole site is down",
        "you charged me twice, I want my money back and the right invoice",
        "what a lovely sunset over the lake tonight",
    )
    assert found["category"] == ["outage", "billing", "other"]
    assert found["categories"][2] == []
    assert all(name.startswith("embedded-") for name in found["model"])


def test_a_rule_adds_to_a_description() -> None:
    """What the rule matches belongs whatever a model says; what it misses may belong all the same."""
    definition = OUTAGE.model_copy(update={"match": "kaputt"})
    found = filled([definition], "alles kaputt hier", "the service is down, nobody can log in", "a lovely sunset")
    assert found["category"] == ["outage", "outage", "other"]
    assert found["category_scores"][0] == [("outage", 1.0)]


def test_the_score_of_every_category_can_be_had() -> None:
    made = Category(Config(categories=(OUTAGE, Definition(name="fire", match="fire"))), Context("category", Path()))
    (scores,) = made.all_scores(batch_of("the service is down, and a fire broke out"))
    assert list(scores) == ["outage", "fire"]
    assert scores["fire"] == 1.0
    assert 0.2 < scores["outage"] < 1.0


def test_an_own_threshold_wins() -> None:
    strict = OUTAGE.model_copy(update={"threshold": 0.99})
    assert filled([strict], "the service is down, nobody can log in")["category"] == ["other"]
    lax = OUTAGE.model_copy(update={"threshold": 0.0})
    assert filled([lax], "a lovely sunset")["category"] == ["outage"]


def test_a_post_in_a_language_that_the_model_does_not_know_is_marked() -> None:
    texts = ["Das Netz ist schon wieder ausgefallen und niemand geht ans Telefon, so ein Mist."]
    batch = batch_of(*texts).set_column(
        batch_of(*texts).schema.get_field_index("language"), "language", pa.array(["de"])
    )
    columns = Category(Config(categories=(OUTAGE,)), Context("category", Path())).enrich(batch)
    assert columns["category"].to_pylist() == ["other"]
    assert columns["model"].to_pylist()[0].endswith(" language not known")


def test_examples_draw_a_category_towards_them() -> None:
    text = "the blorptron fizzled while I was in the queue"
    plain = Definition(name="hardware", description="Devices that break.")
    taught = plain.model_copy(update={"examples": ("my blorptron fizzled again", "blorptron fizzled in the queue")})
    before, after = (
        Category(Config(categories=(one,)), Context("category", Path())).all_scores(batch_of(text))[0]["hardware"]
        for one in (plain, taught)
    )
    assert after > before + 0.1


def test_a_bad_rule_is_refused_at_its_place() -> None:
    with pytest.raises(RuleError) as caught:
        filled([Definition(name="outage", match="down OR")])
    assert caught.value.column == 8
