"""Say of some posts of your own stream what they are about; see how right the labels are, and make them better.

Asks about posts that say most. Every answer counts at once; what is learned from them takes effect with the next
`tocsin run` or `tocsin relabel`. Without a terminal: --export questions, fill in `belongs`, --input answers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin import text
from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, existing, print_json

if TYPE_CHECKING:
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.label import Frame, Question
    from tocsin.state import State
    from tocsin.understanding import Judgement

SHOWN = 1000
"""Characters of a post that are shown."""

CategoryOption = Annotated[
    list[str] | None, typer.Option("--category", metavar="NAME", help="Only this category. Repeatable.")
]
CountOption = Annotated[int, typer.Option("--count", min=1, max=10_000, help="About how many posts to ask about.")]
DaysOption = Annotated[float | None, typer.Option("--days", min=0, help="Only posts of the last so many days.")]
InputOption = Annotated[Path | None, typer.Option("--input", metavar="FILE", help="Answers, one JSON object a line.")]
ExportOption = Annotated[Path | None, typer.Option("--export", metavar="FILE", help="Write the questions here.")]
ReportOption = Annotated[bool, typer.Option("--report", help="Ask nothing; show what the answers say, by day too.")]


def command(  # noqa: PLR0913 - one argument for each option that the command has
    category: CategoryOption = None,
    count: CountOption = 20,
    days: DaysOption = None,
    answers: InputOption = None,
    export: ExportOption = None,
    report: ReportOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    from datetime import timedelta

    from tocsin.runners import label
    from tocsin.runners.assemble import Assembly

    assembly = Assembly(existing(config, data_dir))
    since = None if days is None else assembly.clock.now() - timedelta(days=days)
    with closing(assembly.lake()) as lake, closing(assembly.state()) as state:
        if answers is not None:
            _take(assembly, state, answers)
        elif not report:
            frame = label.Frame(assembly, lake, since, category or ())
            asked = label.questions(frame, assembly.learned[0], count)
            if export is not None:
                _export(export, asked)
                return
            _ask(assembly, state, frame, asked)
        _learn(assembly, lake, state)
        frame = label.Frame(assembly, lake, since, category or ())
        _report(assembly, lake, frame, json=json, days=report)


def _learn(assembly: Assembly, lake: Any, state: State) -> None:
    from tocsin.runners.forgotten import forget_what_was_deleted
    from tocsin.runners.learn import learn

    forget_what_was_deleted(lake, state)
    assembly.__dict__.pop("learned", None)
    learn(assembly, lake, state)


def _export(file: Path, asked: list[Question]) -> None:
    import msgspec

    file.write_bytes(b"".join(msgspec.json.encode(question) + b"\n" for question in asked))
    typer.echo(f"{len(asked)} questions are in {file}: name in `belongs` what each is about, then --input {file}")


def _take(assembly: Assembly, state: State, file: Path) -> None:
    """Answers from a file: questions with `belongs` filled in."""
    taken = [one for line in _lines(file) for one in _judgements(assembly, file, *line)]
    state.understanding.judge(taken)
    typer.echo(f"Took {len(taken):,} answers about {len({one.uid for one in taken}):,} posts from {file}.", err=True)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        if line.strip():
            yield number, line


def _judgements(assembly: Assembly, file: Path, number: int, line: bytes) -> list[Judgement]:
    import msgspec

    from tocsin.errors import ConfigError
    from tocsin.runners.label import Question, answered

    try:
        question = msgspec.json.decode(line, type=Question)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"not an answer ({error})", file=str(file), line=number) from None
    names = {one.name for one in question.asked}
    if strange := set(question.belongs or ()) - names:
        hint = f"asked about were {', '.join(sorted(names)) or 'none'}"
        raise ConfigError(f"'{min(strange)}' was not asked about", file=str(file), line=number, hint=hint)
    return answered(question, assembly.clock.now(), "file")


def _ask(assembly: Assembly, state: State, frame: Frame, asked: list[Question]) -> None:
    from tocsin.runners.label import answered

    if not asked:
        typer.echo("There is no post left to ask about.", err=True)
        return
    descriptions = {one.name: one.description for one in frame.definitions}
    typer.echo(f"{len(asked)} posts. Each answer is kept at once; come back whenever you like.", err=True)
    for place, question in enumerate(asked, start=1):
        _show(place, len(asked), question, descriptions)
        answer = _answer([one.name for one in question.asked])
        if answer is None:
            return
        if answer != "skip":
            question.belongs = answer
            state.understanding.judge(answered(question, assembly.clock.now(), "label"))


def _show(place: int, of: int, question: Question, descriptions: dict[str, str | None]) -> None:
    who = f"@{question.author_handle} " if question.author_handle else ""
    when = f"{question.at:%Y-%m-%d %H:%M}" if question.at else ""
    typer.echo(f"\n({place}/{of}) {text.one_line(f'{who}{when}')}\n  {text.one_line(question.text, SHOWN)}\n", err=True)
    for number, one in enumerate(question.asked, start=1):
        said = descriptions.get(one.name)
        typer.echo(f"  {number} {text.one_line(one.name)}{f': {text.one_line(said)}' if said else ''}", err=True)


def _answer(names: list[str]) -> Any:
    """The names that belong, "skip", or None to end."""
    one = len(names) == 1
    prompt = "y yes, n no, s skip, q quit" if one else "numbers of those that fit, n none, s skip, q quit"
    while True:
        typer.echo(f"{prompt} > ", err=True, nl=False)
        line = sys.stdin.readline()
        if not line or line.strip().lower() == "q":
            return None
        given = line.strip().lower()
        if given == "s":
            return "skip"
        if given == "n":
            return []
        if one and given == "y":
            return names
        numbers = given.replace(",", " ").split()
        if numbers and all(number.isdigit() and 1 <= int(number) <= len(names) for number in numbers):
            return [names[int(number) - 1] for number in numbers]


def _report(assembly: Assembly, lake: Any, frame: Frame, *, json: bool, days: bool) -> None:
    from tocsin.runners.label import Report, corrected
    from tocsin.runners.learn import drift_in_words, moved

    report = Report(assembly, frame)
    daily = corrected(lake, report) if days else []
    if json:
        found = {"categories": report.qualities, "thresholds": assembly.learned[1]}
        print_json(found | ({"days": daily, "drift": moved(assembly, lake)} if days else {}))
        return
    if not report.qualities:
        typer.echo("There are no answers yet.")
    for quality in report.qualities:
        typer.echo(
            f"{text.one_line(quality.category)}: precision {_range(quality.precision)}, "
            f"recall {_range(quality.recall)} ({quality.answers} answers, {quality.belong} belong)"
        )
        if quality.gained or quality.lost:
            typer.echo(
                f"  when asked: precision {_range(quality.asked_precision)}, recall {_range(quality.asked_recall)}; "
                f"since then corrections gave it {quality.gained:,} posts and took {quality.lost:,}, of "
                f"{frame.posts.num_rows:,} looked at; `tocsin relabel` does so in the lake"
            )
    for day in daily:
        really = f"really {_range(day.corrected, '.0f')}" if day.corrected else "cannot be corrected"
        typer.echo(f"{day.day} {text.one_line(day.category)}: {day.labelled:,} labelled, {really}")
    if days and (said := drift_in_words(assembly, lake)):
        typer.echo(f"warning: {said}", err=True)


def _range(estimate: Any, form: str = ".2f") -> str:
    return f"{estimate.value:{form}} [{estimate.low:{form}}-{estimate.high:{form}}]"
