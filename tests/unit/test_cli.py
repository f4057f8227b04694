"""The command line: found on disk, loaded when used, and one place for errors and exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tocsin import __version__, cli
from tocsin.errors import ConfigError, Corrupt, Locked

HEAVY = ("torch", "boto3", "duckdb", "pyarrow", "deltalake", "aiohttp", "numpy", "sqlalchemy", "pydantic", "rich")


def tocsin(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


def process(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tocsin", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environ, check=False, timeout=60)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """A command that raises what it is given: `failing(error)` gives the result of running it."""
    import tocsin.cli.schema as module

    def run(error: BaseException) -> Result:
        def command() -> None:
            raise error

        monkeypatch.setattr(module, "command", command)
        return tocsin("schema")

    return run


@pytest.mark.parametrize("name", cli.names())
def test_every_command_has_help(name: str):
    result = tocsin(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: root {name}" in result.output or f" {name} [" in result.output
    first = cli._first_line(cli._file(name))
    assert first[:60] in result.output.replace("\n  ", " ")
    assert first.endswith(".")


def test_the_help_lists_every_command_with_the_first_line_of_its_file():
    output = tocsin("--help").output
    for name in cli.names():
        assert f"\n  {name} " in output
        assert cli._first_line(cli._file(name))[:25] in output


def test_the_commands_of_the_contract_are_there():
    assert {"check", "deadletter", "doctor", "init", "schema", "tap"} <= set(cli.names())


def test_commands_of_commands_have_help_too():
    result = tocsin("deadletter", "--help")
    assert all(f"\n  {name} " in result.output for name in ("list", "show", "replay", "drop"))
    assert "Delete dead letters for good." in tocsin("deadletter", "drop", "--help").output


def test_the_version_is_printed():
    result = tocsin("--version")
    assert (result.exit_code, result.output) == (0, f"tocsin {__version__}\n")


def test_a_wrong_command_line_ends_with_2_and_says_what_was_meant():
    result = tocsin("chek")
    assert result.exit_code == 2
    assert "Did you mean 'check'" in result.stderr
    assert tocsin("check", "--no-such").exit_code == 2
    assert tocsin("tap", "nowhere").exit_code == 2


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("bad", file="a.yaml", line=3, column=7, hint="good"), 78, "a.yaml:3:7: bad (good)"),
        (ConfigError("bad"), 78, "tocsin: bad"),
        (Locked("in use by 7"), 1, "tocsin: in use by 7"),
        (Corrupt("torn"), 1, "tocsin: torn"),
        (PermissionError(13, "Permission denied", "/x"), 1, "tocsin: Permission denied: /x"),
        (OSError(28, "No space left on device"), 1, "tocsin: No space left on device"),
        (KeyError("a\nb"), 1, r"tocsin: a bug, please report it: KeyError: 'a\nb' (TOCSIN_DEBUG=1 shows where)"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(failing, error: Exception, code: int, line: str):
    result = failing(error)
    assert (result.exit_code, result.stderr, result.stdout) == (code, f"{line}\n", "")


def test_an_interrupt_ends_with_130(failing):
    assert failing(KeyboardInterrupt()).exit_code == 130


def test_the_traceback_is_for_those_who_ask(failing, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOCSIN_DEBUG", "1")
    assert isinstance(failing(KeyError("a")).exception, KeyError)


def test_a_failure_in_a_real_process_has_no_traceback(tmp_path: Path):
    result = process("check", "-c", str(tmp_path / "no.yaml"))
    assert result.returncode == 78
    assert result.stderr.count("\n") == 1
    assert "no such file" in result.stderr


def test_a_reader_that_goes_away_is_no_error():
    command = f"{sys.executable} -m tocsin schema | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert (result.stdout, result.stderr) == ("{\n", "")


def test_nothing_is_coloured_for_a_file():
    for environ in ({}, {"FORCE_COLOR": "1", "NO_COLOR": "1"}):
        result = process("chek", **environ)
        assert (result.returncode, result.stdout) == (2, "")
        assert "\x1b" not in result.stderr


def test_text_that_a_terminal_cannot_show_is_escaped(tmp_path: Path):
    (tmp_path / "☃.yaml").write_text("lateness: 5m")
    result = process("check", "-c", str(tmp_path / "☃.yaml"), PYTHONIOENCODING="latin-1")
    assert result.returncode == 0
    assert r"\u2603.yaml: good" in result.stdout


def loaded(code: str) -> set[str]:
    """Which of the heavy libraries are loaded after some code."""
    script = f"import sys\n{code}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(result.stdout.splitlines()[-1].split())


def test_import_and_help_load_nothing_heavy():
    assert loaded("import tocsin") == set()
    help_of = "from tocsin.cli import app\ntry: app([{!r}])\nexcept SystemExit: pass"
    assert loaded(help_of.format("--help")) == set()
    assert loaded(help_of.format("--version")) == set()


@pytest.mark.parametrize("name", cli.names())
def test_the_help_of_a_command_loads_nothing_heavy(name: str):
    code = f"from tocsin.cli import app\ntry: app([{name!r}, '--help'])\nexcept SystemExit: pass"
    assert loaded(code) & {"duckdb", "pyarrow", "deltalake", "aiohttp", "torch", "boto3"} == set()


def test_a_command_named_like_a_word_of_pythons_has_an_underscore_in_its_file(tmp_path: Path, monkeypatch):
    (tmp_path / "import_.py").write_text('"""Bring things in."""\ndef command() -> None: print("in")\n')
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "__init__.py"))
    assert "import" in cli.names()
    assert cli._file("import").name == "import_.py"
