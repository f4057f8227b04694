"""`tocsin init`: what it writes passes `check`, and it takes nothing away."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tocsin import config as configs
from tocsin.cli import app
from tocsin.cli._templates import TEMPLATES, render
from tocsin.config import Config


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tocsin(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def read(text: str) -> Config:
    Path("a.yaml").write_text(text)
    return configs.load(Path("a.yaml"), {"HOOK_SECRET": "a-long-secret"})


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_it_writes_passes_check_without_a_warning(template: str):
    assert tocsin("init", "--template", template).exit_code == 0
    result = tocsin("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 watch, 2 sources, 4 categories" in result.stdout


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_it_offers_in_comments_is_right_too(template: str):
    """Each `# key: {...}` and `# - {...}` line can be taken in by deleting its #."""
    text = re.sub(r"^( +)# (?=\w+: \{|- \{)", r"\1", render(template, "acme"), flags=re.MULTILINE)
    config = read(text)
    assert {part.type for part in config.sources.values()} == {"jetstream", "rss", "webhook", "file", "scenario"}
    assert [part.name for part in config.alerts.destinations] == ["log", "hook"]


@pytest.mark.parametrize(
    ("term", "rule"),
    [
        ("acme", "(acme OR #acme) -is:repost"),
        ("acme cloud", '("acme cloud" OR #acmecloud) -is:repost'),
        ("L'Oréal", "(L'Oréal) -is:repost"),
        ("東京", "(東京 OR #東京) -is:repost"),
    ],
)
def test_the_term_becomes_a_watch(term: str, rule: str):
    assert tocsin("init", "--term", term).exit_code == 0
    (watch,) = configs.load(Path("tocsin.yaml"), {}).watches
    assert (watch.name, watch.match) == (term, rule)


@pytest.mark.parametrize("term", ["", " ", '"', "a\nb: c", "(", "x" * 65, "{", "\x1b[0m"])
def test_a_term_that_makes_no_rule_is_refused_before_anything_is_written(term: str):
    result = tocsin("init", "--term", term)
    if result.exit_code == 0:  # odd, but it can be listened for
        assert configs.load(Path("tocsin.yaml"), {}).watches[0].name == term
    else:
        assert result.exit_code == 2
        assert list(Path().iterdir()) == []


def test_a_file_that_is_there_stays(tmp_path: Path):
    Path("tocsin.yaml").write_text("mine")
    result = tocsin("init")
    assert (result.exit_code, result.stderr) == (1, "tocsin: tocsin.yaml is there already: --force writes over it\n")
    assert [file.name for file in tmp_path.iterdir()] == ["tocsin.yaml"]
    assert Path("tocsin.yaml").read_text() == "mine"
    assert tocsin("init", "--force").exit_code == 0
    assert Path("tocsin.yaml").read_text() != "mine"


def test_the_schema_of_the_first_line_is_written_beside_it():
    Path("etc").mkdir()
    assert tocsin("init", "-c", "etc/b.yaml").exit_code == 0
    first = Path("etc/b.yaml").read_text().splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads(Path("etc", schema).read_text())["title"] == "Tocsin's config"


def test_it_says_what_to_do_next():
    assert "tocsin check -c b.yaml" in tocsin("init", "-c", "b.yaml").stdout
    assert "tocsin run " in tocsin("init").stdout


def test_a_folder_that_is_not_there_is_one_line():
    result = tocsin("init", "-c", "no/b.yaml")
    assert (result.exit_code, result.stderr) == (1, "tocsin: No such file or directory: no/b.yaml\n")
