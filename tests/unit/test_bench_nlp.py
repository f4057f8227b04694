"""`tocsin bench nlp`: it runs, every enricher is in it, and a peer that is missing is said to be."""

from __future__ import annotations

import sys
from pathlib import Path

from tocsin import load
from tocsin.bench import nlp


def test_it_measures_the_whole_way_and_every_enricher() -> None:
    figures = nlp.run(count=400)
    assert figures["queue_to_lake_with_everything"]["events"] == 400
    assert figures["queue_to_lake_with_everything"]["posts_per_second"] > 0
    assert set(figures["parts_in_one_process"]) == set(load.names("enrichers"))
    assert all(part["hot_microseconds_a_post"] > 0 for part in figures["parts_in_one_process"].values())


def test_real_posts_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text("id,text\n" + "".join(f"{n},the bell rings {n} times\n" for n in range(50)))
    assert nlp._texts(tmp_path / "posts.csv", 20) == [f"the bell rings {n} times" for n in range(20)]


def test_peers_that_are_not_installed_are_left_out_and_named() -> None:
    peers = nlp._peers(Path(sys.executable), ["the bell rings"] * 20)
    assert set(peers["embedded_posts_per_second_a_core"]) == {"sentiment", "entities", "categories"}
    assert "left_out" in peers["vader"]
