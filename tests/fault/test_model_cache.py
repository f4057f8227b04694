"""Models in a world that breaks: downloads cut off, files torn or swapped, two processes at once."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.fake_hub import COMMIT, REPOSITORY, FakeHub, files_of, serving
from tests.helpers.tiny_models import MODELS

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import ConfigError
from tocsin.models._onnx import store
from tocsin.models._onnx.provide import Provider
from tocsin.models.onnx import Config


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serving(FakeHub(files_of(MODELS / "roberta-sentiment"))) as served:
        yield served


def provider(hub: FakeHub, tmp_path: Path, **options: Any) -> Provider:
    config = Config.model_validate({"cache": tmp_path / "cache", "precision": "fp32", "revision": COMMIT, **options})
    clock = ManualClock(datetime(2026, 11, 25, tzinfo=UTC))
    context = Context("sentiment", tmp_path, clock=clock, random=random.Random(1))
    return Provider(REPOSITORY, config, context, {"HF_ENDPOINT": hub.url})


def local(tmp_path: Path) -> Provider:
    context = Context("sentiment", tmp_path, base_dir=MODELS)
    return Provider("./roberta-sentiment", Config(cache=tmp_path / "cache"), context, {})


def ranges(hub: FakeHub) -> list[str | None]:
    return [asked for path, asked, _ in hub.requests if path.startswith("/cdn/")]


def test_a_download_that_breaks_off_goes_on_where_it_was(hub: FakeHub, tmp_path: Path):
    hub.cuts = [1000, 500]
    provided = provider(hub, tmp_path).provide()
    assert provided.model.read_bytes() == hub.files["model.onnx"]
    assert ranges(hub) == [None, "bytes=1000-", "bytes=1500-"]


def test_a_hub_that_takes_no_ranges_begins_anew(hub: FakeHub, tmp_path: Path):
    hub.cuts, hub.ranges = [1000], False
    assert provider(hub, tmp_path).provide().model.read_bytes() == hub.files["model.onnx"]


def test_a_later_process_goes_on_with_what_an_earlier_one_had(hub: FakeHub, tmp_path: Path):
    hub.cuts = [1000, 0, 0, 0, 0, 0, 0, 0]
    with pytest.raises(ConfigError, match="cannot be fetched"):
        provider(hub, tmp_path).provide()
    assert provider(hub, tmp_path).find() is None
    hub.cuts.clear()
    hub.requests.clear()
    assert provider(hub, tmp_path).provide().model.read_bytes() == hub.files["model.onnx"]
    assert ranges(hub) == ["bytes=1000-"]


def test_other_bytes_than_the_hub_lists_are_thrown_away(hub: FakeHub, tmp_path: Path):
    hub.corrupt = True
    with pytest.raises(ConfigError, match="another hash than the hub lists"):
        provider(hub, tmp_path).provide()
    assert list((tmp_path / "cache").rglob("*model.onnx*")) == []
    hub.corrupt = False
    assert provider(hub, tmp_path).provide().model.read_bytes() == hub.files["model.onnx"]


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.onnx"])
@pytest.mark.parametrize("how", ["cut", "swapped", "gone"])
def test_a_fetched_file_that_was_changed_is_refused_and_pull_repairs_it(
    hub: FakeHub, tmp_path: Path, name: str, how: str
):
    place = provider(hub, tmp_path).provide().folder.path
    damage(place / name, how)
    with pytest.raises(ConfigError, match=r"tocsin models pull|get the directory anew"):
        provider(hub, tmp_path).provide()
    assert provider(hub, tmp_path).damaged(store_place(hub, tmp_path)) == [name]
    provider(hub, tmp_path).pull()
    assert (provider(hub, tmp_path).provide().folder.path / name).read_bytes() == hub.files[name]


def store_place(hub: FakeHub, tmp_path: Path) -> Any:
    place = provider(hub, tmp_path).find()
    assert place is not None
    return place


def damage(file: Path, how: str) -> None:
    data = file.read_bytes()
    if how == "gone":
        file.unlink()
    elif how == "cut":
        file.write_bytes(data[: len(data) // 2])
    else:
        file.write_bytes(bytes([data[0] ^ 1]) + data[1:])


def test_without_its_manifest_a_folder_counts_as_not_there(hub: FakeHub, tmp_path: Path):
    place = provider(hub, tmp_path).provide().folder.path
    (place / store.MANIFEST).write_bytes(b"{")
    assert provider(hub, tmp_path).find() is None
    provider(hub, tmp_path).provide()
    assert store.damaged(place) == []


@pytest.mark.parametrize("how", ["cut", "swapped", "gone"])
def test_a_torn_built_model_is_seen_and_made_anew(tmp_path: Path, how: str):
    model = local(tmp_path).provide().model
    whole = model.read_bytes()
    damage(model, how)
    assert local(tmp_path).damaged(found(local(tmp_path))) == ["built/model.onnx"]
    assert local(tmp_path).provide().model.read_bytes() == whole


def found(asking: Provider) -> Any:
    place = asking.find()
    assert place is not None
    return place


def test_what_a_killed_process_left_is_no_model(tmp_path: Path):
    model = local(tmp_path).provide().model
    folder = model.parent
    making = folder.with_name(f".{folder.name}.making")
    folder.rename(making)
    (making / store.MANIFEST).unlink()
    (making / "model.onnx").write_bytes(b"half")
    assert local(tmp_path).provide().model.read_bytes() != b"half"
    assert not making.exists()


def test_two_processes_at_once_make_one_model(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from tocsin.component import Context\n"
        "from tocsin.models.onnx import Config, Onnx\n"
        "at = Path(sys.argv[1]); context = Context('x', at, base_dir=Path(sys.argv[2]))\n"
        "print(Onnx('./roberta-sentiment', Config(cache=at), context).sentiment(['I love this'])[0].argmax())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(MODELS)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (0, "2\n"), err
    built = [place for place in (tmp_path / "built").iterdir() if place.is_dir()]
    assert len(built) == 1
    assert store.damaged(built[0]) == []
