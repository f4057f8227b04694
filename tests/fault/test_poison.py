"""R12: poison posts raise, hang or kill the enriching process; they alone go to the dead letters, with their reason."""

from __future__ import annotations

import random
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.helpers import poison
from tests.helpers.faults import by_length, record
from tests.helpers.world import NOW, World
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.model import Author, Media, Post, decoder, encoder
from tocsin.pipeline import Process
from tocsin.runners.worker import Worker

YAML = "data_dir: data\nsources: {}\n"
POSTS = by_length(16, 400, 2_000)


def posts(bad: dict[int, str]) -> list[Post]:
    time = NOW - timedelta(hours=1)
    return [
        Post(
            uid=f"news:{n}",
            source="news",
            id=str(n),
            text=bad.get(n, "fine"),
            received_at=time,
            created_at=time,
            author=Author(id=f"a{n}", location="Rome"),
            media=(Media(type="image"),),
            hashtags=("bell",),
        )
        for n in range(1, POSTS + 1)
    ]


@pytest.mark.parametrize("seed", [1])
def test_poison_stands_alone_and_its_neighbours_are_unharmed(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    bad = dict(zip(chance.sample(range(1, POSTS + 1), 3), ["please raise", "please hang", "please die"], strict=True))
    with World(tmp_path, YAML) as world, closing(Worker(poison.make, patience=0.6)) as worker:
        process = Process(world.queue, world.lake, worker, world.clock, world.telemetry, 100)
        process.recover()
        world.put(posts(bad))
        while process.backlog:
            process.step()
        rows = world.rows("seq", "kind", "text", "model")
        assert {row["seq"]: row["kind"] for row in rows if row["kind"] != "post"} == dict.fromkeys(bad, "dead")
        assert all(row["model"].startswith("ok") for row in rows if row["kind"] == "post")
        letters = {int(letter.place.removeprefix("queue:")): letter for _, letter in world.queue.dead_letters()}
        assert letters.keys() == bad.keys()
        record(
            "R12", f"{len(letters)} of {POSTS} posts in the dead letters, {len(bad)} were poison", "these alone", True
        )
        for seq, text in bad.items():
            reason = {"please raise": "cannot read this", "please hang": "no answer", "please die": "died"}[text]
            assert reason in letters[seq].reason
            assert decoder.decode(letters[seq].body) == posts(bad)[seq - 1], "the whole event is kept"


def test_the_poison_is_tried_three_times_before_it_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with World(tmp_path, YAML) as world, closing(Worker(poison.make, patience=5)) as worker:
        process = Process(world.queue, world.lake, worker, world.clock, world.telemetry, 100)
        process.recover()
        tried: list[int] = []
        submit = worker.submit

        def counting(batch: object) -> None:
            tried.append(batch.num_rows)  # type: ignore[attr-defined]
            submit(batch)  # type: ignore[arg-type]

        monkeypatch.setattr(worker, "submit", counting)
        world.put(posts({})[:1] + posts({2: "please raise"})[1:2])
        while process.backlog:
            process.step()
        assert tried == [2, 2, 1, 1, 1, 1]  # together, together again, then each alone
        assert world.kinds() == {"post": 1, "dead": 1}


def test_a_cured_post_goes_all_the_way_when_it_is_replayed(tmp_path: Path) -> None:
    bad = posts({2: "please raise"})[1]
    with World(tmp_path, YAML, enrichers=poison.make()) as world:
        world.put([bad, *posts({})[2:4]])
        world.process_all()
        ((number, letter),) = world.queue.dead_letters()
        assert letter.body == encoder.encode(bad)
    replayed = CliRunner().invoke(app, ["deadletter", "replay", str(number), "-c", str(tmp_path / "tocsin.yaml")])
    assert replayed.exit_code == 0, replayed.output
    with World(tmp_path) as world:  # the enrichers of the config, which bear it
        world.process_all()
        assert world.kinds() == {"post": 3, "dead": 1}
        assert world.rows("seq", "uid", "author_location", "media")[-1] == {
            "seq": 4, "uid": bad.uid, "author_location": "Rome", "media": 1,
        }  # fmt: skip
        assert list(world.queue.dead_letters()) == []
