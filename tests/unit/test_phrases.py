from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.component import Context
from tocsin.enrichers.phrases import Config, Phrases
from tocsin.model import Post
from tocsin.models import _stopwords
from tocsin.models._phrases import LONGEST, MOST, Chunker
from tocsin.models._words import split
from tocsin.records import post_row, to_batch

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CHUNKER = Chunker()


def phrases(text: str, language: str | None = "en", chunker: Chunker = CHUNKER) -> list[str]:
    [found] = chunker.phrases(split([text]), [language])
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The customer service of Acme is awful.", ["customer service of acme", "awful"]),
        ("my bag is in Oslo, and the gate agents were rude", ["bag", "oslo", "gate agents", "rude"]),
        ("What a waste of time and money!", ["waste of time", "money"]),
        ("The router broke down, again", ["router broke down"]),
        ("We are on hold, bags are on sale", ["on hold", "bags", "on sale"]),
        ("The wi-fi, the follow-up and AT&T", ["wi-fi", "follow-up", "at&t"]),
        ("Bugs in R&amp;D", ["bugs", "r&d"]),
        ("Fly US Airways, it told us the IT department knows", ["fly us airways", "it department"]),
        ("a very very good day for all of us", []),
        ("great service in two hours", ["great service"]),
        ("", []),
        ("7 of 10, 3.50 x 2", []),
        ("👍 :-) ... !!!", []),
    ],
)
def test_what_stands_between_function_words_is_a_phrase(text: str, found: list[str]) -> None:
    assert phrases(text) == found


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("the wifi is not working", "not working"),
        ("still no refund", "no refund"),
        ("it never arrived", "never arrived"),
        ("I can't log in", "can't log in"),
        ("I can’t log in", "can't log in"),
        ("I CANT LOG IN", "cant log in"),
        ("it's not a good experience", "not a good experience"),
        ("I didn't get my refund", "didn't get my refund"),
        ("they won't let me book", "won't let me book"),
        ("never again", "never again"),
        ("not enough", "not enough"),
    ],
)
def test_a_negation_stays_with_what_it_denies(text: str, phrase: str) -> None:
    assert phrase in phrases(text)


@pytest.mark.parametrize(
    "text",
    ["no, the train is late", "not because the train is late", "I do not. The train is late", "never\nthe train"],
)
def test_a_negation_does_not_reach_into_the_next_clause(text: str) -> None:
    assert phrases(text)[0].removesuffix(" is late") == "train"


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("No funciona la aplicación y nadie contesta", "es", ["no funciona", "aplicación", "nadie contesta"]),
        ("O suporte não responde, não consigo entrar", "pt", ["suporte", "não responde", "não consigo entrar"]),
        ("Ma carte de crédit ne marche plus", "fr", ["carte de crédit", "ne marche plus"]),
        ("ça marche pas", "fr", ["marche pas"]),
        ("Die App funktioniert nicht", "de", ["app funktioniert nicht"]),
        ("niemand ist erreichbar, geht nicht mehr", "de", ["niemand ist erreichbar", "geht nicht mehr"]),
        ("Il servizio clienti non risponde", "it", ["servizio clienti", "non risponde"]),
        ("Het pakket is nooit aangekomen", "nl", ["pakket", "nooit aangekomen"]),
        ("Kundtjänst svarar inte", "sv", ["kundtjänst svarar inte"]),
        ("Appen virker ikke", "da", ["appen virker ikke"]),
        ("Sovellus ei toimi", "fi", ["sovellus", "ei toimi"]),
        ("Aplikacja nie działa", "pl", ["aplikacja", "nie działa"]),
        ("Linka nikdy nezvedá telefon", "cs", ["linka", "nikdy nezvedá telefon"]),
        ("Az alkalmazás nem működik", "hu", ["alkalmazás", "nem működik"]),
        ("Aplicația nu răspunde", "ro", ["aplicația", "nu răspunde"]),
        ("İNTERNET yok, İADE yapılmadı", "tr", ["internet yok", "iade yapılmadı"]),
        ("Приложение не работает", "ru", ["приложение", "не работает"]),
        ("Додаток не працює", "uk", ["додаток", "не працює"]),
        ("Η εφαρμογή δεν λειτουργεί", "el", ["εφαρμογή", "δεν λειτουργεί"]),
        ("Aplikasi tidak bisa dibuka", "id", ["aplikasi", "tidak bisa dibuka"]),
        ("التطبيق لا يعمل", "ar", ["التطبيق", "لا يعمل"]),
        ("ऐप काम नहीं करता", "hi", ["ऐप काम नहीं"]),
        ("電話が繋がらない。アプリの更新", "ja", ["電話", "繋がらない", "アプリ", "更新"]),
        ("我的账户无法登录，没有收到退款", "zh", ["账户", "无法登录", "没有收到退款"]),
        ("고객센터 전화 연결이 안 돼요. 답변이 없어요", "ko", ["고객센터 전화 연결", "안 돼요", "답변이 없어요"]),
        ("รถไฟมาช้าอีกแล้ว ไม่มีใครตอบ", "th", ["รถไฟมาช้า", "ไม่มีใครตอบ"]),
    ],
)
def test_each_language_has_its_own_function_words(text: str, language: str, found: list[str]) -> None:
    assert phrases(text, language) == found


def test_accents_left_out_make_no_difference_to_what_is_a_function_word() -> None:
    assert phrases("tambien esta pagina", "es") == ["pagina"]
    assert phrases("fuer die Rechnung", "de") == ["rechnung"]


def test_without_a_language_a_post_is_read_as_english_and_kin_serves_for_kin() -> None:
    assert phrases("the bell is not ringing", None) == ["bell", "not ringing"]
    assert phrases("aplikasi tidak bisa dibuka", "ms") == phrases("aplikasi tidak bisa dibuka", "id")


def test_in_a_language_without_a_list_only_hashtags_are_phrases() -> None:
    assert phrases("Rong hilineb jälle #RongHilineb", "et") == ["rong hilineb"]


@pytest.mark.parametrize(
    ("tag", "phrase"),
    [
        ("#NotWorking", "not working"),
        ("#AcmeDown2026", "acme down 2026"),
        ("#acme_down", "acme down"),
        ("#covid-19", "covid-19"),
        ("#YouTube", "youtube"),
        ("#iPhone", "iphone"),
        ("#ThisIsAVeryLongTag", "thisisaverylongtag"),
        ("#customerservice", "customerservice"),
        ("＃電車遅延", "電車遅延"),
    ],
)
def test_a_hashtag_is_a_phrase_of_its_own(tag: str, phrase: str) -> None:
    assert phrases(f"the {tag} bell", "ja" if "電" in tag else "en") == [phrase, "bell"]


def test_a_segmenter_cuts_hashtags_that_are_run_together() -> None:
    seen: list[str] = []

    def segment(tag: str) -> list[str]:
        seen.append(tag)
        return {"customerservice": ["Customer", "Service"], "acmedown": ["a", "cme", "down"]}.get(tag, [tag])

    chunker = Chunker(segment)
    found = phrases("#customerservice #customerservice #fail #BellTower #acmedown", "en", chunker)
    assert found == ["customer service", "fail", "bell tower", "acmedown"]
    assert seen == ["customerservice", "fail", "acmedown"]
    assert phrases("#customerservice", "de", chunker) == ["customerservice"]


@pytest.mark.parametrize(
    "text",
    [
        "RT @acme: via @bell https://acme.example/a www.acme.example",
        "Click here to sign up now! https://acme.example",
        "Read more | link in bio | follow us",
        "GIVEAWAY! Follow and retweet for a chance to win",
        "haz clic aquí",
        "Jetzt klicken und mehr erfahren",
    ],
)
def test_the_noise_of_platforms_is_no_phrase(text: str) -> None:
    language = {"h": "es", "J": "de"}.get(text[0], "en")
    assert phrases(text, language) == []


def test_the_same_phrase_comes_out_the_same_however_it_is_written() -> None:
    ways = ["CUSTOMER SERVICE", "Customer\tService", "customer  service", "#CustomerService", "customer\u200b service"]
    assert {tuple(phrases(way)) for way in ways} == {("customer service",)}


def test_a_line_end_ends_a_phrase() -> None:
    assert phrases("Acme outage\nBell tower silent") == ["acme outage", "bell tower silent"]


def test_a_long_run_of_words_is_cut_into_pieces_of_like_length() -> None:
    assert phrases("Powerful earthquake strikes central Italy killing dozens") == [
        "powerful earthquake strikes",
        "central italy",
        "killing dozens",
    ]


def test_of_many_phrases_those_count_that_the_text_repeats_then_the_first() -> None:
    many = ", ".join(f"bell{number}x" for number in range(30))
    found = phrases(f"{many}, tower, bell3x, tower, tower")
    assert found == ["bell0x", "bell1x", "bell2x", "bell3x", "bell4x", "bell5x", "bell6x", "bell7x", "bell8x", "tower"]


def test_a_phrase_longer_than_anybody_writes_is_none() -> None:
    assert phrases("acme " + "ab" * 50_000 + ", bell") == ["bell"]


def test_the_enricher_reads_title_and_text_in_the_posts_language() -> None:
    rows = [
        post_row(
            1,
            Post(
                uid="f:1",
                source="f",
                id="1",
                text="The bell is off #customerservice",
                title="Tower closed",
                received_at=NOW,
            ),
        ),
        post_row(2, Post(uid="f:2", source="f", id="2", text="der Turm ist geschlossen", received_at=NOW)),
    ]
    batch = to_batch(rows)
    spot = batch.schema.get_field_index("language")
    languages = pa.array([None, "de"], pa.string())
    batch = batch.append_column("language", languages) if spot < 0 else batch.set_column(spot, "language", languages)
    found = Phrases(Config(), Context("phrases", Path())).enrich(batch)["phrases"].to_pylist()
    assert found == [["tower closed", "bell", "customer service"], ["turm", "geschlossen"]]


words = st.sampled_from(
    [
        *(
            "the",
            "not",
            "bell",
            "Tower",
            "of",
            "a",
            "again",
            "never",
            "#BellTower",
            "#",
            "-",
            "&amp;",
            "_",
            "'",
            "great",
        ),
        *("7", "up", "on", "hold", "log", "in", "\n", "@acme", "https://a.example/b", "電車", "が", "ない", "не", "ล้ว"),
        *("\u200d", "İ"),
    ]
)
texts = st.one_of(
    st.text(max_size=60), st.lists(words, max_size=40).map(" ".join), st.lists(words, max_size=40).map("".join)
)
codes = st.sampled_from([None, "en", "de", "fr", "tr", "ja", "zh", "ko", "th", "ar", "xx", ""])


@given(st.lists(st.tuples(texts, codes), max_size=8))
def test_any_text_gives_few_short_folded_phrases_whatever_stands_beside_it(posts: list[tuple[str, str | None]]) -> None:
    together = CHUNKER.phrases(split([text for text, _ in posts]), [code for _, code in posts])
    for (text, code), found in zip(posts, together, strict=True):
        assert found == phrases(text, code, Chunker())
        assert len(found) == len(set(found)) <= MOST
        for phrase in found:
            assert 1 < len(phrase) <= 160
            assert len(phrase.split()) <= LONGEST or code in ("ja", "zh", "ko", "th")
            assert phrase == " ".join(phrase.split())
            assert "http" not in phrase


@pytest.mark.parametrize("code", [*_stopwords.languages(), "all", "ja", "zh", "ko", "th"])
def test_a_list_is_short_and_says_where_it_comes_from(code: str) -> None:
    assert (_stopwords.FOLDER / f"{code}.txt").read_text(encoding="utf-8").startswith("# ")
    sections = _stopwords.sections(code)
    assert len(sections[_stopwords.FUNCTION]) <= 600
    known = {value for name, value in vars(_stopwords).items() if name.isupper() and isinstance(value, str)}
    assert sections.keys() <= known
    for section, entries in sections.items():
        assert len(entries) == len(set(entries)), section


@pytest.mark.parametrize("code", _stopwords.languages())
def test_every_entry_of_a_list_is_a_word_as_texts_are_cut(code: str) -> None:
    for section, entries in _stopwords.sections(code).items():
        bounds = split(entries).bounds
        assert [entry for entry, n in zip(entries, bounds[1:] - bounds[:-1], strict=True) if n != 1] == [], section
        if section != _stopwords.CAPITALS:
            assert [entry for entry in entries if entry != entry.lower()] == [], section


def test_there_are_lists_for_the_languages_of_the_world() -> None:
    asked = "en es pt fr de it nl sv da no fi pl cs tr ru uk id ro el ar hi ja zh ko th"
    assert [code for code in asked.split() if _stopwords.listed(code) is None] == []
