"""An incident comes out of the lake again, byte for byte; what has changed since is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.command import run
from tests.helpers.world import World
from tests.unit.test_detect import EVENTS, YAML

from tocsin.alerts import receipt
from tocsin.runners.replay import replay


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("played"), YAML) as world:
        for start in range(0, len(EVENTS), 97):
            world.put(EVENTS[start : start + 97])
            world.process_all()
            world.detect_all()
        yield world


def test_every_incident_comes_out_again_from_the_lake_alone(played: World) -> None:
    incidents = played.state.incidents()
    assert incidents
    for incident in incidents:
        stored = played.state.evidence(incident.id)
        assert stored is not None
        found = replay(played.assembly, played.lake, incident, stored)
        assert found.same, found.differs


def test_the_command_says_so_and_ends_with_0(played: World) -> None:
    (incident, *_) = played.state.incidents()
    done = run(["replay", incident.id], played.folder)
    assert (done.returncode, "the same" in done.stdout) == (0, True)
    done = run(["replay", incident.id, "--json"], played.folder)
    assert json.loads(done.stdout) == {"id": incident.id, "same": True, "differs": [], "changed_since": []}


def test_another_config_gives_another_incident_and_the_command_says_what_has_changed(
    played: World, tmp_path: Path
) -> None:
    (incident, *_) = played.state.incidents()
    other = played.folder / "other.yaml"
    other.write_text(YAML.replace("bucket: 5m", "bucket: 10m"))
    done = run(["replay", incident.id, "-c", "other.yaml"], played.folder)
    assert done.returncode == 1
    assert "the policy volume has changed" in done.stderr


def test_a_receipt_names_every_version(played: World) -> None:
    (incident, *_) = played.state.incidents()
    assert set(incident.receipt) == {"tocsin", "code", "policies", "models", "lake", "seq"}
    assert incident.receipt["lake"] == played.lake.table_id
    assert receipt.changed_since(incident.receipt, played.assembly.receipt()) == []


def test_an_erased_post_is_no_longer_in_what_is_kept_of_the_opening(tmp_path: Path) -> None:
    with World(tmp_path, YAML) as world:
        world.put(EVENTS)
        world.process_all()
        world.detect_all()
        (incident, *_) = world.state.incidents()
        uid = incident.explanation["posts"][0]["uid"]
        with world.state.transaction() as tx:
            tx.forget({uid}, set())
        assert uid.encode() not in (world.state.evidence(incident.id) or b"")
