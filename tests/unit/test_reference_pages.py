"""docs/reference/config.md and cli.md say what the program does: `python tools/docs.py` writes them anew."""

import re
from pathlib import Path

import pytest
from tools import docs

from tocsin import cli, load
from tocsin.config import load as load_config

CONFIG = (docs.REFERENCE / "config.md").read_text(encoding="utf-8")
CLI = (docs.REFERENCE / "cli.md").read_text(encoding="utf-8")


def test_the_page_of_the_config_is_current():
    assert docs.config_page() == CONFIG, "run: python tools/docs.py"


def test_the_page_of_the_command_line_is_current():
    assert docs.cli_page() == CLI, "run: python tools/docs.py"


def test_every_component_and_every_key_is_on_the_page():
    for stage in ("sources", "queues", "lakes", "notifiers", "enrichers"):
        for name in load.names(stage):
            section = CONFIG.split(f"### `{name}`")
            assert len(section) > 1
            config = load.component(stage, name).config_class
            keys = {field.alias or name for name, field in config.model_fields.items()}
            for key in keys - {"type"} - config.takes:
                assert any(f"| `{key}` |" in part.split("\n## ")[0] for part in section[1:]), f"{stage} {name} {key}"


def test_every_command_is_on_the_page():
    for name in cli.names():
        assert f"## `tocsin {name}`\n" in CLI
    assert ("deadletter", "replay") in set(docs.commands())


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", CONFIG, re.DOTALL))
def test_the_examples_can_be_used(tmp_path: Path, block: str):
    (tmp_path / "tocsin.yaml").write_text(block)
    assert load_config(tmp_path / "tocsin.yaml", {}).warnings == ()


def test_figures_are_written_as_people_write_them():
    assert [docs._duration(seconds) for seconds in (0.25, 60, 90, 5400, 172800)] == ["0.25s", "1m", "90s", "90m", "2d"]
    assert [docs._size(size) for size in (0, 1000, 1024, 3 * 2**30)] == ["0 B", "1000 B", "1 KiB", "3 GiB"]
