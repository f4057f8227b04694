"""What the documentation shows is true: code runs, configs are good, commands exist, links lead somewhere.

That the generated pages are current and name every key and command is tests/unit/test_reference_pages.py.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.helpers import pages
from tests.helpers.pages import PAGES, ROOT, Block

from tocsin import __version__, cli, load
from tocsin.config import load as load_config
from tocsin.telemetry import METRICS

CONFIG_KEYS = r"^(data_dir|watches|sources|categories|places|enrich|alerts|server|lateness|queue|lake):"
SHELL = ("sh", "console", "bash")
BEFORE_A_COMMAND = re.compile(r"[A-Z_][A-Z0-9_]*=\S*|sudo|-u|exec|time|nohup|!|while|until|if|do|then|else")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", [page for page in PAGES if pages.blocks(page, "python")])
def test_the_python_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name, content in pages.named_files(page).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    names: dict[str, Any] = {"__name__": "page"}
    for block in pages.blocks(page, "python"):
        exec(compile("\n" * (block.line - 1) + block.code, str(ROOT / page), "exec"), names)


@pytest.mark.parametrize(
    "block", [block for block in pages.all_blocks("yaml") if re.search(CONFIG_KEYS, block.code, re.MULTILINE)], ids=str
)
def test_a_config_on_a_page_is_good(block: Block, tmp_path: Path):
    environ = dict.fromkeys(re.findall(r"\$\{env:(\w+)\}", block.code), "a value of the environment")
    (tmp_path / "tocsin.yaml").write_text(block.code, encoding="utf-8")
    config = load_config(tmp_path / "tocsin.yaml", environ)
    assert [str(warning) for warning in config.warnings if "there are no sources" not in str(warning)] == []


def commands(block: Block) -> list[list[str]]:
    """The simple commands in a block of shell, each as its words, without what stands before and behind them."""
    code = block.code
    if block.language == "console":
        code = "\n".join(line[2:] for line in code.splitlines() if line.startswith("$ "))
    code = re.sub(r"<<'(\w+)'.*?^\1$", "", code, flags=re.MULTILINE | re.DOTALL).replace("\\\n", " ")
    found = []
    for line in code.splitlines():
        inner = re.findall(r"\$\(([^()]*)\)", line)
        for piece in (*inner, re.sub(r"\$\([^()]*\)", "substituted", line)):
            lexer = shlex.shlex(piece, posix=True, punctuation_chars=";|&<>")
            lexer.commenters, lexer.whitespace_split = "#", True
            words: list[str] = []
            for word in lexer:
                if set(word) <= set(";|&<>"):
                    found.append(words)
                    words = [] if not set(word) & set("<>") else ["a file"]
                else:
                    words.append(word)
            found.append(words)
    return [_less_what_stands_before(words) for words in found if words]


def _less_what_stands_before(words: list[str]) -> list[str]:
    while words and BEFORE_A_COMMAND.fullmatch(words[0]):
        words = words[2:] if words[0] == "-u" else words[1:]
    return words


def assert_known(arguments: list[str]) -> None:
    """Parse a command line as the program would, without running it."""
    name, *rest = arguments
    if name.startswith("-"):
        assert name in ("--help", "--version")
        return
    assert name in cli.names(), f"there is no command {name}"
    command = cli._imported(name)
    inner = getattr(command, "commands", None)
    if inner is not None and rest and not rest[0].startswith("-"):
        assert rest[0] in inner, f"there is no command {name} {rest[0]}"
        command, rest = inner[rest[0]], rest[1:]
    try:
        command.make_context(name, rest)
    except typer.Exit:
        assert "--help" in rest


@pytest.mark.parametrize("block", pages.all_blocks(*SHELL), ids=str)
def test_the_commands_of_a_page_exist(block: Block):
    for words in commands(block):
        if words and Path(words[0]).name == "tocsin":
            assert_known(words[1:])
        if words and words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= TARGETS


def test_a_wrong_command_line_would_be_seen():
    for wrong in (["rum"], ["run", "--onyl", "ingest"], ["alerts", "lits"], ["tap", "nowhere"], ["query"]):
        with pytest.raises((AssertionError, typer.TyperException)):
            assert_known(wrong)
    block = Block(
        "",
        1,
        "sh",
        'A=1 tocsin query "a | b" -c x.yaml | head > out  # not this\nuntil sudo -u me tocsin run; do :; done\n',
    )
    assert [words for words in commands(block) if words[:1] == ["tocsin"]] == [
        ["tocsin", "query", "a | b", "-c", "x.yaml"],
        ["tocsin", "run"],
    ]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str):
    for link in pages.links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in pages.anchors(target.resolve().relative_to(ROOT).as_posix()), f"{page} links to {link}"


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for link in pages.links(page):
            if ":" in link:
                continue
            path = ((ROOT / page).parent / link.partition("#")[0]).resolve()
            if path.suffix == ".md" and path.is_relative_to(ROOT):
                waiting += {path.relative_to(ROOT).as_posix()} - reached
    assert set(PAGES) - reached == set()


@pytest.mark.parametrize("page", PAGES)
def test_paths_named_in_backticks_exist(page: str):
    for path in re.findall(r"`((?:src|tests|docs|examples|tools)/[\w./-]*\w)`", pages.prose(page)):
        assert (ROOT / path).exists(), f"{page} names {path}"


def test_every_component_has_a_place_in_the_reference():
    reference = "".join(pages.text(page) for page in PAGES if page.startswith("docs/reference/"))
    headings = set(re.findall(r"^#+ .*", reference, re.MULTILINE))
    for stage in load.STAGES:
        for name in load.names(stage):
            assert any(re.search(rf"\b{name}\b", heading) for heading in headings), f"{stage}/{name}.py"


def test_every_metric_is_documented_and_no_other():
    page = pages.text("docs/reference/telemetry.md")
    table = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", page, re.MULTILINE)}
    expected = {
        metric.name: (metric.kind, ", ".join(f"`{label}`" for label in metric.labels) or "–") for metric in METRICS
    }
    assert table == expected
    for other in PAGES:
        named = set(re.findall(r"\btocsin_[a-z_]+\b(?=[{ `(])", pages.text(other)))
        metrics = {name for name in named if name.endswith(("_total", "_seconds", "_events", "_rows"))}
        assert metrics <= set(expected), other


def test_decisions_are_numbered_without_gaps():
    numbers = []
    for page in PAGES:
        if page.startswith("docs/decisions/"):
            number = int(Path(page).name[:4])
            assert re.match(rf"# {number}\. \S.*\n\n\*20\d\d-\d\d-\d\d\*\n", pages.text(page)), page
            numbers.append(number)
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_changelog_begins_with_this_version():
    assert re.findall(r"^## (\S+)", pages.text("CHANGELOG.md"), re.MULTILINE)[0] == __version__


def test_the_index_of_the_documentation_names_every_page():
    linked = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in pages.links("docs/README.md")}
    assert {ROOT / page for page in PAGES if page.startswith("docs/")} - linked == {ROOT / "docs" / "README.md"}
