"""`tocsin check`: exit codes, warnings, the effective config, JSON."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tocsin.cli import app


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def run(text: str, *arguments: str) -> Result:
        (tmp_path / "tocsin.yaml").write_text(text)
        return CliRunner().invoke(app, ["check", *arguments])

    return run


GOOD = """\
watches:
  - {name: a, match: b}
  - {name: c, match: d}
sources: {in: {type: webhook, secret: "${env:IN_SECRET:-not-so-secret}"}}
"""


def test_a_good_config_is_counted(check):
    result = check(GOOD)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "tocsin.yaml: good (2 watches, 1 source, 0 categories, 1 policy, 1 destination)\n"


def test_a_bad_config_ends_with_78_and_a_line_for_each_mistake(check):
    result = check("a: 1\nserver: {port: x}\n")
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr.splitlines() == [
        "tocsin.yaml:1:1: unknown key 'a'",
        "tocsin.yaml:2:16: expected a whole number, found text",
    ]


def test_warnings_go_to_stderr_and_change_nothing(check):
    result = check("sources: {in: {type: webhook, secret: hunter22hunter22}}")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: tocsin.yaml:1:39: the secret 'secret' is written in the file")
    assert "hunter22" not in result.output


def test_show_prints_everything_with_secrets_masked(check, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IN_SECRET", "hunter22hunter22")
    result = check(GOOD, "--show")
    assert "secret: ${env:IN_SECRET:-not-so-secret}" in result.stdout
    assert "budget: 1 per day" in result.stdout
    assert "hunter22" not in result.output
    assert "hunter22" not in check(GOOD.replace("${env:IN_SECRET:-not-so-secret}", "hunter22hunter22"), "--show").stdout


def test_json_of_a_good_config(check):
    found = json.loads(check(GOOD, "--json").stdout)
    assert found == {"ok": True, "errors": [], "warnings": []}
    shown = json.loads(check(GOOD, "--json", "--show").stdout)
    assert shown["config"]["lateness"] == 120.0


def test_json_of_a_bad_config(check):
    result = check("sourcs: {}\n", "--json")
    assert result.exit_code == 78
    assert json.loads(result.stdout) == {
        "ok": False,
        "warnings": [],
        "errors": [
            {
                "file": "tocsin.yaml",
                "line": 1,
                "column": 1,
                "message": "unknown key 'sourcs'",
                "hint": "did you mean 'sources'?",
            }
        ],
    }


def test_json_of_no_config(tmp_path: Path):
    result = CliRunner().invoke(app, ["check", "--json", "-c", str(tmp_path / "no.yaml")])
    assert result.exit_code == 78
    (error,) = json.loads(result.stdout)["errors"]
    assert (error["message"], error["line"]) == ("no such file", None)


def test_categories_that_say_too_little_or_the_same_are_named_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "tocsin.yaml").write_text(
        "sources: {inbox: {type: webhook}}\n"
        "categories:\n"
        "  - name: misc\n"
        "  - {name: outage, description: 'The service is down or cannot be reached.'}\n"
        "  - {name: outages, description: 'The services are down, or cannot be reached.'}\n"
    )
    done = CliRunner().invoke(app, ["check", "-c", str(tmp_path / "tocsin.yaml")])
    assert done.exit_code == 0
    assert "tocsin.yaml:3:5: the category 'misc' has nothing but its name" in done.stderr
    assert re.search(r":5:5: the categories 'outage' and 'outages' can hardly be told apart", done.stderr)


def test_a_correction_to_what_is_no_place_is_a_warning(check):
    result = check('places:\n  corrections:\n    Georgia: "Georgia, USA"\n    Paradise: null\n    Home: xqzvt\n')
    assert result.exit_code == 0
    assert "tocsin.yaml:5:11: the correction 'xqzvt' is no place that is known" in result.stderr
    assert "Georgia" not in result.stderr


def test_a_gazetteer_that_is_not_there_is_one_mistake_with_its_place(check, tmp_path: Path):
    result = check("places:\n  index: no-such-folder\n")
    assert result.exit_code == 78
    (line,) = result.stderr.splitlines()
    assert line.startswith("tocsin.yaml:2:10: ")
    assert "no-such-folder" in line
    (said,) = json.loads(check("places:\n  index: no-such-folder\n", "--json").stdout)["errors"]
    assert (said["line"], said["column"]) == (2, 10)


@pytest.mark.parametrize(
    ("block", "spot", "said"),
    [
        ('places:\n  aliases: {"🏢": [1.5, 2.5]}\n', "2:12", "🏢"),
        ("places:\n  aliases: {HQ: [1.5, 2.5], hq: [3.5, 4.5]}\n", "2:12", "hq"),
        ('places:\n  corrections: {"🏢": Ghent}\n', "2:16", "🏢"),
        ("places:\n  corrections: {a b c d e f g h i j k l m n o p q r s t u v w x y z: Ghent}\n", "2:16", "a b c"),
        ("places:\n  index: nowhere\n", "2:10", "nowhere"),
        (
            "enrich:\n  place:\n    geocoder: {type: embedded, index: nowhere-here}\n", "3:15", "nowhere-here",
        ),
    ],
)  # fmt: skip
def test_places_and_geocoders_that_cannot_be_made_are_one_mistake_with_its_place(
    check, tmp_path: Path, block: str, spot: str, said: str
):
    text = "data_dir: data\nsources: {in: {type: file, path: posts.csv}}\n"
    line, _, column = spot.partition(":")
    result = check(block + text)
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr.startswith(f"tocsin.yaml:{line}:{column}: ")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    run = CliRunner().invoke(app, ["run", "--until-idle"])
    assert (run.exit_code, run.stderr) == (78, result.stderr)
    assert not (tmp_path / "data").exists()


def test_show_can_be_loaded_again(check):
    shown = check("places: {aliases: {HQ: [52.52, 13.4]}}\nenrich: {place: {from: [text]}}\n", "--show").stdout
    assert "HQ:" in shown
    assert "    from:\n    - text\n" in shown
    assert shown.count("aliases:") == 1
