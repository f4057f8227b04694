from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tocsin import records
from tocsin.component import Context
from tocsin.enrichers.category import Category, Config, Definition
from tocsin.errors import ConfigError
from tocsin.model import Post
from tocsin.rules import RuleError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def filled(definitions: list[Definition], *texts: str) -> dict[str, list[Any]]:
    made = [Post(uid=f"feed:{n}", source="feed", id=str(n), text=text, received_at=NOW) for n, text in enumerate(texts)]
    batch = records.to_batch([records.post_row(seq, post) for seq, post in enumerate(made, start=1)])
    batch = batch.append_column("language", pa.nulls(len(made), pa.string()))
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


def test_a_description_beside_a_rule_changes_nothing() -> None:
    assert filled([Definition(name="outage", description="It is down.", match="down")], "down")["category"] == [
        "outage"
    ]


def test_a_description_alone_is_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigError) as caught:
        filled([Definition(name="outage", description="It is down.")])
    assert "'outage' has only a description" in str(caught.value)
    assert "add match:" in str(caught.value)
    with pytest.raises(ConfigError, match="'outage' has no rule"):
        filled([Definition(name="outage")])


def test_a_bad_rule_is_refused_at_its_place() -> None:
    with pytest.raises(RuleError) as caught:
        filled([Definition(name="outage", match="down OR")])
    assert caught.value.column == 8
