"""`tocsin analyze` and `tocsin classify`."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tocsin.cli import app
from tocsin.cli._texts import _of_csv

CATEGORIES = [
    "--category", "outage: The service is down, slow or people cannot log in.",
    "--category", "billing: Prices, invoices, refunds and charges.",
]  # fmt: skip
DOWN = "The whole service is down and I can't log in to my account"
PAID = "you charged me twice, I want a refund for that invoice"


def tocsin(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def objects(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_one_text_gives_one_object_of_the_promised_shape() -> None:
    (found,) = objects(tocsin("analyze", f"{DOWN} @acme 😡", *CATEGORIES).stdout)
    assert set(found) >= {
        "text", "language", "categories", "scores", "sentiment", "phrases", "entities", "place"
    }  # fmt: skip
    assert found["language"]["code"] == "en"
    assert found["categories"][0]["name"] == "outage"
    assert list(found["scores"]) == ["outage", "billing"]
    assert found["sentiment"]["label"] == "negative"
    assert sum(found["sentiment"][name] for name in ("positive", "negative", "neutral")) == pytest.approx(1, abs=1e-3)
    assert found["place"] is None


def test_classify_gives_its_part() -> None:
    (found,) = objects(tocsin("classify", "what a lovely sunset over the lake", *CATEGORIES).stdout)
    assert set(found) == {"text", "language", "categories", "scores"}
    assert found["categories"] == []


def test_single_forces_the_best_one() -> None:
    (found,) = objects(tocsin("classify", "what a lovely sunset over the lake", "--single", *CATEGORIES).stdout)
    assert len(found["categories"]) == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_many_texts_keep_their_order(tmp_path: Path, kind: str) -> None:
    texts = [DOWN, PAID, "", 'with "quotes", commas\nand lines']
    file = tmp_path / f"posts.{kind}"
    if kind == "csv":
        rows = ['"{}",x'.format(text.replace('"', '""')) for text in texts]
        file.write_text("body,other\n" + "\n".join(rows) + "\n")
    else:
        file.write_text("".join(json.dumps({"body": text}) + "\n" for text in texts))
    found = objects(tocsin("classify", "--input", str(file), "--column", "body", *CATEGORIES).stdout)
    assert [row["text"] for row in found] == texts
    assert [row["categories"][0]["name"] for row in found[:2]] == ["outage", "billing"]


def test_a_row_without_a_text_is_said_and_keeps_its_place(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text('{"text": "fine"}\nnot json\n{"other": 1}\n{"text": 5}\n{"text": null}\n{"text": "last"}\n')
    done = tocsin("analyze", "--input", str(file))
    found = objects(done.stdout)
    assert [row["text"] for row in found] == ["fine", None, None, None, "", "last"]
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == ["2", "3", "4"]
    assert found[2]["error"] == "has no 'text'"


def test_a_wrong_column_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("body,id\nhello,1\n")
    done = tocsin("analyze", "--input", str(file))
    assert done.exit_code == 78
    assert "there is no column 'text', but body, id" in done.stderr
    assert "--column" in done.stderr


def test_a_text_or_a_file_must_be_given_and_not_both(tmp_path: Path) -> None:
    assert tocsin("analyze").exit_code == 2
    assert tocsin("analyze", "hello", "--input", "posts.csv").exit_code == 2
    assert tocsin("classify", "x", "--category", "other: no").exit_code == 2
    assert tocsin("classify", "x", "--category", "a: b", "--category", "a: c").exit_code == 2


def test_the_categories_of_a_config_are_used(tmp_path: Path) -> None:
    (tmp_path / "tocsin.yaml").write_text(
        "categories:\n  - {name: outage, description: 'The service is down.', match: kaputt}\n"
    )
    (found,) = objects(tocsin("classify", "alles kaputt", "-c", str(tmp_path / "tocsin.yaml")).stdout)
    assert found["categories"] == [{"name": "outage", "score": 1.0}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "😀😀😀",
        "https://a.example/x",
        "\u202eevil\u202c",
        "مرحبا بالعالم كيف حالكم",
        "a\u200db" * 50,
        "x" * 200_000,
    ],
    ids=["empty", "blank", "emoji", "link", "bidi", "arabic", "joiners", "long"],
)
def test_hard_texts_are_answered(text: str, tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text(json.dumps({"text": text}) + "\n")
    (found,) = objects(tocsin("analyze", "--input", str(file), *CATEGORIES).stdout)
    assert set(found["scores"]) == {"outage", "billing"}


def test_five_hundred_categories_are_no_trouble() -> None:
    many = [word for n in range(500) for word in ("--category", f"topic {n}: things about number {n} and case {n * 7}")]
    (found,) = objects(tocsin("classify", DOWN, *many).stdout)
    assert len(found["scores"]) == 500


def test_the_limit_of_a_cell_is_for_this_reading_alone(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    list(_of_csv("text\n", StringIO(f'"{"x" * 200_000}"\n'), "here", "text"))
    assert csv.field_size_limit() == before
