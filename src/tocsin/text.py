r"""Hostile text. Every string from outside passes here before a person, a terminal, a table or a lake sees it.

`storable` keeps what was written and takes out only what would break a store; the lake holds its answer. `clean`,
`one_line`, `truncate`, `safe_url` and `csv_cell` are for showing; `normalise` is for comparing.

Facts used: the bidirectional controls of Unicode Standard Annex 9, the join controls of its chapter 23.2, and
OWASP's page on CSV injection.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

MAX_TEXT = 100_000
"""Characters of one text that are kept: more than any platform allows, less than what stalls a model."""

_JOINED = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"
_EMOJI = "\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u25aa-\u27bf\u2934-\u2b55\U0001f000-\U0001faff\ufe0f"
_ACCENTS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_TAG = "\U000e0020-\U000e007e"

_UNSHOWABLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f"  # C0 but tab and newline, delete, C1
    "\u202a-\u202e\u2066-\u2069\u206a-\u206f"  # bidirectional embeddings, overrides and isolates; deprecated formats
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u3164\ufeff\uffa0"  # nothing to see, but there
    "\ufff0-\ufffb\ufffe\uffff]"  # annotations and noncharacters
    f"|(?<![{_JOINED}])\u200c"  # non-joiner outside the scripts that join
    f"|(?<![{_JOINED}{_EMOJI}])\u200d|(?<=[{_EMOJI}])\u200d(?![{_EMOJI}])"  # joiner between what does not join
    f"|(?<![\U0001f3f4{_TAG}])[{_TAG}\U000e007f]+|[\U000e0001\U000e0080-\U000e00ff]"  # hidden letters, not in a flag
    f"|(?<=[{_ACCENTS}]{{4}})[{_ACCENTS}]+"  # the fifth accent on one letter and all above it
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSTORABLE = re.compile("[\u0000\ud800-\udfff]")
_LINE_END = re.compile("\r\n|[\r\u000b\u000c\u0085\u2028\u2029]")
_CONTROL_IN_JSON = re.compile("[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
_EXTENDS = re.compile(f"[\u200c\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff{_TAG}\U000e007f]")
_FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠]")
_NOT_IN_URL = re.compile(r"""[\s"<>\\`]""")


def clean(text: str) -> str:
    r"""Text fit to be shown, tabs and newlines kept: no controls, no turned writing direction, nothing invisible.

    Joiners stay where a script or an emoji needs them; lone surrogates become U+FFFD; at most four accents are
    left on a letter.

    >>> clean("50\u202e%\u202c off\x1b[31m\x00")
    '50% off[31m'
    >>> clean("pay\u200bpal"), clean("👩\u200d💻")
    ('paypal', '👩\u200d💻')
    """
    text = _SURROGATE.sub("\ufffd", _LINE_END.sub("\n", text))
    while (shown := _UNSHOWABLE.sub("", text)) != text:
        text = shown
    return text


def one_line(text: str, length: int | None = None) -> str:
    r"""`clean`, with every run of white space as one space, cut to `length` characters.

    >>> one_line("a\n\n b\u2028c\t ")
    'a b c'
    """
    line = " ".join(clean(text).split())
    return line if length is None else truncate(line, length)


def truncate(text: str, length: int) -> str:
    """At most `length` characters, the last a "…" where something is cut off. Never cuts inside what is seen as
    one sign (an accented letter, a family, a flag).

    >>> truncate("tocsin bell", 7), truncate("bell", 4)
    ('tocsin…', 'bell')
    >>> truncate("ok 👩‍💻👩‍💻", 5)
    'ok…'
    """
    if len(text) <= length:
        return text
    if length < 1:
        return ""
    end = length - 1
    while end > 0 and not _border(text, end):
        end -= 1
    return text[:end].rstrip() + "…"


def _border(text: str, index: int) -> bool:
    """Whether what is seen as one sign ends before `text[index]`: most of Unicode Standard Annex 29."""
    here = text[index]
    if _EXTENDS.match(here) or unicodedata.category(here).startswith("M") or text[index - 1] == "\u200d":
        return False
    if not _regional(here):
        return True
    before = index
    while before > 0 and _regional(text[before - 1]):
        before -= 1
    return (index - before) % 2 == 0


def _regional(sign: str) -> bool:
    return "\U0001f1e6" <= sign <= "\U0001f1ff"


def normalise(text: str) -> str:
    """Text for comparing: compatibility forms, letter case and white space made equal, nothing invisible.

    >>> normalise("  Ｔocsin  STRASSE ") == normalise("tocsin straße")
    True
    """
    folded = unicodedata.normalize("NFKC", clean(text)).casefold()
    return " ".join(clean(unicodedata.normalize("NFKC", folded)).split())


def storable(text: str, length: int = MAX_TEXT) -> str:
    r"""Text fit to be kept: what was written, but for NUL and lone surrogates (U+FFFD), cut to `length` characters.

    >>> storable("a\x00b\ud83d")
    'a\ufffdb\ufffd'
    """
    return _UNSTORABLE.sub("\ufffd", truncate(text, length))


def safe_url(url: str, length: int = 4096) -> str | None:
    """The URL if it may stand behind a link: http or https, a host, no user or password, nothing hidden; or None.

    >>> safe_url("https://example.com/a?b=c#d")
    'https://example.com/a?b=c#d'
    >>> safe_url("javascript:alert(1)"), safe_url("https://bank.example@evil.example/")
    (None, None)
    """
    if len(url) > length or _NOT_IN_URL.search(url) or clean(url) != url:
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    return url


def csv_cell(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula.

    >>> csv_cell("=1+2"), csv_cell("fine")
    ("'=1+2", 'fine')
    """
    shown = clean(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown


def escape_json(document: str) -> str:
    r"""The same JSON document with invisible and control characters written as escapes, fit for a terminal.

    >>> escape_json('{"a":"x\u202ey"}')
    '{"a":"x\\u202ey"}'
    """
    return _CONTROL_IN_JSON.sub(lambda match: _escaped(match[0]), document)


def _escaped(sign: str) -> str:
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
