"""The figures about language and phrases: they are good, and they would show it if they were not."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from tocsin.evaluate import languages

DATA = Path(__file__).parents[3] / "shared" / "data"
ENGLISH = ["The bell is silent and nobody knows why", "Thanks, this is what I wanted", "gate 35 closed"]
GERMAN = "Das Netz ist schon wieder ausgefallen, niemand geht ans Telefon."


def test_shares_are_of_the_texts() -> None:
    found = languages.measure([*ENGLISH, GERMAN])
    assert (found["posts"], found["english_by_words"], found["foreign"]) == (4, 0.5, 0.25)
    assert found["phrases_per_post"] > 0


def test_the_time_is_the_clocks() -> None:
    found = languages.measure(ENGLISH, count(0.0, 3.0).__next__)
    assert (found["split_us"], found["language_us"], found["phrases_us"]) == (1e6, 0.0, 1e6)


@pytest.mark.real_data
def test_real_posts_are_told_to_be_english_and_hardly_one_is_called_foreign() -> None:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there")
    found = languages.run(DATA)
    assert set(found) == {"airline", "semeval", "tweeteval"}
    for figures in found.values():
        assert figures["english_by_words"] > 0.75
        assert figures["english"] > 0.98
        assert figures["foreign"] < 0.0005
        assert 3 < figures["phrases_per_post"] < 6
