"""Models from a hub: what is asked for, what is kept, what is said when it does not work. The hub is on loopback."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.helpers.fake_hub import COMMIT, NEWER, REPOSITORY, FakeHub, config_json, files_of, serving
from tests.helpers.tiny_models import MODELS

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.errors import ConfigError
from tocsin.models._onnx import store
from tocsin.models._onnx.provide import Provider
from tocsin.models.onnx import Config, Onnx


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serving(FakeHub(files_of(MODELS / "roberta-sentiment"))) as served:
        yield served


def provider(hub: FakeHub, tmp_path: Path, target: str = REPOSITORY, **options: Any) -> Provider:
    environ = options.pop("environ", {})
    config = Config.model_validate({"cache": tmp_path / "cache", "precision": "fp32", "revision": COMMIT, **options})
    clock = ManualClock(datetime(2026, 11, 25, tzinfo=UTC))
    context = Context("sentiment", tmp_path, clock=clock, random=random.Random(1))
    return Provider(target, config, context, {"HF_ENDPOINT": hub.url, **environ})


def asked(hub: FakeHub) -> list[str]:
    return [path for path, _, _ in hub.requests]


def test_making_a_provider_asks_nobody(hub: FakeHub, tmp_path: Path):
    provider(hub, tmp_path)
    assert hub.requests == []
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_fetched_once_and_then_works_without_the_hub(hub: FakeHub, tmp_path: Path):
    hub.files |= {"training_args.bin": b"pickled", "flax_model.msgpack": b"x", "modeling.py": b"raise SystemExit"}
    provided = provider(hub, tmp_path).provide()
    assert provided.commit == COMMIT
    assert provided.version == COMMIT[:12]
    names = store.names(provided.folder.path)
    assert set(names) == {"config.json", "tokenizer.json", "tokenizer_config.json", "model.onnx"}
    for name in names:
        assert (provided.folder.path / name).read_bytes() == hub.files[name]
    hub.requests.clear()
    assert provider(hub, tmp_path).provide() == provided
    assert hub.requests == []


def test_the_model_works_and_names_its_commit(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    config = Config(revision=COMMIT, cache=tmp_path, precision="fp32")
    model = Onnx(REPOSITORY, config, Context("sentiment", tmp_path))
    assert model.id == f"hf:acme/tiny@{COMMIT[:12]} fp32"
    assert model.sentiment(["I love this"])[0].argmax() == 2


def test_an_unpinned_model_is_warned_of_and_stays_as_it_was(
    hub: FakeHub, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.INFO):
        first = provider(hub, tmp_path, revision=None).provide()
    assert f"hf:acme/tiny is not pinned: write revision: {COMMIT}" in caplog.text
    assert f"{sum(len(data) for data in hub.files.values()):,} bytes" in caplog.text
    hub.commit = NEWER
    assert provider(hub, tmp_path, revision=None).provide() == first
    provider(hub, tmp_path, revision=None).pull()
    assert provider(hub, tmp_path, revision=None).provide().commit == NEWER


def test_a_pinned_model_is_not_warned_of(hub: FakeHub, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    provider(hub, tmp_path).provide()
    assert caplog.text == ""


def test_the_token_goes_to_the_hub_and_a_gated_model_says_so(hub: FakeHub, tmp_path: Path):
    hub.gated = True
    with pytest.raises(ConfigError, match=r"401.*accept its terms and set token:"):
        provider(hub, tmp_path).provide()
    provider(hub, tmp_path, token=SecretStr(hub.token)).provide()
    assert hub.requests[-1][2] == f"Bearer {hub.token}"


def test_the_token_of_the_environment_is_used(hub: FakeHub, tmp_path: Path):
    hub.gated = True
    provider(hub, tmp_path, environ={"HF_TOKEN": hub.token}).provide()


@pytest.mark.parametrize(
    ("target", "revision", "said"),
    [
        ("acme/unknown", COMMIT, "there is no such model, or it is private or gated"),
        (REPOSITORY, NEWER, "there is no such model, revision or file"),
    ],
)
def test_what_there_is_not_is_said_in_one_line(hub: FakeHub, tmp_path: Path, target: str, revision: str, said: str):
    with pytest.raises(ConfigError, match=said) as caught:
        provider(hub, tmp_path, target, revision=revision).provide()
    assert "\n" not in str(caught.value)
    assert len(hub.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_hub_is_asked_again_after_the_wait_it_names(hub: FakeHub, tmp_path: Path, status: int):
    hub.refusals = [(status, {"Retry-After": "7"})]
    asking = provider(hub, tmp_path)
    asking.provide()
    assert asking._clock.monotonic() >= 7


def test_a_hub_that_stays_busy_is_given_up(hub: FakeHub, tmp_path: Path):
    hub.refusals = [(429, {})] * 9
    with pytest.raises(ConfigError, match=r"429.*the hub wants fewer requests"):
        provider(hub, tmp_path).provide()
    assert len(hub.requests) == 5


def test_no_network_says_what_to_do_by_hand(tmp_path: Path):
    nowhere = FakeHub({})
    nowhere.url = "http://127.0.0.1:1"
    with pytest.raises(ConfigError, match=r"could not be reached.*put the files into a directory and write hf:\./"):
        provider(nowhere, tmp_path).provide()


@pytest.mark.parametrize(("offline", "environ"), [(True, {}), (False, {"HF_HUB_OFFLINE": "1"})])
def test_offline_nobody_is_asked(hub: FakeHub, tmp_path: Path, offline: bool, environ: dict[str, str]):
    with pytest.raises(ConfigError, match=r"offline nothing is fetched.*tocsin models pull hf:acme/tiny"):
        provider(hub, tmp_path, offline=offline, environ=environ).provide()
    assert hub.requests == []
    provider(hub, tmp_path).provide()
    hub.requests.clear()
    provider(hub, tmp_path, offline=offline, environ=environ).provide()
    assert hub.requests == []


def test_what_cannot_be_used_is_known_before_its_weights_are_fetched(hub: FakeHub, tmp_path: Path):
    hub.files["config.json"] = config_json(hub.files, auto_map={"AutoModel": "modeling.Evil"})
    with pytest.raises(ConfigError, match="brings its own code"):
        provider(hub, tmp_path).provide()
    assert not any(path.endswith("model.onnx") for path in asked(hub))


def test_pickled_weights_are_not_fetched(hub: FakeHub, tmp_path: Path):
    hub.files["pytorch_model.bin"] = hub.files.pop("model.onnx")
    with pytest.raises(ConfigError, match=r"only pickled weights \(pytorch_model.bin\).*safe_serialization"):
        provider(hub, tmp_path).provide()
    assert len(hub.requests) == 1


def test_another_file_of_the_repository_can_be_named(hub: FakeHub, tmp_path: Path):
    hub.files["onnx/model_quantized.onnx"] = hub.files["model.onnx"]
    provided = provider(hub, tmp_path, file="onnx/model_quantized.onnx", precision="int8").provide()
    assert provided.model.relative_to(provided.folder.path).as_posix() == "onnx/model_quantized.onnx"
    with pytest.raises(ConfigError, match=r"has no ONNX file onnx/other.onnx.*onnx/model_quantized.onnx"):
        provider(hub, tmp_path, file="onnx/other.onnx").provide()


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil", "a/../../b", ".hidden", "1_Pooling/../../x"])
def test_a_listing_cannot_write_outside(hub: FakeHub, tmp_path: Path, name: str):
    hub.files[name] = b"{}"
    provider(hub, tmp_path).provide()
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}
    assert not any("evil" in path or "hidden" in path for path in asked(hub))


@pytest.mark.parametrize("body", [b"[]", b"<html>", b"{}", json.dumps({"sha": "main", "siblings": []}).encode()])
def test_something_else_than_a_hub_is_said_to_be_none(hub: FakeHub, tmp_path: Path, body: bytes):
    from aiohttp import web

    hub._listing = lambda *_: web.Response(body=body)  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match=r"is HF_ENDPOINT a hub|names no commit"):
        provider(hub, tmp_path).provide()


@pytest.mark.parametrize(
    "target", ["", "a/b/c", "../x/y/", "acme/ti ny", "http://x/y", "a--b/c", "a/b..c", "/nowhere/x"]
)
def test_names_that_name_no_model(hub: FakeHub, tmp_path: Path, target: str):
    with pytest.raises(ConfigError):
        provider(hub, tmp_path, target).provide()
    assert hub.requests == []
