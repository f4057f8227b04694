"""The contract of component.Enricher (and component.Recalling), run over every enricher found on disk.

A case file `cases/enrichers/<type>.py` holds `make(tmp_path)`: a new enricher, without memory of any row.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tocsin.enrichers
from tocsin import records
from tocsin.model import Author, Media, Place, Post, Ref

TYPES = sorted(path.stem for path in Path(tocsin.enrichers.__file__).parent.glob("[!_]*.py"))
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENRICHED = {field.name for field in records.ENRICHED_FIELDS}

TEXTS = [
    "Acme is down again, and the bell tower is silent #acme https://acme.example/status",
    "Acme is down again, and the bell tower is silent #acme https://acme.example/status",
    "Acme is down again, and the bell tower is silent! #acme",
    "I love it. Well done @acme and @bell@tower.example",
    "Das Netz ist schon wieder ausgefallen und niemand geht ans Telefon.",
    "電車がまた止まっています。故障ですか。",
    "Two\nlines\r\nand\ttabs",
    "",
    "   ",
    "👍",
    "ok",
]
HOSTILE = {
    "NUL": "a\x00b \x00 #ta\x00g @na\x00me https://acme.example/\x00",
    "bidi": "\u202eemca\u202c is down \u2066#acme\u2069 @\u202eacme",
    "invisible": "a\u200bc\u00adm\ufe0fe \u200d\u200d \ufeff #\u200b @\u200b",
    "many hashtags": " ".join(f"#t{number}" for number in range(100_000)),
    "one hashtag very often": "#acme" * 20_000,
    "many mentions": "@acme" * 20_000,
    "huge word": "acme" * 25_000,
    "huge tag": "#" + "a" * 100_000,
    "huge link": "https://acme.example/" + ")" * 100_000,
    "signs": "#@$-:/()[]{}<>\"'`~^|\\&;!?*._=+%" * 1_000,
    "accents": "a" + "\u0301" * 50_000,
    "no scheme": "://" * 10_000,
    "noncharacters": "\ufffe\uffff\U0010ffff \ue000",
    "emoji": "👩‍👩‍👧‍👦" * 5_000,
    "spaces": " " * 100_000 + "\u3000" * 1_000,
}

Make = Callable[[], Any]


@pytest.fixture(params=TYPES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    name = request.param
    try:
        case = importlib.import_module(f"tests.contract.cases.enrichers.{name}")
    except ModuleNotFoundError:
        pytest.fail(f"enrichers/{name}.py has no case: write tests/contract/cases/enrichers/{name}.py")
    return lambda: case.make(tmp_path)


def post(number: int, text: str, **values: Any) -> Post:
    received = START + timedelta(seconds=number)
    usual = {"uid": f"feed:{number}", "source": "feed", "id": str(number), "text": text, "received_at": received}
    return Post(**(usual | values))


def posts() -> list[Post]:
    """Posts of every shape that a row can have."""
    author = Author(id="u1", handle="Sam", name="Sam Sample", location="Ghent")
    shaped: list[dict[str, Any]] = [
        {},
        {"author": author, "lang": "en", "title": "A title about Acme", "url": "https://feed.example/1"},
        {"author": Author(id="u2"), "refs": (Ref(type="repost", id="feed:1"),), "lang": "xx-lolspeak"},
        {"author": author, "refs": (Ref(type="reply", id="feed:2"), Ref(type="quote", id="feed:1")), "lang": "de"},
        {"hashtags": ("#Acme", "acme", ""), "mentions": ("@Acme", "bell"), "urls": ("https://acme.example/a",) * 2},
        {"media": (Media(type="image"),), "place": Place(name="Ghent", country="BE", lat=51.05, lon=3.72)},
        {"source": "other", "place": Place(country="GB", origin="profile")},
    ]
    return [post(n, TEXTS[n % len(TEXTS)], **shaped[n % len(shaped)]) for n in range(3 * len(TEXTS))]


def batch_of(made: list[Post], enricher: Any) -> pa.RecordBatch:
    """Rows, and something in each column that another enricher must have filled before."""
    batch = records.to_batch([records.post_row(seq, one) for seq, one in enumerate(made, start=1)])
    for name in sorted(enricher.needs - set(records.ROW_SCHEMA.names)):
        field = records.SCHEMA.field(name)
        something = {pa.string(): "en", pa.list_(pa.string()): ["acme"]}.get(field.type)
        batch = batch.append_column(field, pa.array([something] * batch.num_rows, field.type))
    return batch


def run(enricher: Any, batch: pa.RecordBatch, size: int) -> dict[str, list[Any]]:
    """What the enricher fills when it gets the rows in batches of a size."""
    filled: dict[str, list[Any]] = {name: [] for name in enricher.fills}
    for start in range(0, batch.num_rows, size):
        for name, column in enricher.enrich(batch.slice(start, size)).items():
            filled[name] += column.to_pylist()
    return filled


def check_columns(enricher: Any, filled: dict[str, Any], rows: int) -> None:
    assert filled.keys() == enricher.fills
    for name, column in filled.items():
        assert isinstance(column, pa.Array), name
        assert len(column) == rows, name
        assert column.type == records.SCHEMA.field(name).type, name
        column.validate(full=True)


def test_every_case_has_an_enricher() -> None:
    cases = {path.stem for path in (Path(__file__).parent / "cases" / "enrichers").glob("[!_]*.py")}
    assert cases <= set(TYPES)


def test_it_fills_enriched_columns_and_needs_what_somebody_gives(make: Make) -> None:
    enricher = make()
    assert enricher.fills
    assert enricher.fills <= ENRICHED
    given = set(records.ROW_SCHEMA.names)
    for name in TYPES:
        module = importlib.import_module(f"tocsin.enrichers.{name}")
        given |= getattr(module, "".join(part.capitalize() for part in name.split("_"))).fills
    assert enricher.needs <= given


def test_no_two_enrichers_fill_one_column(make: Make, tmp_path: Path) -> None:
    enricher = make()
    for name in TYPES:
        module = importlib.import_module(f"tocsin.enrichers.{name}")
        other = getattr(module, "".join(part.capitalize() for part in name.split("_")))
        assert isinstance(enricher, other) or not enricher.fills & other.fills, name


def test_it_gives_one_value_of_the_schemas_type_for_each_row(make: Make) -> None:
    enricher = make()
    batch = batch_of(posts(), enricher)
    check_columns(enricher, enricher.enrich(batch), batch.num_rows)


def test_an_empty_batch_gives_empty_columns(make: Make) -> None:
    enricher = make()
    check_columns(enricher, enricher.enrich(batch_of([], enricher)), 0)


def test_its_input_stays_as_it_was(make: Make) -> None:
    enricher = make()
    batch = batch_of(posts(), enricher)
    before = pa.ipc.read_record_batch(batch.serialize(), batch.schema)
    enricher.enrich(batch)
    assert batch.equals(before)
    assert batch.schema.equals(before.schema)


@pytest.mark.parametrize("size", [1, 7])
def test_the_cut_into_batches_makes_no_difference(make: Make, size: int) -> None:
    whole, cut = make(), make()
    batch = batch_of(posts(), whole)
    assert run(cut, batch, size) == run(whole, batch, batch.num_rows)


def test_columns_that_it_does_not_know_make_no_difference(make: Make) -> None:
    plain, other = make(), make()
    batch = batch_of(posts(), plain)
    more = batch.append_column("something_new", pa.nulls(batch.num_rows, pa.int64()))
    assert run(other, more, 10) == run(plain, batch, 10)


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.timeout(30)
def test_hostile_text_is_only_text(make: Make, kind: str) -> None:
    enricher = make()
    batch = batch_of([post(1, HOSTILE[kind]), post(2, "the bell rings", title=HOSTILE[kind])], enricher)
    check_columns(enricher, enricher.enrich(batch), 2)


def test_a_row_without_any_content_is_still_a_row(make: Make) -> None:
    """What a plug-in source or an erased post may leave."""
    enricher = make()
    bare = dict.fromkeys(records.ROW_SCHEMA.names) | {"seq": 1, "kind": "post", "event_time": START, "source": "feed"}
    batch = pa.RecordBatch.from_pylist([bare], schema=records.ROW_SCHEMA)
    for name in sorted(enricher.needs - set(batch.schema.names)):
        batch = batch.append_column(records.SCHEMA.field(name), pa.nulls(1, records.SCHEMA.field(name).type))
    check_columns(enricher, enricher.enrich(batch), 1)


def test_recalling_rows_from_the_lake_is_as_good_as_having_seen_them(make: Make) -> None:
    steady, restarted = make(), make()
    recalls = getattr(steady, "recalls", None)
    if recalls is None:
        pytest.skip("remembers nothing")
    assert recalls <= set(records.SCHEMA.names)
    batch = batch_of(posts(), steady)
    half = batch.num_rows // 2
    lake = records.complete(with_filled(batch.slice(0, half), steady)).select(sorted(recalls | {"kind"}))
    restarted.recall(lake.combine_chunks().to_batches()[0])
    assert run(restarted, batch.slice(half), 10) == run(steady, batch.slice(half), 10)


def with_filled(batch: pa.RecordBatch, enricher: Any) -> pa.RecordBatch:
    for name, column in enricher.enrich(batch).items():
        spot, field = batch.schema.get_field_index(name), records.SCHEMA.field(name)
        batch = batch.append_column(field, column) if spot < 0 else batch.set_column(spot, field, column)
    return batch
