"""`tocsin evaluate nlp` on small invented sets in the real formats."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tocsin.component import Label
from tocsin.errors import ConfigError
from tocsin.evaluate import _corpora, _zero_shot, nlp


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two or three posts for each set."""
    folder = tmp_path / "data"
    for name in (
        "newyear",
        "clinc150",
        "goemotions",
        "crisislex/T26/x",
        "airline",
        "tweeteval_sentiment",
        "wnut17",
        "btc",
    ):
        (folder / name).mkdir(parents=True)
    posts = ["Career,a new job", "Finance,save money"] * 2
    (folder / "newyear/dev.csv").write_text("Resolution_Category,text\n" + "\n".join(posts))
    intents = {"test": [["move money to savings", "transfer"]] * 3, "oos_test": [["how tall is the tower", "oos"]]}
    (folder / "clinc150/data_full.json").write_text(json.dumps(intents))
    (folder / "goemotions/labels.txt").write_text("joy\nanger\nneutral")
    (folder / "goemotions/test.tsv").write_text("I am so happy\t0\ta\nthis makes me furious\t1\tb\nit is noon\t2\tc\n")
    row = '"1","we pray for the victims","x","Sympathy and support","Related and informative"\n'
    (folder / "crisislex/T26/x/x-tweets_labeled.csv").write_text(
        row + '"2","nice shoes","x","Not labeled","Not related"\n'
    )
    (folder / "airline/tweets.csv").write_text("text,negativereason\nmy bag is lost,Lost Luggage\nthank you,\n")
    (folder / "tweeteval_sentiment/val_text.txt").write_text("I hate it\nit is noon\nI love it\n")
    (folder / "tweeteval_sentiment/val_labels.txt").write_text("0\n1\n2\n")
    for file in ("wnut17/emerging.dev.conll", "btc/btc.dev"):
        (folder / file).write_text(
            "Tim\tB-person\nCook\tI-person\nsmiles\tO\n\n".replace("person", "PER" if "btc" in file else "person")
        )
    return folder


def test_every_task_is_judged(data: Path) -> None:
    figures = nlp.run(data)
    assert set(figures["categories"]) == set(_zero_shot.SETS)
    assert figures["categories"]["newyear"]["best"] == 1.0
    assert figures["sentiment"]["tweeteval_validation"]["macro_recall"] == 1.0
    assert figures["entities"]["btc_dev"]["spaced"]["PER"]["f1"] == 1.0


def test_missing_data_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no .*nowhere.*--set data=FOLDER"):
        nlp.run(tmp_path / "nowhere")


class Told:
    """A model whose scores are told: two labels."""

    id = "told"
    languages = None
    thresholds = np.array([0.5, 0.5], np.float32)

    def __init__(self, scores: list[list[float]]) -> None:
        self._scores = np.array(scores, np.float32)

    def classifier(self, labels: object) -> Told:
        return self

    def scores(self, texts: object) -> object:
        return self._scores


def test_figures_are_what_they_are_called() -> None:
    labels = (Label("a"), Label("b"))
    labelled = _zero_shot.LabelledSet("x", ["1", "2", "3", "4"], labels, ["a", "b", "b", "other"])
    figures = _zero_shot.judge(Told([[0.9, 0.1], [0.2, 0.8], [0.4, 0.3], [0.1, 0.45]]), labelled)
    assert figures["best"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert figures["with_other"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert (figures["other_precision"], figures["other_recall"]) == (0.5, 1.0)
    assert figures["other_auroc"] == pytest.approx(2 / 3)


def test_the_area_under_the_curve_counts_ties_by_half() -> None:
    assert _zero_shot.auroc(np.array([1, 2, 2, 3], np.float32), [False, False, True, True]) == 0.875
    assert _zero_shot.auroc(np.array([1, 1], np.float32), [True, False]) == 0.5


def test_semeval_is_read_with_its_escapes(tmp_path: Path) -> None:
    (tmp_path / "semeval2017").mkdir()
    (tmp_path / "semeval2017/twitter-2013x-A.txt").write_text("1\tpositive\tI\\u2019m fine &amp; well\n2\tbroken\n")
    assert list(_corpora.semeval(tmp_path)) == [("1", "positive", "I’m fine & well")]
