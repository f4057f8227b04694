"""A run, `analyze` and any batch say the same of a post; nothing is lost, whatever it is; and how right it all is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.command import run

from tocsin import config as configs
from tocsin.runners.understand import Understanding

CONFIG = """\
sources:
  archive: {type: file, path: posts.jsonl, fields: {id: id, text: text, created_at: at}}
categories:
  - {name: outage, description: "The service is down, slow or people cannot log in."}
  - {name: billing, description: "Prices, invoices, refunds and charges.", match: "#refund"}
  - {name: praise, description: "Thanks, love, a great experience."}
enrich:
  entities: {products: [Blorptron 3000], organisations: [Acme]}
"""
SENTENCES = [
    "The whole service is down and I can't log in to my account 😡 #AcmeDown",
    "You charged me twice, I want my money back @acme https://acme.example/help",
    "Thank you so much, what a great experience with the blorptron3000!",
    "Tim Cook met Angela Merkel in Berlin &amp; Paris yesterday",
    "Das Netz ist schon wieder ausgefallen und niemand geht ans Telefon, so ein Mist.",
    "電車がまた止まっています。故障ですか。",
    "مرحبا بالعالم كيف حالكم اليوم يا أصدقاء",
    "", "   ", "😍😍😍", "https://a.example/x", "\u202eturned\u202c a\u200bround", "👩‍👩‍👧 zero\u200dwidth", "ok",
    "x" * 20_000, "not bad not bad at all " * 60, "#happynewyear #NYCMarathon2015", "#refund",
]  # fmt: skip
REAL = Path(__file__).parents[3] / "shared" / "data"


def texts(count: int) -> list[str]:
    """So many posts, each once, with the hard ones among them."""
    return [f"{SENTENCES[n % len(SENTENCES)]} {n}" if n >= len(SENTENCES) else SENTENCES[n] for n in range(count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tocsin.yaml").write_text(CONFIG)
    return tmp_path


def test_a_run_keeps_what_analyze_says(folder: Path) -> None:
    """The guidance lost posts in no category and those that a service refused; here every one is a row."""
    written = [text for text in texts(62) if text.strip()]  # a row of a file without a text is a dead letter
    lines = [{"id": str(n), "text": text, "at": 1_772_000_000 + 60 * n} for n, text in enumerate(written)]
    (folder / "posts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run(["run", "--until-idle"], folder)
    assert done.returncode == 0, done.stderr
    columns = (
        "text, language, category, categories, category_scores, sentiment, sentiment_scores, phrases, entities, model, "
        "place_name, country, lat, lon, place_origin"
    )
    asked = run(["query", f"SELECT {columns} FROM posts ORDER BY seq", "--format", "jsonl"], folder)
    stored = [json.loads(line) for line in asked.stdout.splitlines()]
    file = folder / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in written))
    said = run(["analyze", "--input", str(file)], folder)
    analyzed = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(stored) == len(analyzed) == len(written)
    for row, found in zip(stored, analyzed, strict=True):
        assert row["text"] == found["text"]
        assert row["language"] == found["language"]["code"]
        assert row["categories"] == [category["name"] for category in found["categories"]]
        assert row["category"] == (row["categories"][0] if row["categories"] else "other")
        assert row["sentiment"] == found["sentiment"]["label"]
        assert row["phrases"] == found["phrases"]
        assert [dict(entity) for entity in row["entities"]] == found["entities"]
        assert row["model"] == found["models"]["category"]
        place = found["place"] or dict.fromkeys(("name", "country", "lat", "lon", "origin"))
        assert [row[name] for name in ("place_name", "country", "lat", "lon", "place_origin")] == [
            place[name] for name in ("name", "country", "lat", "lon", "origin")
        ]
    assert {"outage", "billing", "praise", "other"} <= {row["category"] for row in stored}


def test_one_post_or_ten_thousand_give_the_same(folder: Path) -> None:
    config = configs.load(folder / "tocsin.yaml", {})
    many = texts(10_000)
    whole = Understanding(config).analyze(many)
    assert len(whole) == 10_000
    for size, upto in ((1, 150), (37, 1_000), (1_000, 10_000)):
        who = Understanding(config)
        parts = [found for start in range(0, upto, size) for found in who.analyze(many[start : start + size])]
        assert parts == whole[: len(parts)]


def test_a_title_is_read_and_offsets_are_those_of_title_and_text(folder: Path) -> None:
    from tests.contract.test_enricher import batch_of, post

    from tocsin import posts
    from tocsin.component import Context
    from tocsin.enrichers.entities import Config, Entities

    enricher = Entities(Config(), Context("entities", folder))
    batch = batch_of([post(1, "The mayor of London spoke.", title="Angela Merkel in Paris")], enricher)
    (found,) = enricher.enrich(batch)["entities"].to_pylist()
    (read,) = posts.texts(batch)
    assert {entity["text"] for entity in found} >= {"Angela Merkel", "London"}
    assert all(read[entity["start"] : entity["end"]] == entity["text"] for entity in found)


FLOORS = {"newyear": 0.42, "clinc": 0.60, "crisis": 0.48, "emotions": 0.42, "airline": 0.41}


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="the measuring data are not beside the project")
def test_real_posts_are_understood_as_well_as_the_model_card_says() -> None:
    from tocsin.evaluate import nlp

    figures: dict[str, Any] = nlp.run(REAL)
    for name, floor in FLOORS.items():
        assert figures["categories"][name]["best"] >= floor, name
    sentiment = figures["sentiment"]["tweeteval_validation"]
    assert sentiment["macro_recall"] >= 0.71
    assert sentiment["calibration_error"] <= 0.04
    assert sentiment["mixed"] <= 0.02
    assert figures["entities"]["wnut17_dev"]["natural"]["all"]["f1"] >= 0.65
    assert figures["entities"]["btc_dev"]["natural"]["all"]["f1"] >= 0.70
