"""`tocsin bench places`: it runs, every figure is there, and peers that are missing are said to be."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tocsin.bench import places
from tocsin.bench._place_peers import PEERS

LIST = """id,text,level,lat,lon,tol_km,cc,alt_lat,alt_lon,tags,source
1,"Hamburg, Germany",city,53.55,9.99,50,DE,,,,
2,the moon,junk,,,,,,,,
"""


def _data(folder: Path) -> Path:
    (folder / "geo").mkdir()
    (folder / "geo" / "locations_dev.csv").write_text(LIST)
    (folder / "airline").mkdir()
    (folder / "airline" / "tweets.csv").write_text(
        'text,tweet_location\na,"Hamburg, Germany"\nb,\nc,"Hamburg, Germany"\nd,on the moon\n'
    )
    return folder


def test_it_measures_speed_memory_and_size(tmp_path: Path) -> None:
    figures = places.run(count=50, data=_data(tmp_path))
    rates = figures["lookups_per_second_a_core"]
    assert {name: part["texts"] for name, part in rates.items()} == {"real": 2, "invented": 50}
    assert all(part[way] > 0 for part in rates.values() for way in ("in_batches", "one_by_one", "cached"))
    assert (figures["real_texts"]["posts_with_a_location"], figures["real_texts"]["unique"]) == (3, 2)
    assert figures["fresh_process"]["opening_ms"] > 0
    assert {"numpy", "imported", "looked_up", "over_numpy"} <= set(figures["fresh_process"]["peak_resident_mb"])
    assert figures["size"]["on_disk_mb"] > figures["size"]["in_the_wheel_mb"] > 0
    assert "peers" not in figures


def test_without_real_texts_there_are_invented_ones(tmp_path: Path) -> None:
    texts = places.invented(300)
    assert len(set(texts)) == len(texts) == 300
    assert texts == places.invented(300)
    assert places.invented(300, seed=1) != texts
    assert places._real(tmp_path) == []


def test_a_python_for_peers_that_is_not_there_is_said(tmp_path: Path) -> None:
    figures = places.run(count=5, data=tmp_path, peers=tmp_path / "python")
    assert "there is no" in figures["peers"]


def test_peers_that_are_not_installed_are_left_out_and_named(tmp_path: Path) -> None:
    peers = places._peers(Path(sys.executable), ["Hamburg"], _data(tmp_path))
    assert set(PEERS) == set(places.PEERS)
    assert all("left_out" in peers[name] for name in places.PEERS)
    assert peers["quality"]["locations_dev"][0]["name"] == "embedded"


def test_peers_are_timed_and_judged_as_we_are(tmp_path: Path) -> None:
    answer = {"lat": 53.6, "lon": 10.0, "level": "city", "country": "DE"}
    texts = [row["text"] for row in _rows()]
    answers = [answer, None]
    python = tmp_path / "python"
    told = {"lookups_per_second": 10, "opening_ms": 1, "peak_resident_mb": 1.0}
    python.write_text(
        "#!" + sys.executable + "\nimport json, sys\n"
        f"known = dict(zip({texts!r}, {answers!r}))\n"
        "asked = json.load(sys.stdin)\n"
        f"print(json.dumps({told!r} | {{'answers': [known.get(text) for text in asked['judge']]}}))\n"
    )
    python.chmod(0o755)
    found = places._peers(python, ["Hamburg"], _data(tmp_path))
    carmen = next(row for row in found["quality"]["locations_dev"] if row["name"] == "carmen")
    assert (carmen["right"], carmen["junk_answered"]) == (1.0, 0.0)
    assert found["carmen"]["we_do_times_as_many"] > 0
    assert json.dumps(found)


def _rows() -> list[dict[str, str]]:
    return [{"text": "Hamburg, Germany"}, {"text": "the moon"}]
