"""Loading by type name: files on disk, plug-ins by entry point, and nothing else."""

import textwrap
from pathlib import Path

import pytest

import tocsin.sources
from tocsin import load
from tocsin.errors import ConfigError

COMPONENT = """
    from tocsin.options import Options

    class Config(Options):
        size: int = 1

    class {name}:
        def __init__(self, config, context):
            self.config, self.context = config, context
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder whose files are sources, as if they stood in `tocsin/sources/`."""
    folder = tmp_path / "sources"
    folder.mkdir()
    monkeypatch.setattr(tocsin.sources, "__path__", [*tocsin.sources.__path__, str(folder)])
    return folder


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Installs a distribution "Flood 2.1" whose entry points of `tocsin.sources` are given."""

    def install(entries: str, **modules: str) -> None:
        info = tmp_path / "site" / "flood-2.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Flood\nVersion: 2.1\n")
        (info / "entry_points.txt").write_text(f"[tocsin.sources]\n{entries}\n")
        for name, code in modules.items():
            (info.parent / f"{name}.py").write_text(textwrap.dedent(code))
        monkeypatch.syspath_prepend(str(info.parent))
        load._plugins.cache_clear()

    yield install
    load._plugins.cache_clear()


def write(folder: Path, file: str, code: str) -> None:
    (folder / file).write_text(textwrap.dedent(code))


def test_a_file_is_a_component_and_its_class_is_its_name_in_camel_case(folder: Path):
    write(folder, "tl_my_feed2.py", COMPONENT.format(name="TlMyFeed2"))
    loaded = load.component("sources", "tl_my_feed2")
    assert (loaded.config_class.__name__, loaded.component_class.__name__) == ("Config", "TlMyFeed2")
    built = load.build("sources", "tl_my_feed2", loaded.config_class(), "context")  # type: ignore[arg-type]
    assert (built.config.size, built.context) == (1, "context")


def test_names_are_sorted_and_without_helpers(folder: Path):
    for file in ("tl_b.py", "tl_a.py", "_tl_helper.py"):
        write(folder, file, "")
    names = load.names("sources")
    assert [name for name in names if "tl_" in name] == ["tl_a", "tl_b"]
    assert names == sorted(names)


def test_every_file_on_disk_can_be_loaded():
    for stage in load.STAGES:
        for name in load.names(stage):
            assert load.component(stage, name).component_class.__name__.lower() == name.replace("_", "")


@pytest.mark.parametrize(
    "name",
    [
        "os.system", "os", "tocsin.sources.file", "..queues.sqlite", "_unpack", "__init__", "File", "file ", "",
        "file\n", "subprocess:Popen", "a/b", "é", "tl_helper",
    ],
)  # fmt: skip
def test_no_name_reaches_anything_but_a_component(folder: Path, name: str):
    """S15: what a config names can never be a class, a module path or a helper."""
    write(folder, "_tl_helper.py", COMPONENT.format(name="TlHelper"))
    with pytest.raises(ConfigError, match="no source has the type"):
        load.component("sources", name)


def test_a_dotted_plugin_name_is_not_taken_either(plugin):
    plugin("os.path = flood_ok", flood_ok=COMPONENT.format(name="Path"))
    with pytest.raises(ConfigError, match=r"no source has the type 'os\.path'"):
        load.component("sources", "os.path")


def test_an_unknown_type_is_answered_with_what_there_is(folder: Path):
    write(folder, "tl_feed.py", COMPONENT.format(name="TlFeed"))
    with pytest.raises(ConfigError) as caught:
        load.component("sources", "tl_fed")
    assert caught.value.hint == "did you mean 'tl_feed'?"
    assert ", ".join(load.names("sources")) in caught.value.message


def test_an_unknown_type_is_shown_in_one_harmless_line():
    with pytest.raises(ConfigError) as caught:
        load.component("sources", "a\x1b[31m\n" + "x" * 500)
    assert r"a\x1b[31m\nxxx" in str(caught.value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_an_unknown_stage_is_a_bug():
    with pytest.raises(ValueError, match="no such stage"):
        load.names("os")


def test_a_missing_library_is_named_with_the_pip_line(folder: Path, monkeypatch: pytest.MonkeyPatch):
    requires = ["aiohttp>=3", 'tl-absent-py>=2; extra == "absent"', 'other; extra == "other"']
    monkeypatch.setattr(load.metadata, "requires", lambda name: requires)
    write(folder, "tl_cloud.py", "import tl_absent.inner\n")
    with pytest.raises(ConfigError) as caught:
        load.component("sources", "tl_cloud")
    assert str(caught.value) == (
        "the source 'tl_cloud' needs the library tl_absent, which is not installed (pip install 'tocsin[absent]')"
    )


def test_a_missing_library_without_an_extra_is_named_itself(folder: Path):
    write(folder, "tl_odd.py", "import tl_absent_too\n")
    with pytest.raises(ConfigError, match=r"pip install 'tl-absent-too'"):
        load.component("sources", "tl_odd")


def test_a_missing_module_of_our_own_is_a_bug_and_not_hidden(folder: Path):
    write(folder, "tl_broken.py", "import tocsin.nothing_of_that_name\n")
    with pytest.raises(ModuleNotFoundError):
        load.component("sources", "tl_broken")


def test_a_plugin_is_found_by_its_entry_point(plugin):
    plugin("tl_flood = flood_module", flood_module=COMPONENT.format(name="TlFlood"))
    assert "tl_flood" in load.names("sources")
    assert load.component("sources", "tl_flood").component_class.__name__ == "TlFlood"


def test_a_plugin_cannot_take_the_place_of_a_component_of_ours(plugin, folder: Path):
    write(folder, "tl_ours.py", COMPONENT.format(name="TlOurs"))
    plugin("tl_ours = flood_theirs", flood_theirs=COMPONENT.format(name="TlOurs"))
    assert load.component("sources", "tl_ours").component_class.__module__ == "tocsin.sources.tl_ours"
    assert load.names("sources").count("tl_ours") == 1


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise RuntimeError('no\\nluck')", r"RuntimeError: no\nluck"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def (", "SyntaxError: "),
        ("import tl_nowhere", "ModuleNotFoundError: No module named 'tl_nowhere'"),
    ],
)
def test_a_plugin_that_fails_to_load_is_named_in_one_line(plugin, code: str, why: str):
    plugin("tl_bad = flood_bad", flood_bad=code)
    with pytest.raises(ConfigError) as caught:
        load.component("sources", "tl_bad")
    text = str(caught.value)
    assert text.startswith("the plug-in 'tl_bad' of Flood 2.1 (flood_bad) cannot be loaded: ")
    assert why in text
    assert text.isprintable()


def test_a_plugin_that_is_no_module_is_refused(plugin):
    plugin("tl_class = flood_class:TlClass", flood_class=COMPONENT.format(name="TlClass"))
    with pytest.raises(ConfigError, match="flood_class:TlClass is not a module"):
        load.component("sources", "tl_class")


def test_a_module_without_its_model_or_class_is_refused(folder: Path):
    write(folder, "tl_bare.py", "class TlBare: pass\n")
    with pytest.raises(ConfigError, match=r"'tl_bare' \(tocsin.sources.tl_bare\) has no model Config"):
        load.component("sources", "tl_bare")
    write(folder, "tl_loose.py", COMPONENT.format(name="Other"))
    with pytest.raises(ConfigError, match=r"has no class TlLoose"):
        load.component("sources", "tl_loose")
