"""Asking, answering, learning from it: on a lake of invented posts whose truth is known."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import shop
from tests.helpers.rows import START, row, table
from tests.helpers.world import World
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.runners import label
from tocsin.runners.assemble import Assembly
from tocsin.runners.forgotten import forget_what_was_deleted
from tocsin.runners.learn import learn, moved
from tocsin.understanding import Judgement

runner = CliRunner()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    shop.fill(folder)
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "copy"))


def tocsin(folder: Path, *arguments: str, typed: str = "") -> Any:
    return runner.invoke(app, [*arguments, "-c", str(folder / "tocsin.yaml")], input=typed)


def judgements(folder: Path) -> list[Judgement]:
    with World(folder) as world:
        return world.state.understanding.judgements()


def answer_truly(folder: Path, count: int) -> dict[str, Any]:
    """Export questions, fill in the truth, give the answers; what the command says."""
    file = folder / "questions.jsonl"
    assert tocsin(folder, "label", "--export", str(file), "--count", str(count)).exit_code == 0
    questions = [json.loads(line) for line in file.read_text().splitlines()]
    for question in questions:
        question["belongs"] = shop.truth(question["text"])
    file.write_text("".join(json.dumps(question) + "\n" for question in questions))
    done = tocsin(folder, "label", "--input", str(file), "--json", "--report")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_answers_from_a_file_tell_how_right_the_labels_are(folder: Path) -> None:
    found = answer_truly(folder, 40)
    assert {one["category"] for one in found["categories"]} == {"login", "refund"}
    for one in found["categories"]:
        assert one["answers"] == pytest.approx(40, abs=1)
        assert 0 <= one["precision"]["low"] < one["precision"]["value"] < one["precision"]["high"] <= 1
    assert {one["category"]: one["judged"] for one in found["thresholds"]}["login"] >= 39
    assert found["days"]
    assert all(day["labelled"] <= day["posts"] for day in found["days"])


def test_the_truth_lies_in_the_intervals(folder: Path) -> None:
    found = answer_truly(folder, 60)
    with World(folder) as world:
        assembly = Assembly(world.assembly.config, world.clock)
        frame = label.Frame(assembly, world.lake, None)
        texts = frame.posts.column("text").to_pylist()
    for number, one in enumerate(found["categories"]):
        truth = [one["category"] in shop.truth(text) for text in texts]
        given = frame.labelled[:, number].tolist()
        both = sum(a and b for a, b in zip(truth, given, strict=True))
        assert one["precision"]["low"] - 0.01 <= both / sum(given) <= one["precision"]["high"] + 0.01
        assert one["recall"]["low"] <= both / sum(truth) <= one["recall"]["high"] + 0.01


def test_a_person_answers_and_comes_back(folder: Path) -> None:
    first = tocsin(folder, "label", typed="1\nx\nn\nq\n")
    assert first.exit_code == 0, first.output
    assert "numbers of those that fit" in first.output
    kept = judgements(folder)
    assert len({one.uid for one in kept}) == 2
    assert [one.belongs for one in kept].count(True) == 1
    assert {one.by for one in kept} == {"label"}
    again = tocsin(folder, "label", typed="s\n2\n")
    assert again.exit_code == 0
    assert len({one.uid for one in judgements(folder)}) == 3


def test_one_category_is_a_matter_of_yes_and_no(folder: Path) -> None:
    done = tocsin(folder, "label", "--category", "login", typed="y\nn\nq\n")
    assert "y yes, n no, s skip, q quit" in done.output
    assert sorted(one.belongs for one in judgements(folder)) == [False, True]


def test_no_post_is_asked_about_twice(folder: Path) -> None:
    answer_truly(folder, 30)
    before = {one.uid for one in judgements(folder)}
    answer_truly(folder, 30)
    assert len({one.uid for one in judgements(folder)}) == pytest.approx(2 * len(before), abs=2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"uid": 1}', "not an answer"),
        ("\ufeff[", "not an answer"),
        ('{"uid":"a","text":"b","source":"c","asked":[],"belongs":["nonsense"]}', "'nonsense' was not asked about"),
    ],
)
def test_a_bad_answer_is_refused_with_its_place_and_nothing_is_kept(folder: Path, line: str, said: str) -> None:
    good = {"uid": "news:1", "text": "t", "source": "news", "asked": [{"name": "login", "said": True, "weight": 2.0}]}
    file = folder / "answers.jsonl"
    file.write_text(json.dumps(good | {"belongs": []}) + "\n" + line + "\n")
    done = tocsin(folder, "label", "--input", str(file))
    assert done.exit_code == 78
    assert said in done.output
    assert "answers.jsonl:2" in done.output
    assert judgements(folder) == []


def test_an_unknown_category_is_refused(folder: Path) -> None:
    done = tocsin(folder, "label", "--category", "logon")
    assert done.exit_code == 78
    assert "there is no category 'logon'" in done.output


def judgement(uid: str, belongs: bool = True, **values: Any) -> Judgement:
    base = {"category": "login", "text": f"text of {uid}", "source": "news", "at": START, "by": "test"}
    return Judgement(uid=uid, belongs=belongs, **{**base, **values})


def test_what_was_said_teaches_the_category(folder: Path) -> None:
    with World(folder) as world:
        world.state.understanding.judge([judgement("news:1"), judgement("news:2", False), judgement("news:1", False)])
        world.assembly.__dict__.pop("learned", None)
        login, refund = world.assembly.categories().categories
    assert (login.examples, login.counterexamples) == ((), ("text of news:1", "text of news:2"))
    assert (refund.examples, refund.counterexamples) == ((), ())


def test_thresholds_are_learned_once_and_the_same_each_time(folder: Path) -> None:
    with World(folder) as world:
        first = learn(world.assembly, world.lake, world.state)
        assert {one.category for one in first} == {"login", "refund"}
        assert {one.posts for one in first} == {1_500}
        assert learn(world.assembly, world.lake, world.state) == []
        assert learn(world.assembly, world.lake, world.state, again=True) == first
        used = {one.name: one.learned for one in world.assembly.categories().categories}
        assert used == {one.category: {one.model: one.value} for one in first}


def test_the_config_s_own_threshold_wins_and_few_posts_teach_nothing(folder: Path, tmp_path: Path) -> None:
    with World(folder, shop.YAML.replace("{name: login,", "{name: login, threshold: 0.5,")) as world:
        assert {one.category for one in learn(world.assembly, world.lake, world.state)} == {"refund"}
    (tmp_path / "few").mkdir()
    shop.fill(tmp_path / "few", 500)
    with World(tmp_path / "few") as world:
        assert learn(world.assembly, world.lake, world.state) == []


def test_an_edited_definition_is_learned_anew(folder: Path) -> None:
    with World(folder) as world:
        learn(world.assembly, world.lake, world.state)
    with World(folder, shop.YAML.replace("people cannot log in", "nobody can log in")) as world:
        assert {one.category for one in learn(world.assembly, world.lake, world.state)} == {"login"}


def test_drift_is_noticed_and_sameness_is_not(folder: Path) -> None:
    with World(folder) as world:
        learn(world.assembly, world.lake, world.state)
        assert all(index < 0.1 for index in moved(world.assembly, world.lake).values())
        texts = [f"cannot log in to my account, password {n}" for n in range(2_000)]
        rows = [row(1_501 + n, 90_000 + n, text=text, categories=None, watches=[]) for n, text in enumerate(texts)]
        world.lake.append(table(rows), world.queue.uuid, rows[-1]["seq"])
        assert moved(world.assembly, world.lake)["login"] > 1
    said = tocsin(folder, "label", "--report").output
    assert "recent posts are not what they were" in said


def test_forgetting_reaches_what_people_said(folder: Path) -> None:
    with World(folder) as world:
        told = world.state.understanding
        told.judge([judgement(f"news:{n}", author_id=f"a{n}") for n in range(1, 5)])
        with world.state.transaction() as tx:
            assert tx.forget({"news:1"}, {("news", "a2"), ("other", "a3")}) == 2
        assert [one.uid for one in told.judgements()] == ["news:3", "news:4"]
        late = row(1_501, 99_999, kind="delete", uid="news:3", note="post")
        world.lake.append(table([late]), world.queue.uuid, 1_501)
        assert forget_what_was_deleted(world.lake, world.state) == 1
        assert [one.uid for one in told.judgements()] == ["news:4"]


def test_corrections_change_labels_and_the_report_says_how(folder: Path) -> None:
    answer_truly(folder, 200)
    with World(folder) as world, closing(world.assembly.lake()) as lake:
        assembly = Assembly(world.assembly.config, world.clock)
        report = label.Report(assembly, label.Frame(assembly, lake, None))
    assert any(one.gained or one.lost for one in report.qualities)
    assert all(one.precision.value >= 0.8 for one in report.qualities)
    assert all(one.recall.value >= 0.6 for one in report.qualities)


def test_doctor_says_whether_the_stream_is_the_same(folder: Path) -> None:
    assert "stream" not in tocsin(folder, "doctor").output
    with World(folder) as world:
        learn(world.assembly, world.lake, world.state)
    assert "ok    stream     recent posts are like those it learned from" in tocsin(folder, "doctor").output


def test_without_answers_there_is_nothing_to_correct(folder: Path) -> None:
    found = json.loads(tocsin(folder, "label", "--report", "--json").stdout)
    assert (found["categories"], found["days"]) == ([], [])
    assert "There are no answers yet." in tocsin(folder, "label", "--report").output
