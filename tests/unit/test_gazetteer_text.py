"""How what people write as a place is cut into words, and which spellings are one name."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from tocsin.gazetteer._text import (
    HARD,
    LONGEST,
    MOST_WORDS,
    SOFT,
    Words,
    alone,
    among,
    folded_words,
    names,
    runs,
    some,
    split,
    word_keys,
)

ENGLAND, SCOTLAND, WALES = (
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in code) + "\U000e007f"
    for code in ("gbeng", "gbsct", "gbwls")
)
BATCH = ["Ft. Worth, TX / Québec", "", "서울 🇰🇷", "...", "one two three", "@nobody", "NewYork"]


def shown(words: Words) -> list[list[str]]:
    """The words of each text, as they were written."""
    found: list[list[str]] = [[] for _ in words.texts]
    for owner, start, end in zip(words.owners, words.starts, words.ends, strict=True):
        found[owner].append(words.texts[owner][start:end])
    return found


def cut(text: str) -> list[str]:
    (found,) = shown(split([text]))
    return found


def breaks(text: str) -> list[int]:
    return split([text]).breaks.tolist()


def one_name(*spellings: str) -> bool:
    kept, keys = names(spellings)
    return len(kept) == len(spellings) and len(set(keys.tolist())) == 1


# Which spellings are one name.


@pytest.mark.parametrize(
    "spellings",
    [
        ("London", "london", "LONDON", "LoNDON", " London ", "London.", "#London", "“London”", "ＬＯＮＤＯＮ"),
        ("São Paulo", "Sao Paulo", "sa\u0303o paulo", "SÃO PAULO", "São-Paulo", "São_Paulo", "SãoPaulo"),
        ("Nürnberg", "Nu\u0308rnberg", "Nurnberg"),
        ("Straße", "STRASSE", "strasse", "STRAẞE"),
        ("Tromsø", "Tromso", "TROMSØ"),
        ("Łódź", "Lodz"),
        ("Ærø", "Aero"),
        ("İstanbul", "Istanbul", "istanbul", "ISTANBUL"),
        ("Iğdır", "Igdir", "IĞDIR", "iğdir"),
        ("Αθήνα", "ΑΘΗΝΑ", "αθηνα"),
        ("Орёл", "Орел", "ОРЁЛ"),
        ("Йошкар-Ола", "йошкар ола", "Иошкар-Ола"),
        ("أبو ظبي", "ابو ظبي", "ابو ظبى", "ابو ظبی"),
        ("القاهرة", "القاهره", "القَاهِرَة", "القـاهرة"),
        ("کراچي", "كراچي", "کراچی"),
        ("ロンドン", "ﾛﾝﾄﾞﾝ"),
        ("서울", "\u1109\u1165\u110b\u116e\u11af", "서 울"),
        ("O'Fallon", "O’Fallon", "OFallon", "Oʼfallon"),
        ("Lon\u200bdon", "London", "\u2066London\u2069", "\x00London\x1b"),
        ("D.C.", "DC", "d.c.", "D.C"),
        ("N.Y.C.", "N Y C", "NYC", "nyc"),
        ("Trinidad & Tobago", "Trinidad &amp; Tobago", "trinidad&tobago", "Trinidad and Tobago", "Trinidad y Tobago"),
        ("Saint Louis", "St. Louis", "st louis", "St.Louis"),
        ("Ft. Worth", "Fort Worth", "ft worth"),
        ("N. Adams", "North Adams", "n adams"),
        ("Mt Vernon", "Mount Vernon"),
        ("Stoke-on-Trent", "Stoke on Trent", "Stoke\u2011on\u2011Trent", "Stoke–on–Trent"),
        ("🇬🇧", "🇬\u200d🇧"),
        (ENGLAND, "England"),
        (SCOTLAND, "Scotland"),
        (WALES, "Wales"),
    ],
)
def test_a_name_is_the_same_however_it_is_written(spellings: tuple[str, ...]) -> None:
    assert one_name(*spellings)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("London", "Londom"),
        ("New York", "York New"),
        ("New York", "Newyork"),
        ("서울", "울서"),
        ("🇬🇧", "🇧🇬"),
        ("🇬🇧", "GB"),
        ("ab", "a b"),
        ("Αθήνα", "Athina"),
        ("ba", "ab"),
        ("x" * 63, "x" * 64),
        ("x" * 65, "x" * 64 + "y"),
    ],
)
def test_other_names_are_not_the_same(one: str, other: str) -> None:
    assert not one_name(one, other)


# Where words end.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paris France", ["Paris", "France"]),
        ("Stratford-upon-Avon", ["Stratford", "upon", "Avon"]),
        ("  a\t b  ", ["a", "b"]),
        ("a_b.c", ["a", "b", "c"]),
        ("서울 강남구", ["서", "울", "강", "남", "구"]),
        ("東京ひら", ["東", "京", "ひ", "ら"]),
        ("ロンドン東京", ["ロンドン", "東", "京"]),
        ("ニューヨーク", ["ニューヨーク"]),
        ("東京Tokyo", ["東", "京", "Tokyo"]),
        ("กรุงเทพ", ["กรุงเทพ"]),
        ("हिन्दी", ["हिन्दी"]),
        ("🇬🇧🇺🇸🇫🇷", ["🇬🇧", "🇺🇸", "🇫🇷"]),
        ("🇬🇧 🇺🇸", ["🇬🇧", "🇺🇸"]),
        ("🇬🇧🇺", ["🇬🇧", "🇺"]),
        ("London🇬🇧", ["London", "🇬🇧"]),
        (f"Leeds{ENGLAND}{WALES}", ["Leeds", "England", "Wales"]),
        ("a😀b", ["a", "b"]),
        ("24 London", ["24", "London"]),
    ],
)
def test_a_text_is_cut_into_words(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NewYork", ["New", "York"]),
        ("NewYorkCity", ["New", "York", "City"]),
        ("#LosAngelesCA", ["Los", "Angeles", "CA"]),
        ("SouthAfrica", ["South", "Africa"]),
    ],
)
def test_words_glued_together_are_parted_at_their_capitals(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize("text", ["McDonald", "DeLand", "iPhone", "eBay", "LaTeX", "NYCity", "USA", "LONDON", "london"])
def test_a_capital_alone_parts_no_word(text: str) -> None:
    assert cut(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("D.C.", ["DC"]),
        ("Washington D.C.", ["Washington", "DC"]),
        ("U.S.A.", ["USA"]),
        ("N Y C", ["NYC"]),
        ("live in N Y C now", ["live", "in", "NYC", "now"]),
    ],
)
def test_initials_are_one_word(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize("text", ["N Y", "n y c", "Plan B"])
def test_two_letters_or_small_ones_are_no_initials(text: str) -> None:
    assert cut(text) == text.split(" ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@someone London", ["London"]),
        ("London @some_one", ["London"]),
        ("me@mail.example London", ["London"]),
        ("London https://a.example/Paris?x=1", ["London"]),
        ("http://a.example/Paris", []),
        ("WWW.paris.example", []),
        ("www.paris.example London", ["London"]),
    ],
)
def test_handles_and_links_are_left_out(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a &amp; b", ["a", "and", "b"]),
        ("&lt;London&gt;", ["London"]),
        ("Qu&eacute;bec", ["Quebec"]),
        ("&#127468;&#127463;", ["🇬🇧"]),
        ("&nosuch;", ["and", "nosuch"]),
    ],
)
def test_character_references_are_read(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


# What stands between words.


@pytest.mark.parametrize("between", [" ", "  ", "-", "_", ".", ". ", "\t", "\u00a0", "\u3000", ' "', "\u2011", "–"])
def test_nothing_that_counts(between: str) -> None:
    assert breaks(f"alpha{between}beta") == [0, 0]


@pytest.mark.parametrize(
    "between", [", ", ",", " - ", " -", "- ", " – ", " — ", " (", ": ", "!", "?", "、", "،", "😀", "--"]
)
def test_a_soft_break(between: str) -> None:
    assert breaks(f"alpha{between}beta") == [0, SOFT]


@pytest.mark.parametrize(
    "between", ["/", " / ", "|", "\\", ";", "\n", "→", "⇄", "➡️", "✈", "✈️", "🛫", " • ", "·", "+", "<>", ", /", " @me "]
)
def test_a_hard_break(between: str) -> None:
    assert breaks(f"alpha{between}beta") == [0, HARD]


def test_what_stands_before_the_first_word_is_no_break() -> None:
    assert breaks("/ alpha") == [0]
    assert split(["alpha", "| beta", "-gamma"]).breaks.tolist() == [0, 0, 0]


def test_a_break_beside_a_flag_or_a_syllable_is_seen() -> None:
    assert breaks("🇬🇧/🇺🇸") == [0, HARD]
    assert breaks("京, 都") == [0, SOFT]
    assert breaks("京都") == [0, 0]


# What is known of a word.


def test_capitals_are_told_apart() -> None:
    words = split(["Ab AB ab 1A a1 東 ا Ж ж"])
    assert words.cased.tolist() == [True, True, True, False, True, False, False, True, True]
    assert words.capital.tolist() == [True, True, False, True, False, True, True, True, False]
    assert words.capitals.tolist() == [False, True, False, True, False, False, False, True, False]
    assert words.number.tolist() == [False, False, False, True, True, False, False, False, False]
    assert words.lengths.tolist() == [2, 2, 2, 2, 2, 1, 1, 1, 1]


def test_what_stands_behind_200_characters_is_not_read() -> None:
    assert LONGEST == 200
    assert cut("x" * 196 + " abcdef") == ["x" * 196, "abc"]
    assert cut(" " * 200 + "London") == []


# Batches.


def test_a_batch_may_be_empty() -> None:
    words = split([])
    assert (list(words.texts), words.bounds.tolist(), len(words.keys)) == ([], [0], 0)
    assert runs(words)[0][0].tolist() == []
    assert names([])[0].tolist() == []


@pytest.mark.parametrize("texts", [[""], ["", ""], ["...", "\u200b", "\n\n", "@me", "\U0001f3f4\U000e007f", "\ud800"]])
def test_texts_may_hold_no_word(texts: list[str]) -> None:
    words = split(texts)
    assert words.bounds.tolist() == [0] * (len(texts) + 1)
    assert len(words.keys) == len(words.breaks) == 0


def test_empty_texts_among_others_keep_their_place() -> None:
    words = split(BATCH)
    assert shown(words) == [
        ["Ft", "Worth", "TX", "Quebec"], [], ["서", "울", "🇰🇷"], [], ["one", "two", "three"], [], ["New", "York"]
    ]  # fmt: skip
    assert words.bounds.tolist() == [0, 4, 4, 7, 7, 10, 10, 12]
    assert words.breaks.tolist() == [0, 0, SOFT, HARD, *[0] * 8]


def test_a_text_is_cut_the_same_in_every_batch() -> None:
    together = split(BATCH)
    for number, text in enumerate(BATCH):
        kept = slice(together.bounds[number], together.bounds[number + 1])
        single = split([text])
        for name in ("keys", "breaks", "lengths", "cased", "capital", "capitals", "number", "starts", "ends"):
            assert getattr(single, name).tolist() == getattr(together, name)[kept].tolist(), name


@pytest.mark.parametrize("numbers", [[], [0], [1], [0, 2, 6], [1, 3, 5], list(range(len(BATCH)))])
def test_some_of_the_texts_are_as_if_cut_anew(numbers: list[int]) -> None:
    words = split(BATCH)
    found, kept = some(words, np.array(numbers, np.int64))
    anew = split([BATCH[number] for number in numbers])
    for field in fields(Words):
        one, other = (np.asarray(getattr(each, field.name)).tolist() for each in (found, anew))
        assert one == other, field.name
    assert np.flatnonzero(kept).tolist() == [row for row, owner in enumerate(words.owners) if owner in numbers]


# Runs of words.


def run_texts(text: str) -> list[list[str]]:
    words = split([text])
    spelled = cut(text)
    return [
        [" ".join(spelled[begin : begin + length]) for begin in begins]
        for length, (begins, _) in enumerate(runs(words), 1)
    ]


def test_all_runs_of_words_are_looked_at() -> None:
    assert run_texts("a b c") == [["a", "b", "c"], ["a b", "b c"], ["a b c"]]


@pytest.mark.parametrize("text", ["ab, cd", "ab / cd", "ab - cd", "ab (cd)"])
def test_no_run_goes_over_a_break(text: str) -> None:
    assert run_texts(text) == [["ab", "cd"]]


def test_no_run_goes_from_one_text_to_the_next() -> None:
    assert [len(begins) for begins, _ in runs(split(["ab cd", "ef", "", "gh"]))] == [4, 1]


def test_no_run_is_longer_than_eight_words() -> None:
    assert MOST_WORDS == 8
    assert [len(row) for row in run_texts("aa bb cc dd ee ff gg hh ii")] == [9, 8, 7, 6, 5, 4, 3, 2]
    kept, _ = names(["aa bb cc dd ee ff gg hh", "aa bb cc dd ee ff gg hh ii", "", "aa"])
    assert kept.tolist() == [0, 3]


@pytest.mark.parametrize("text", ["London", "New York", "Stoke-on-Trent", "서울", "🇬🇧", "aa bb cc dd ee ff gg"])
def test_a_name_has_the_key_of_its_run(text: str) -> None:
    _, (key,) = names([text])
    begins, keys = runs(split([text]))[-1]
    assert (begins.tolist(), keys.tolist()) == ([0], [key])


def test_a_name_with_breaks_is_one_name_all_the_same() -> None:
    assert one_name("Paris, France", "Paris France", "Paris / France")


def test_other_keys_can_be_laid_over_the_words() -> None:
    words, meant = split(["Londom town"]), split(["London town"])
    (_, _), (_, laid) = runs(words, meant.keys)
    assert laid.tolist() == names(["London town"])[1].tolist()


def test_a_word_alone_has_the_key_of_its_name() -> None:
    assert alone(split(["London"]).keys).tolist() == names(["London"])[1].tolist()


# Small tools.


def test_keys_among_others() -> None:
    known = word_keys(["paris", "rome", "oslo"])
    assert among(split(["Rome Madrid OSLO"]).keys, known).tolist() == [True, False, True]
    assert among(split(["Rome"]).keys, known[:0]).tolist() == [False]
    assert np.all(known[1:] > known[:-1])


@pytest.mark.parametrize("spelled", [["New York"], ["paris", ""]])
def test_keys_of_words_are_of_one_word_each(spelled: list[str]) -> None:
    with pytest.raises(ValueError, match="one word"):
        word_keys(spelled)


def test_folded_words() -> None:
    assert folded_words("  SÃO Paulo, BR ") == ["sao", "paulo", "br"]
    assert folded_words("") == []
