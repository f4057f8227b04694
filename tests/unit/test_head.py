"""What examples do to a category's direction, on invented directions whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.component import Label
from tocsin.models._classifier import EmbeddedClassifier
from tocsin.models._head import learned_direction
from tocsin.models._table import WIDTH, Floats, directions

COMMON, TOPIC, OTHER, SAID = (np.eye(WIDTH, dtype=np.float32)[n] for n in range(4))


def texts(count: int, topic: Floats, common: float, seed: int) -> Floats:
    """Texts of a stream in which all have something in common, and some a topic."""
    chance = np.random.default_rng(seed)
    return directions(common * COMMON + topic + chance.standard_normal((count, WIDTH)).astype(np.float32) / 2)


def separation(direction: Floats, common: float) -> float:
    """How often a post on the topic scores above one that is not."""
    inside, outside = texts(300, TOPIC, common, 1), texts(300, OTHER, common, 2)
    return float(np.mean((inside @ direction)[:, None] > (outside @ direction)[None, :]))


@pytest.mark.parametrize("common", [0.0, 1.0, 3.0])
def test_what_all_posts_share_counts_for_nothing(common: float) -> None:
    """A prototype follows it, and is worse than the description from a few examples on."""
    description = directions((SAID + 0.2 * TOPIC)[None])[0]
    learned = learned_direction(description, texts(16, TOPIC, common, 3), texts(16, OTHER, common, 4))
    assert separation(learned, common) > max(separation(description, common), 0.65)
    assert abs(float(learned @ COMMON)) < 0.3


def test_few_examples_leave_it_near_the_description_and_many_do_not() -> None:
    others = texts(64, OTHER, 0.5, 5)
    few, many = (float(learned_direction(SAID, texts(n, TOPIC, 0.5, 6), others[:n]) @ SAID) for n in (2, 64))
    assert few > 0.85 > many > 0


@pytest.mark.parametrize(("belong", "others"), [(0, 5), (5, 0), (0, 0)])
def test_one_side_alone_teaches_nothing(belong: int, others: int) -> None:
    found = learned_direction(SAID, texts(belong, TOPIC, 0, 1), texts(others, OTHER, 0, 1))
    assert found.tolist() == SAID.tolist()


def test_posts_that_all_score_high_do_not_lead_it_astray() -> None:
    """Newton's method without halved steps went off here: far from the start the likelihood is flat."""
    description = directions((COMMON + 0.2 * TOPIC)[None])[0]
    for belong, others in [(4, 60), (60, 4), (64, 64)]:
        learned = learned_direction(description, texts(belong, TOPIC, 4.0, 7), texts(others, OTHER, 4.0, 8))
        assert np.isfinite(learned).all()
        assert separation(learned, 4.0) > separation(description, 4.0)


def encode(given: list[str] | tuple[str, ...]) -> Floats:
    """A text is a list of what it is about."""
    known = {"common": COMMON, "topic": TOPIC, "other": OTHER, "said": SAID}
    sums = [sum((known[word] for word in one.split() if word in known), 0 * SAID) for one in given]
    return directions(np.stack(sums))


BACKGROUND = {"mean": (0.1 * COMMON + 0.05 * SAID), "covariance": np.eye(WIDTH, dtype=np.float32) * 0.01}


def test_scores_stay_comparable_and_thresholds_as_they_were() -> None:
    bare = EmbeddedClassifier([Label("said"), Label("other")], encode, BACKGROUND)
    said = Label("said", "", ("topic common", "topic said common"), ("other common",))
    taught = EmbeddedClassifier([said, Label("other")], encode, BACKGROUND)
    assert taught.thresholds.tolist() == bare.thresholds.tolist()
    posts = ["topic common", "other common", "said", "common"]
    before, after = bare.scores(posts), taught.scores(posts)
    assert after[:, 1].tolist() == before[:, 1].tolist()
    assert after[0, 0] > before[0, 0]
    assert (after >= 0).all()
    assert (after <= 1).all()


def test_a_batch_of_one_or_all() -> None:
    label = Label("said", "", ("topic common",), ("other common",))
    classifier = EmbeddedClassifier([label], encode, BACKGROUND)
    posts = ["topic common", "other common", "said topic", "common", ""]
    together = classifier.scores(posts)
    assert [classifier.scores([post])[0].tolist() for post in posts] == together.tolist()
