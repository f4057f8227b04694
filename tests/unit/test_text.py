"""Hostile text: what is shown, compared, stored and linked."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.text import MAX_TEXT, clean, csv_cell, escape_json, normalise, one_line, safe_url, storable, truncate

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ZERO_WIDTH = "\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u180e\u3164"
CONTROLS = "".join(map(chr, (*range(9), *range(14, 32), 127, *range(0x80, 0x85), *range(0x86, 0xA0))))

MARKUP = [
    "<script>alert(1)</script>",
    "x onmouseover=alert(1)",
    "</title><svg/onload=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}",
    "]]><!--",
]
WRAPPERS = [
    "{}", "\x1b]0;{}\x07", "\x1b[2J{}", "\u202e{}\u202c", "\u2066{}\u2069", "a\x00{}", "\x9b31m{}",
    "\u200b{}\u200b", "\ufeff{}", "\x08\x08{}", "\u2028{}\u2029", "{}\x7f", "\ud83d{}", "{}\u0085", "{}\U000e0041",
]  # fmt: skip
PAYLOADS = [wrapper.format(markup) for wrapper in WRAPPERS for markup in [*MARKUP, *BIDI]]


def test_there_are_two_hundred_payloads() -> None:
    assert len(set(PAYLOADS)) >= 200


@pytest.mark.parametrize("show", [clean, one_line, csv_cell])
def test_nothing_that_is_shown_holds_raw_controls(show) -> None:
    for payload in PAYLOADS:
        shown = show(payload)
        hidden = {sign for sign in shown if unicodedata.category(sign) in ("Cc", "Cs", "Cf")} - {"\n", "\t"}
        assert not hidden, (payload, hidden)
        shown.encode()


@pytest.mark.parametrize("sign", [*BIDI, *ZERO_WIDTH, *CONTROLS])
def test_clean_takes_out_each_harmful_sign(sign: str) -> None:
    assert clean(f"a{sign}b") == "ab"


@pytest.mark.parametrize("text", [
    "Zażółć gęślą jaźń", "Tiếng Việt", "العربية", "हिन्दी", "日本語 テキスト", "👍🏽 ok", "1️⃣", "🏳️‍🌈", "👩‍❤️‍💋‍👨",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "می\u200cخواهم", "ക\u0d4d\u200d", "line\nline\ttab", "\u200e\u200f",
])  # fmt: skip
def test_clean_keeps_what_people_write(text: str) -> None:
    assert clean(text) == text


def test_joiners_stay_only_where_something_joins() -> None:
    assert clean("pay\u200dpal pay\u200cpal 👩\u200dx") == "paypal paypal 👩x"


def test_clean_makes_every_kind_of_line_end_a_newline() -> None:
    assert clean("a\r\nb\rc\u2028d\u2029e\u0085f\x0bg\x0ch") == "a\nb\nc\nd\ne\nf\ng\nh"


def test_clean_stops_towers_of_accents() -> None:
    assert clean("e" + "\u0301" * 50 + "x") == "e" + "\u0301" * 4 + "x"


def test_clean_hides_no_letters_behind_tags() -> None:
    assert clean("a" + "".join(chr(0xE0000 + ord(letter)) for letter in "ignore this") + "b") == "ab"


@pytest.mark.parametrize(
    "hostile", ["\U000e0041", "\u200d", "e\u0301", "\u0301\u200b", "👩\u200d", "\u202e", "\U0001f1e6", "\r", "<"]
)
def test_much_of_anything_is_handled_in_time(hostile: str) -> None:
    text = hostile * (200_000 // len(hostile))
    began = time.perf_counter()
    for function in (clean, normalise, storable, lambda text: truncate(text, 100_000)):
        function(text)
    assert time.perf_counter() - began < 10  # it takes a fraction of a second; quadratic would take minutes


@given(st.text(st.characters(exclude_categories=()), max_size=40))
@settings(max_examples=300, deadline=None)
def test_showing_and_comparing_settle_at_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert normalise(normalise(text)) == normalise(text)
    assert one_line(one_line(text)) == one_line(text)
    storable(text).encode()


def test_every_character_that_changes_is_settled_by_normalise() -> None:
    every = map(chr, range(sys.maxunicode + 1))
    changing = [sign for sign in every if unicodedata.normalize("NFKC", sign.casefold()) != sign]
    assert len(changing) > 5_000
    for sign in changing:
        once = normalise(sign)
        assert normalise(once) == once, hex(ord(sign))


def test_normalise_makes_equal_what_reads_the_same() -> None:
    assert normalise("Ｆｕｌｌ ｗｉｄｔｈ") == normalise("full\u00a0\n width")
    assert normalise("STRASSE") == normalise("Straße")
    assert normalise("e\u0301") == normalise("É")
    assert normalise("o\u200butage") == "outage"


@pytest.mark.parametrize(("text", "length", "cut"), [
    ("abcdef", 6, "abcdef"), ("abcdef", 4, "abc…"), ("abcdef", 1, "…"), ("abcdef", 0, ""), ("", 3, ""),
    ("abe\u0301f", 4, "ab…"), ("🇩🇪🇫🇷🇪🇸", 4, "🇩🇪…"), ("🇩🇪🇫🇷", 3, "🇩🇪…"), ("a👍🏽b", 3, "a…"), ("x❤\ufe0fy", 3, "x…"),
    ("word next", 6, "word…"),
])  # fmt: skip
def test_truncate_cuts_between_signs(text: str, length: int, cut: str) -> None:
    assert truncate(text, length) == cut


@given(st.text(max_size=30), st.integers(0, 30))
@settings(max_examples=200, deadline=None)
def test_truncate_keeps_its_length_and_the_beginning(text: str, length: int) -> None:
    cut = truncate(text, length)
    assert len(cut) <= length
    assert text.startswith(cut.removesuffix("…"))


def test_storable_keeps_the_writing_but_not_what_breaks_a_store() -> None:
    assert storable("a\u202eb\x1b\x00\udfff") == "a\u202eb\x1b\ufffd\ufffd"
    assert len(storable("x" * (10 * 2**20))) == MAX_TEXT
    assert storable("fine") == "fine"


@pytest.mark.parametrize("url", [
    "http://example.com", "https://example.com:8443/a%20b?q=1&r=ü#top", "https://[2001:db8::1]/",
    "HTTPS://EXAMPLE.com/", "https://пример.рф/x",
])  # fmt: skip
def test_safe_urls(url: str) -> None:
    assert safe_url(url) == url


@pytest.mark.parametrize("url", [
    "", "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)",
    "data:text/html,x", "vbscript:x", "file:///etc/passwd",
    "ftp://example.com", "//example.com", "/path", "example.com", "http:", "http://", "http:///x",
    "https://user@example.com", "https://u:p@example.com/",
    "https://good.example\\@evil.example/", "https://example.com/\u202egpj.exe", "https://example.com/\x00",
    "https://exam\u200bple.com", 'https://example.com/"onclick=',
    "https://example.com/<b>", "https://example.com/a b", "https://example.com:99999/", "https://[::1/",
    "https://example.com/" + "a" * 5000, "https://example.com/`",
])  # fmt: skip
def test_unsafe_urls(url: str) -> None:
    assert safe_url(url) is None


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\n=1", "＝1", "\u200b=1", "\x00=1", "=cmd|' /C calc'!A0"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerow([csv_cell(text)])
    (cell,) = next(csv.reader(io.StringIO(file.getvalue())))
    assert cell.startswith("'")


@pytest.mark.parametrize("text", ["plain", "a=b", "1-2", "", "e@mail"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert csv_cell(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
@settings(max_examples=200, deadline=None)
def test_escaping_json_loses_nothing(text: str) -> None:
    document = escape_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(document) == {"text": text}
    assert not any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") or sign in BIDI for sign in document)
