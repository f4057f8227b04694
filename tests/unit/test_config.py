"""From the file to the models, and what is said of a file that cannot be used."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from tocsin import records
from tocsin.config import Config, ConfigErrors, load
from tocsin.document import MAX_BYTES
from tocsin.errors import ConfigError
from tocsin.model import Post
from tocsin.runners.assemble import Assembly
from tocsin.settings import Part

ENVIRON = {"HOOK_URL": "https://hooks.example.com/T0P-S3CRET", "PORT": "9000", "EMPTY": ""}


def read(folder: Path, text: str | bytes) -> Config:
    file = folder / "tocsin.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(file, ENVIRON)


def complaints(folder: Path, text: str | bytes) -> list[str]:
    """What is said of a file, each line without the file's name."""
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{folder}/tocsin.yaml") for line in lines)
    assert all(line.isprintable() for line in lines)
    return [line.removeprefix(f"{folder}/tocsin.yaml:").strip() for line in lines]


GOOD = """\
data_dir: ./data
watches:
  - name: acme
    match: '(acme OR "acme cloud" OR #acmedown) -is:repost'
    sources: [inbox]
sources:
  inbox: {type: webhook, port: "${env:PORT}", timeout: 90s}
categories:
  - {name: outage, description: It is down., match: down}
alerts:
  budget: 2 per week
  policies:
    - {name: volume, by: [watch, country], bucket: 5m, sensitivity: strict}
  destinations:
    - {name: hook, type: webhook, url: "${env:HOOK_URL}"}
    - type: log
server: {host: 127.0.0.1, port: 80}
lateness: 10m
"""


def test_a_whole_config_is_read(tmp_path: Path):
    config = read(tmp_path, GOOD)
    assert config.data_dir == tmp_path / "data"
    assert config.base_dir == tmp_path
    assert config.watches[0].sources == ("inbox",)
    inbox = config.sources["inbox"]
    assert (inbox.name, inbox.type, inbox.options.port, inbox.options.timeout) == ("inbox", "webhook", 9000, 90.0)
    policy = config.alerts.policies[0]
    assert (policy.measure, policy.by, policy.bucket) == ("mentions", ("watch", "country"), 300.0)
    hook, log = config.alerts.destinations
    assert (hook.name, hook.options.url) == ("hook", "https://hooks.example.com/T0P-S3CRET")
    assert (log.name, log.type) == ("log", "log")
    assert (config.server.port, config.lateness) == (80, 600.0)
    assert config.warnings == ()


def test_what_is_not_written_has_its_default(tmp_path: Path):
    config = read(tmp_path, "sources: {inbox: {type: webhook}}\nwatches:\nalerts: {policies: []}\n")
    assert config.watches == ()
    (policy,) = config.alerts.policies
    assert policy.model_dump() == {
        "name": "volume", "measure": "mentions", "by": ("watch", "category"), "bucket": 60.0, "sensitivity": "balanced",
        "budget": None,
    }  # fmt: skip
    (destination,) = config.alerts.destinations
    assert (destination.name, destination.type) == ("log", "log")
    assert (config.queue.type, config.lake.type, config.lateness) == ("sqlite", "delta", 120.0)
    assert (config.alerts.budget, config.server.host, config.server.port) == ("1 per day", "127.0.0.1", 8321)
    assert config.data_dir == tmp_path / "tocsin-data"


def test_relative_paths_start_at_the_file_not_at_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "a.yaml").write_text("data_dir: d\n")
    monkeypatch.chdir(tmp_path)
    config = load(Path("etc/a.yaml"), {})
    assert config.data_dir == tmp_path / "etc" / "d"
    assert config.base_dir == tmp_path / "etc"


def test_an_absolute_data_dir_stays(tmp_path: Path):
    assert read(tmp_path, "data_dir: /var/lib/tocsin").data_dir == Path("/var/lib/tocsin")


def test_a_config_without_a_file_has_all_defaults():
    config = Config()
    assert [policy.name for policy in config.alerts.policies] == ["volume"]
    assert isinstance(config.alerts.destinations[0], Part)


def test_the_enrichers_get_what_they_need_from_the_other_blocks(tmp_path: Path):
    config = read(tmp_path, GOOD + "enrich: {category: {}, watches: {}, cluster: {}}\n")
    assembly = Assembly(config)
    assert assembly.enricher("category").enrich(one_post("it is down")).get("category").to_pylist() == ["outage"]
    assert assembly.enricher("watches").enrich(one_post("acme")).get("watches").to_pylist() == [["acme"]]


def one_post(text: str) -> pa.RecordBatch:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    batch = records.to_batch(
        [records.post_row(1, Post(uid="inbox:1", source="inbox", id="1", text=text, received_at=now))]
    )
    return batch.append_column("language", pa.array(["en"], pa.string()))


def test_the_options_of_a_model_stand_beside_it(tmp_path: Path):
    config = read(tmp_path, "enrich: {sentiment: {model: 'hf:org/name', revision: abc}}\n")
    choice = config.enrich["sentiment"].options.model
    assert (choice.spec, choice.options.revision) == ("hf:org/name", "abc")
    assert config.effective()["enrich"]["sentiment"]["model"] == "hf:org/name"
    assert config.effective()["enrich"]["sentiment"]["revision"] == "abc"


BAD = {
    "unknown key": ("sourcs: {}", "1:1: unknown key 'sourcs' (did you mean 'sources'?)"),
    "unknown key inside": (
        "alerts:\n  budgt: 1 per day",
        "2:3: unknown key 'budgt' (did you mean 'budget'?)",
    ),
    "unknown key in a list": (
        "watches:\n  - {name: a, match: b, source: [x]}",
        "2:25: unknown key 'source' (did you mean 'sources'?)",
    ),
    "unknown option of a component": (
        "sources:\n  in: {type: webhook, prt: 1}",
        "2:23: unknown key 'prt' (did you mean 'port'?)",
    ),
    "far from all keys": ("zzz: 1", "1:1: unknown key 'zzz'"),
    "an empty unknown key": ("watchs:", "1:1: unknown key 'watchs' (did you mean 'watches'?)"),
    "missing key": ("watches:\n  - match: a", "2:5: the key 'name' is missing"),
    "list for text": ("data_dir: [a]", "1:11: expected text, found a list"),
    "number for text": ("watches: [{name: 7, match: a}]", "1:18: expected text, found a number (put it in quotes)"),
    "boolean for text": ("data_dir: true", "1:11: expected text, found true or false"),
    "text for number": ("server: {port: http}", "1:16: expected a whole number, found text"),
    "fraction for number": ("server: {port: 80.5}", "1:16: expected a whole number, found a number"),
    "port too high": ("server: {port: 65536}", "1:16: must be less than or equal to 65535"),
    "text for list": ("watches: acme", "1:10: expected a list, found text"),
    "list for block": ("server: [1]", "1:9: expected a block of 'key: value' lines, found a list"),
    "text for a component": ("sources: {a: webhook}", "1:14: expected a block of 'key: value' lines, found text"),
    "text for all": ("acme", "1:1: is not a block of 'key: value' lines (`tocsin init` writes a config to begin with)"),
    "empty": ("", "1:1: is empty (`tocsin init` writes a config to begin with)"),
    "only comments": ("# nothing\n", "1:1: is empty (`tocsin init` writes a config to begin with)"),
    "bad duration": (
        "lateness: 5 parsecs",
        "1:11: '5 parsecs' is not a duration: write a number and a unit, like 90s, 5m, 6h or 7d",
    ),
    "negative duration": (
        "lateness: -1",
        "1:11: -1 is not a duration: write a number and a unit, like 90s, 5m, 6h or 7d",
    ),
    "long bucket": (
        "alerts: {policies: [{name: a, bucket: 2h}]}",
        "1:39: must go into a day without a rest, in whole seconds from 10s to 1h, like 1m or 5m",
    ),
    "short bucket": (
        "alerts: {policies: [{name: a, bucket: 5s}]}",
        "1:39: must go into a day without a rest, in whole seconds from 10s to 1h, like 1m or 5m",
    ),
    "bucket": (
        "alerts: {policies: [{name: a, bucket: 7m}]}",
        "1:39: must go into a day without a rest, in whole seconds from 10s to 1h, like 1m or 5m",
    ),
    "no bucket": (
        "alerts: {policies: [{name: a, bucket: 0}]}",
        "1:39: must go into a day without a rest, in whole seconds from 10s to 1h, like 1m or 5m",
    ),
    "sensitivity": (
        "alerts: {policies: [{name: a, sensitivity: quite}]}",
        "1:44: expected 'balanced', 'quiet' or 'strict', found 'quite' (did you mean 'quiet'?)",
    ),
    "dimension": (
        "alerts: {policies: [{name: a, by: [watch, lang]}]}",
        "1:43: expected 'watch', 'category', 'source', 'language', 'country', 'sentiment' or 'entity', found 'lang' "
        "(did you mean 'language'?)",
    ),
    "dimension twice": (
        "alerts: {policies: [{name: a, by: [watch, watch]}]}",
        "1:35: a dimension is named twice",
    ),
    "no dimension": (
        "alerts: {policies: [{name: a, by: []}]}",
        "1:35: must have at least 1 item, not 0",
    ),
    "a share of nothing": (
        "alerts: {policies: [{name: a, measure: share, by: [watch]}]}",
        "1:21: a share needs two dimensions in `by:` or more: it is the last one's of the others",
    ),
    "the sentiment of a sentiment": (
        "alerts: {policies: [{name: a, measure: negative_share, by: [watch, sentiment]}]}",
        "1:21: negative_share is by sentiment itself: leave `sentiment` out of `by:`",
    ),
    "budget": (
        "alerts: {budget: once}",
        "1:18: must be a number per hour, day, week or month, like '1 per day'",
    ),
    "budget of nothing": (
        "alerts: {budget: 0 per day}",
        "1:18: must be a number per hour, day, week or month, like '1 per day'",
    ),
    "unknown geocoder": (
        "enrich:\n  place: {geocoder: {type: nominatm, url: http://127.0.0.1}}",
        "2:28: no gazetteer has the type 'nominatm'; there are amazon, embedded, nominatim, photon (did you mean "
        "'nominatim'?)",
    ),
    "unknown option of a geocoder": (
        "enrich:\n  place: {geocoder: {type: nominatim, url: 'http://127.0.0.1', accept_licence: ODbL-1.0, key: x}}",
        "2:90: unknown key 'key'",
    ),
    "text for a geocoder": (
        "enrich:\n  place: {geocoder: nominatim}",
        "2:21: expected a block of 'key: value' lines, found text",
    ),
    "unknown kind of a place": (
        "enrich:\n  place: {from: [txt]}",
        "2:18: expected 'post', 'text' or 'profile', found 'txt' (did you mean 'text'?)",
    ),
    "places under enrich": (
        "enrich: {place: {places: {}}}",
        "1:18: unknown key 'places' (it belongs at the top: places:)",
    ),
    "alias with longitude first": (
        "places:\n  aliases: {HQ: [113.4, 52.5]}",
        "2:17: a latitude is from -90 to 90 and a longitude from -180 to 180 (the latitude comes first)",
    ),
    "alias off the earth": (
        "places:\n  aliases: {HQ: [252.5, 213.4]}",
        "2:17: a latitude is from -90 to 90 and a longitude from -180 to 180",
    ),
    "alias that is nowhere": (
        "places:\n  aliases: {HQ: [.nan, 13.4]}",
        "2:17: a position is written [latitude, longitude], in degrees, like [52.52, 13.40]",
    ),
    "alias with one number": (
        "places: {aliases: {HQ: [52.5]}}",
        "1:24: a position is written [latitude, longitude], in degrees, like [52.52, 13.40]",
    ),
    "text for a position": (
        "places: {aliases: {HQ: Berlin}}",
        "1:24: a position is written [latitude, longitude], in degrees, like [52.52, 13.40]",
    ),
    "number for a correction": (
        "places: {corrections: {Paradise: 5}}",
        "1:34: expected text, found a number (put it in quotes)",
    ),
    "unknown model": (
        "enrich:\n  sentiment: {model: embeded}",
        "2:22: no model has the type 'embeded'; there are comprehend, embedded, onnx, openai, sagemaker (did you mean "
        "'embedded'?)",
    ),
    "unknown option of a model": (
        "enrich:\n  sentiment: {model: embedded, revision: abc}",
        "2:32: unknown key 'revision'",
    ),
    "unknown enricher": (
        "enrich: {categry: {}}",
        "1:10: 'categry' is not an enricher (did you mean 'category'?)",
    ),
    "categories under enrich": (
        "enrich: {category: {categories: []}}",
        "1:21: unknown key 'categories' (it belongs at the top: categories:)",
    ),
    "unknown source of a watch": (
        "sources: {inbox: {type: webhook}}\nwatches: [{name: a, match: b, sources: [inbx]}]",
        "2:41: no source is named 'inbx' (did you mean 'inbox'?)",
    ),
    "a watch that listens to nothing": (
        "watches: [{name: a, match: b, sources: []}]",
        "1:40: must have at least 1 item, not 0",
    ),
    "watch named twice": (
        "watches:\n  - {name: a, match: b}\n  - {name: a, match: c}",
        "3:12: the name 'a' is taken (first in line 2)",
    ),
    "destination named twice by its type": (
        "alerts:\n  destinations:\n    - type: log\n    - type: log",
        "4:7: the name 'log' is taken (first in line 3)",
    ),
    "category named other": (
        "categories: [{name: other, match: b}]",
        "1:21: 'other' is the name of what is in no category",
    ),
    "name with a control": (
        'watches: [{name: "a\\x1b[0m", match: b}]',
        "1:18: a name is made of printable characters and does not begin or end with a space",
    ),
    "long name": (
        f"watches: [{{name: {'a' * 65}, match: b}}]",
        "1:18: must have at most 64 characters",
    ),
    "bad name of a source": (
        'sources: {"a b": {type: webhook}}',
        "1:11: must match pattern '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'",
    ),
    "no type": ("queue: {}", "1:8: the key 'type' is missing (one of memory, sqlite)"),
    "a class for a type": (
        "queue: {type: os.system}",
        "1:15: no queue has the type 'os.system'; there are memory, sqlite",
    ),
    "no such type": (
        "queue: {type: sqlit}",
        "1:15: no queue has the type 'sqlit'; there are memory, sqlite (did you mean 'sqlite'?)",
    ),
    "variable not set": (
        "server: {port: \"${env:NOT_SET}\"}",
        "1:17: the environment variable NOT_SET is not set (set it, or write ${env:NOT_SET:-…})",
    ),
    "secret file not there": (
        "data_dir: ${file:no/such}",
        "1:11: the secret file {folder}/no/such cannot be read: No such file or directory",
    ),
    "duplicate key": ("data_dir: a\ndata_dir: b", "2:1: the key 'data_dir' stands here again (first in line 1)"),
    "duplicate key inside": (
        "server:\n  port: 1\n  port: 2",
        "3:3: the key 'port' stands here again (first in line 2)",
    ),
    "tab": ("server:\n\tport: 1", "2:1: is not YAML: a tab stands here (indent with spaces)"),
    "open bracket": ("watches: [", "2:1: is not YAML: …"),
    "colon in text": (
        "data_dir: a: b",
        "1:12: is not YAML: a second ': ' stands here (put a text with ': ' in it in quotes, or check the indentation)",
    ),
    "text that starts with @": ("data_dir: @a", "1:11: is not YAML: no text may start like this (put it in quotes)"),
    "alias": ("data_dir: *x", "1:11: an alias (*x) is not allowed (write it out)"),
    "anchor": ("data_dir: &x a", "1:11: an anchor (&x) is not allowed (write it out where needed)"),
    "python tag": (
        "data_dir: !!python/object/apply:os.system [id]",
        "1:11: a tag (tag:yaml.org,2002:python/object/apply:os.system) is not allowed (quote text that starts with !)",
    ),
    "list as key": ("[a]: b", "1:1: a key must be plain text (quote it if it starts with [ { or *)"),
    "second document": ("data_dir: a\n---\nb: c", "2:1: a second document starts here; a config is one"),
    "deep": ("a: " + "[" * 40, "1:36: nested deeper than 32"),
    "NUL": ("data_dir: a\0b", "1:12: the character U+0000 is not allowed in YAML"),
    "latin-1": (b"data_dir: caf\xe9", "1:14: byte 0xe9 is not UTF-8 (save the file as UTF-8)"),
    "utf-16": (b"\xff\xfed\0a\0", "1:1: byte 0xff is not UTF-8 (save the file as UTF-8)"),
    "too large": (b"#" * (MAX_BYTES + 1), "is larger than 1 MiB"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, case: str):
    text, said = BAD[case]
    found = complaints(tmp_path, text)
    if said.endswith("…"):  # the rest is the library's
        found, said = [found[0][: len(said) - 1], *found[1:]], said[:-1]
    assert found == [said.replace("{folder}", str(tmp_path))]


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("acme OR is:nothing", "3:23: "),
        ('"acme OR is:nothing"', "3:24: "),
        ("'acme OR is:nothing'", "3:24: "),
        ('"acme\\tOR is:nothing"', "3:12: "),
        (">\n      acme OR\n      is:nothing", "3:12: "),
    ],
)
def test_a_bad_rule_is_pointed_at_inside_its_text(tmp_path: Path, written: str, place: str):
    """Where the file writes the rule as it is; else at its beginning, with the character."""
    (line,) = complaints(tmp_path, f"watches:\n  - name: a\n    match: {written}\n")
    assert line.startswith(f"{place}is: does not know nothing")
    assert ("(at its character 12)" in line) == (place == "3:12: ")


@pytest.mark.parametrize(
    ("rule", "place", "comment"),
    [
        ("(acme OR #acmedown) -is:repost", "3:21", "#acmedown) -is:repost"),
        ("acme #acmedown # a note", "3:17", "#acmedown"),
    ],
)
def test_a_hashtag_that_yaml_takes_for_a_comment_is_said(tmp_path: Path, rule: str, place: str, comment: str):
    """Else `acme #acmedown` would listen to all of acme, without a word."""
    lines = complaints(tmp_path, f"watches:\n  - name: a\n    match: {rule}\n")
    assert lines == [f"{place}: YAML takes '{comment}' for a comment (put the rule in quotes)"]


def test_a_comment_behind_a_rule_is_fine(tmp_path: Path):
    config = read(tmp_path, "watches:\n  - name: a\n    match: acme  # a note\n")
    assert config.watches[0].match == "acme"


def test_all_mistakes_are_said_at_once_in_the_order_of_the_file(tmp_path: Path):
    text = """\
lateness: soon
watches:
  - {name: a, match: "(", sources: [nowhere]}
  - {name: a, match: b}
server: {prt: 1}
sources:
  x: {type: nothing}
  y: {type: webhook, port: -1}
categories:
  - {name: c, descripton: In words only.}
"""
    lines = complaints(tmp_path, text)
    assert [line.split(":")[:2] for line in lines] == [
        ["1", "11"], ["3", "24"], ["3", "37"], ["4", "12"], ["5", "10"], ["7", "13"], ["8", "28"], ["10", "15"],
    ]  # fmt: skip


def test_a_category_needs_no_more_than_a_name(tmp_path: Path):
    config = read(tmp_path, "categories:\n  - name: c\n  - {name: d, description: In words only.}\n")
    assert [(category.name, category.description) for category in config.categories] == [
        ("c", None),
        ("d", "In words only."),
    ]


def test_one_mistake_is_not_said_twice(tmp_path: Path):
    """An unresolved reference stays text; that it is no number either is not worth a second line."""
    assert len(complaints(tmp_path, 'server: {port: "${env:NOT_SET}"}\n')) == 1


def test_a_secret_is_in_no_message(tmp_path: Path):
    text = """\
lateness: URL
alerts: {budget: URL, policies: [{name: a, sensitivity: URL}]}
sources: {a: {type: URL}}
"""
    lines = complaints(tmp_path, text.replace("URL", "'${env:HOOK_URL}'"))
    assert len(lines) == 4
    assert not any("S3CRET" in line for line in lines)


def test_a_literal_secret_is_not_shown_when_it_is_of_the_wrong_type(tmp_path: Path):
    (line,) = complaints(tmp_path, "alerts: {destinations: [{type: webhook, url: [https://u:hunter22@x]}]}")
    assert "hunter22" not in line


def test_a_directory_or_a_missing_file_is_said(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {})
    assert str(caught.value) == f"{tmp_path}: is a directory, not a file"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "no.yaml", {})
    said = "no such file (write one with `tocsin init`, or name one with -c)"
    assert str(caught.value) == f"{tmp_path}/no.yaml: {said}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("")
    (tmp_path / "a.yaml").chmod(0)
    with pytest.raises(ConfigError, match=r"a.yaml: cannot be read: Permission denied"):
        load(tmp_path / "a.yaml", {})


def test_an_endless_file_is_not_read_to_its_end():
    with pytest.raises(ConfigError, match="/dev/zero: is larger than 1 MiB"):
        load(Path("/dev/zero"), {})


def test_a_byte_order_mark_and_windows_lines_are_fine(tmp_path: Path):
    assert read(tmp_path, b"\xef\xbb\xbfdata_dir: a\r\nlateness: 3m\r\n").lateness == 180.0


def test_yaml_1_2_a_country_called_no_is_text(tmp_path: Path):
    config = read(tmp_path, "watches: [{name: no, match: yes}, {name: 2026-11-22, match: on}]")
    assert [watch.name for watch in config.watches] == ["no", "2026-11-22"]


def test_a_secret_in_the_file_is_warned_of_and_a_reference_is_not(tmp_path: Path):
    text = """\
sources: {in: {type: webhook, secret: hunter22hunter22}}
alerts:
  destinations:
    - type: webhook
      url: "${env:HOOK_URL}"
      headers: {Authorization: Bearer hunter33}
"""
    config = read(tmp_path, text)
    hint = "(write ${env:NAME} or ${file:PATH} instead)"
    assert [str(warning).removeprefix(f"{tmp_path}/tocsin.yaml:") for warning in config.warnings] == [
        f"1:39: the secret 'secret' is written in the file {hint}",
        f"6:32: the secret 'Authorization' is written in the file {hint}",
    ]
    assert ENVIRON["HOOK_URL"] not in str(config.effective())
    for secret in ("hunter22hunter22", "Bearer hunter33"):
        assert config.redactor.mask(f"<{secret}>") == "<****>"
        assert secret not in repr(config)
        assert secret not in str(config.effective())


def test_a_config_without_sources_is_warned_of(tmp_path: Path):
    (warning,) = read(tmp_path, "watches: [{name: a, match: b}]").warnings
    assert "there are no sources" in str(warning)


def test_the_effective_config_can_be_read_again(tmp_path: Path):
    import yaml

    config = read(tmp_path, GOOD)
    shown = config.effective()
    assert shown["sources"]["inbox"]["port"] == 9000
    assert shown["alerts"]["destinations"][0]["url"] == "${env:HOOK_URL}"
    assert shown["data_dir"] == str(tmp_path / "data")
    again = read(tmp_path, yaml.safe_dump(shown))
    assert again.effective() == shown


def test_errors_can_be_told_apart_by_programs(tmp_path: Path):
    with pytest.raises(ConfigErrors) as caught:
        read(tmp_path, "a: 1\nb: 2")
    first, second = caught.value.errors
    assert (first.line, first.column, first.message, first.hint) == (1, 1, "unknown key 'a'", None)
    assert (second.line, second.file) == (2, f"{tmp_path}/tocsin.yaml")
