"""Words as pieces of a fixed vocabulary (WordPiece: Schuster and Nakajima 2012, as BERT uses it).

An emoji counts as the words of its Unicode name. A hashtag whose words are run together is cut into the likeliest
words: the vocabulary is sorted by how common they are, so Zipf's law gives each a cost.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from tocsin.models._words import LINK, NAME

_LONGEST_WORD = 100
_SHORTEST_TAG, _LONGEST_TAG, _LONGEST_PART = 6, 40, 18
_SHORT_WORDS = frozenset({"a", "i", "am", "an", "as", "at", "be", "by", "do", "go", "he", "if", "in", "is", "it", "la"})
_SHORT_WORDS |= {"me", "my", "no", "of", "on", "or", "so", "to", "tv", "uk", "un", "up", "us", "we", "eu", "nd", "st"}


class Pieces:
    """Cuts words into the numbers of their pieces; a word that cannot be cut has none."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}
        whole = [piece for piece in vocabulary if piece.isascii() and piece.isalpha()]
        zipf = math.log(len(whole)) + 1
        self._costs = {
            word: math.log(rank + 2) + zipf / 2
            for rank, word in enumerate(whole)
            if len(word) > 2 or word in _SHORT_WORDS
        }

    def of(self, word: str, *, tagged: bool = False) -> list[int]:
        """The pieces of a word as `_words.split` spells it; `tagged` if it is of a hashtag."""
        if word in (LINK, NAME):
            return []
        if len(word) == 1 and not word.isascii() and not word.isalnum():
            parts = sign_name(word)
        else:
            parts = self.segmented_tag(word) if tagged else folded_word(word).split()
        return [number for part in parts for number in self._cut(part)]

    def segmented_tag(self, word: str) -> list[str]:
        """The words that (a part of) a hashtag is made of, folded; the whole where they are not clear."""
        tag = folded_word(word)
        if not (_SHORTEST_TAG <= len(tag) <= _LONGEST_TAG and tag.isascii() and tag.isalpha()) or tag in self._numbers:
            return [tag]
        best: list[tuple[float, int]] = [(0.0, 0)]
        for end in range(1, len(tag) + 1):
            starts = range(max(0, end - _LONGEST_PART), end)
            costs = [(best[start][0] + self._costs.get(tag[start:end], math.inf), start) for start in starts]
            best.append(min(costs))
        if math.isinf(best[-1][0]):
            return [tag]
        parts: list[str] = []
        end = len(tag)
        while end:
            parts.append(tag[best[end][1] : end])
            end = best[end][1]
        return parts[::-1]

    def _cut(self, word: str) -> list[int]:
        """Greedy longest match first."""
        if len(word) > _LONGEST_WORD:
            return []
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self._numbers.get(word[start:end] if start == 0 else f"##{word[start:end]}")
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                return []
        return found


def folded_word(word: str) -> str:
    """Lower case without accents; a run of one mark counts as at most three."""
    if not word[:1].isalnum():
        return " ".join(word[:3])
    folded = word.lower().replace("'", " ' ")
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(sign for sign in decomposed if unicodedata.category(sign) != "Mn")


@lru_cache(maxsize=4096)
def sign_name(sign: str) -> list[str]:
    """The words of a sign's Unicode name, less those that say only what kind of sign it is."""
    name = unicodedata.name(sign, "").lower().replace("-", " ")
    return [word for word in name.split() if word not in ("sign", "symbol", "face", "with", "button", "emoji")]
