"""`tocsin models`: which models a config works with, fetched ahead of time, hashed again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.fake_hub import COMMIT, FakeHub, files_of, serving
from tests.helpers.tiny_models import MODELS
from typer.testing import CliRunner, Result

from tocsin.cli import app

CONFIG = """\
enrich:
  sentiment: {{model: "hf:acme/tiny", revision: "{commit}", precision: fp32, cache: ./cache}}
  entities: {{model: "hf:./own", precision: fp32, cache: ./cache}}
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    files = files_of(MODELS / "roberta-sentiment")
    files["README.md"] = b"---\nlicense: mit\nlanguage: en\n---\n"
    with serving(FakeHub(files)) as served:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
        shutil.copytree(MODELS / "distilbert-entities", tmp_path / "own")
        (tmp_path / "tocsin.yaml").write_text(CONFIG.format(commit=COMMIT), encoding="utf-8")
        yield served


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["models", *arguments])


def listed(*arguments: str) -> list[dict[str, object]]:
    result = run(*arguments, "--json")
    assert result.exit_code in (0, 1), result.output
    rows: list[dict[str, object]] = json.loads(result.stdout)
    return rows


def test_list_shows_what_is_there_and_asks_nobody(hub: FakeHub):
    remote, own = listed("list")
    assert remote["state"] == "not fetched: tocsin models pull hf:acme/tiny"
    assert (own["model"], own["kind"], own["used_by"], own["commit"]) == (
        "hf:./own",
        "token classifier",
        "entities",
        None,
    )
    assert hub.requests == []


def test_pull_fetches_all_of_the_config(hub: FakeHub, tmp_path: Path):
    result = run("pull")
    assert result.exit_code == 0, result.output
    assert f"hf:acme/tiny: sequence classifier, 0.1 MB, in {tmp_path}" in result.stdout
    assert f"  revision: {COMMIT}\n  sha256: " in result.stdout
    assert "hf:./own: token classifier" in result.stdout
    size = sum(len(data) for data in hub.files.values())
    assert result.stderr == f"Fetching hf:acme/tiny at {COMMIT}: 5 files, {size:,} bytes.\n"
    remote, _ = listed("list")
    assert (remote["kind"], remote["licence"], remote["commit"]) == ("sequence classifier", "mit", COMMIT)
    assert run("list").exit_code == 0
    assert "mit" in run("list").stdout


def test_pull_of_one_model_needs_no_config(hub: FakeHub, tmp_path: Path):
    (tmp_path / "tocsin.yaml").unlink()
    (row,) = listed("pull", "hf:acme/tiny", "--revision", COMMIT)
    assert row["commit"] == COMMIT
    assert str(row["path"]).startswith(str(tmp_path / "home" / "tocsin" / "models"))


@pytest.mark.parametrize("spec", ["embedded", "acme/tiny", "hf:"])
def test_pull_of_what_is_no_model_of_the_hub(hub: FakeHub, spec: str):
    result = run("pull", spec)
    assert result.exit_code == 78
    assert result.stderr.startswith("tocsin: ")
    assert result.stderr.count("\n") == 1


def test_verify_hashes_again(hub: FakeHub, tmp_path: Path):
    assert [row["damaged"] for row in listed("verify")] == [["not fetched"], []]
    run("pull")
    assert run("verify").stdout == "hf:acme/tiny: good\nhf:./own: good\n"
    (model,) = tmp_path.glob("cache/hub/*/*/model.onnx")
    model.write_bytes(b"x" + model.read_bytes()[1:])
    result = run("verify")
    assert (result.exit_code, result.stdout) == (1, "hf:acme/tiny: model.onnx\nhf:./own: good\n")


def test_a_config_without_models(hub: FakeHub, tmp_path: Path):
    (tmp_path / "tocsin.yaml").write_text("watches: [{name: a, match: b}]\n", encoding="utf-8")
    assert run("list").stdout == "the config names no models\n"
    assert run("pull").exit_code == 78
