"""Whatever stands in a config file, the answer is a Config or a ConfigError with lines that can be printed."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin import config as configs
from tocsin import document
from tocsin.config import Config
from tocsin.errors import ConfigError

SEEDS = [
    """\
data_dir: ./data
watches:
  - {name: acme, match: 'acme OR "a b" -is:repost #x', sources: [inbox]}
sources: {inbox: {type: webhook, port: 8322}}
""",
    """\
alerts:
  budget: 1 per day
  policies: [{name: v, measure: mentions, by: [watch, category], bucket: 1m}]
  destinations: [{name: log, type: log}]
""",
    """\
categories:
  - name: outage
    match: down   # a comment
server: {host: 127.0.0.1, port: "${env:PORT}"}
lateness: 2m
enrich: {category: {}}
""",
]
PIECES = [
    "\0", "\t", "\n", "\n  ", " ", "{", "}", "[", "]", "*a", "&a ", "!!x ", "!!python/object:os.system ", ": ", "#",
    " #x", "'", '"', "|", ">", "?", "- ", "---\n", "...\n", "%YAML 9.9\n", "<<: ", "null", "~", "1e999", "-1", "0x",
    "true", ".inf", "9" * 400, "a" * 400, "\ufeff", "\u202e", "\ud7ff", "😀", "é", "\x85", "\u2028", "\r", "\\x",
    "${env:", "${env:X}", "$${", "${file:/dev/zero}", "type: os.system", "sources", "watches:", "match: (", "OR",
    "-" * 50, "[" * 60,
]  # fmt: skip


def mutated(seed: int) -> bytes:
    """A config with some of its text changed, in ways that depend on the seed alone."""
    random_ = random.Random(seed)
    text = random_.choice(SEEDS)
    for _ in range(random_.randint(1, 5)):
        start = random_.randrange(len(text) + 1)
        end = min(len(text), start + random_.choice([0, 0, 1, 2, 8, 30]))
        middle = random_.choice(
            [random_.choice(PIECES), "", text[start:end] * 2, text[random_.randrange(len(text) + 1) :][:9]]
        )
        text = text[:start] + middle + text[end:]
    body = text.encode("utf-8", "surrogatepass")
    if random_.random() < 0.1:
        body = body[: random_.randrange(len(body) + 1)] + bytes([random_.randrange(256)])
    return body


def read(folder: Path, body: bytes) -> Config | ConfigError:
    """The config in some bytes, or why they were refused. Like `config.load`, but for the file, which would be slow."""
    file = f"{folder}/tocsin.yaml"
    try:
        found = document.parse(document._decoded(body, file), file)
        return configs._Reading(found, folder, {"PORT": "1", "X": "s3cret-value"}).config()
    except ConfigError as error:
        return error


@pytest.mark.timeout(120)
def test_ten_thousand_broken_files_give_only_config_errors(tmp_path: Path):
    """R10. A seed that fails here can be looked at alone: `read(folder, mutated(seed))`."""
    good = 0
    for seed in range(10_000):
        answer = read(tmp_path, mutated(seed))
        good += isinstance(answer, Config)
        lines = str(answer).split("\n") if isinstance(answer, ConfigError) else []
        assert all(line.isprintable() and line.startswith(f"{tmp_path}/tocsin.yaml") for line in lines), seed
        assert not any("s3cret-value" in line for line in lines), seed
    assert 200 < good < 5_000


@given(st.text(alphabet=st.sampled_from("ab:-#'\"[]{},\n \t&*!|>%@`?0.~é")))
@settings(deadline=None, max_examples=300)
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str):
    try:
        found = document.parse(text, "f")
    except ConfigError as error:
        found = document.Document("f", errors=[error])
    lines = text.count("\n") + 1
    for error in found.errors:
        assert error.line is not None
        assert error.column is not None
        assert 1 <= error.line <= lines + 1  # what is missing is missing behind the end
    for spot in found.spots.values():
        assert 1 <= spot.line <= lines + 1


PLAIN = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("abcé ", max_size=5)


@given(
    st.recursive(
        PLAIN,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    )
)
@settings(deadline=None, max_examples=200)
def test_plain_values_come_back_as_they_were(value: object):
    """JSON is YAML: what was written is what is read."""
    found = document.parse(json.dumps(value, ensure_ascii=False), "f")
    assert (found.value, found.errors) == (value, [])
