"""HTML as plain text with its links."""

from __future__ import annotations

import pytest

from tocsin.sources._html import plain


@pytest.mark.parametrize(
    ("html", "text", "links"),
    [
        ("a quiet day", "a quiet day", ()),
        ("see https://a.example/x.", "see https://a.example/x.", ("https://a.example/x",)),
        ("<p>see https://a.example/x</p>", "see https://a.example/x", ("https://a.example/x",)),
        (
            '<a href="https://a.example/long">https://a.example/lo…</a>',
            "https://a.example/lo…",
            ("https://a.example/long",),
        ),
        ("<p>one</p><p>two<br>three</p>", "one\n\ntwo\nthree", ()),
        ("AT&amp;T &lt;3", "AT&T <3", ()),
        ("<script>alert(1)</script>safe", "safe", ()),
        ('<a href="javascript:alert(1)">x</a>', "x", ()),
    ],
)
def test_it_is_what_a_reader_sees(html: str, text: str, links: tuple[str, ...]) -> None:
    assert plain(html) == (text, links)
