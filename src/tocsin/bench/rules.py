"""How fast posts are matched: 1, 20 and 1,000 rules at once, against looking at each rule in turn."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from tocsin.clock import Clock, SystemClock
from tocsin.rules import Document, Matcher, Rule, parse

COUNTS = (1, 20, 1000)
_NAIVE = 200
"""Posts that the naive loop is timed on: it is slow."""
_SYLLABLES = ("ka", "lo", "min", "ter", "sa", "vor", "ne", "ri", "ul", "pa", "den", "qui", "to", "bel", "ash", "gro")
_COMMON = ("the", "a", "to", "and", "is", "in", "it", "of", "for", "my", "on", "you", "not", "with", "this", "so")


def run(posts: int = 10_000, seed: int = 0, clock: Clock | None = None) -> dict[str, float]:
    """Posts a second, cutting them into words included, on one core; made-up posts of about 120 characters.

    `posts_per_second_N` is for N rules, `microseconds_N` the part of a post's time that matching itself takes,
    `words_microseconds` the part before it, `matches_per_post` what 1,000 rules find, and `naive_ratio` how much longer
    a loop over 1,000 rules takes than the matcher, words included in both.
    """
    clock, rng = clock or SystemClock(), random.Random(seed)
    vocabulary = ["".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(5000)]
    rules = {f"rule {number}": parse(_rule(rng, vocabulary)) for number in range(max(COUNTS))}
    made = [_post(rng, vocabulary) for _ in range(posts)]
    words = _seconds(clock, lambda: [document.keys for document in made]) / posts
    result = {"words_microseconds": round(words * 1e6, 2)}
    for count in COUNTS:
        matching, matches = _matching(clock, dict(list(rules.items())[:count]), made)
        result[f"microseconds_{count}"] = round(matching * 1e6, 2)
        result[f"posts_per_second_{count}"] = round(1 / (words + matching))
        result["matches_per_post"] = round(matches, 2)
    some = made[:_NAIVE]
    naive = _seconds(clock, lambda: [[rule.matches(document) for rule in rules.values()] for document in some])
    result["naive_ratio"] = round((words + naive / len(some)) / (words + matching), 1)
    return result


def _matching(clock: Clock, rules: Mapping[str, Rule], documents: Sequence[Document]) -> tuple[float, float]:
    """Seconds and matches a post."""
    matcher = Matcher(rules)
    seconds = _seconds(clock, lambda: [matcher.match(document) for document in documents])
    return seconds / len(documents), sum(len(matcher.match(document)) for document in documents) / len(documents)


def _seconds(clock: Clock, work: Callable[[], object]) -> float:
    start = clock.monotonic()
    work()
    return max(clock.monotonic() - start, 1e-9)


def _post(rng: random.Random, vocabulary: Sequence[str]) -> Document:
    """A post whose words are as unevenly frequent as real ones are."""
    rare = [vocabulary[int(len(vocabulary) * rng.random() ** 3)] for _ in range(10)]
    chosen = [*rare, *rng.choices(_COMMON, k=10)]
    rng.shuffle(chosen)
    tags = tuple(rare[:1]) if rng.random() < 0.2 else ()
    text = f"{' '.join(chosen).capitalize()}.{''.join(f' #{tag}' for tag in tags)}"
    return Document(text, hashtags=tags, author_handle=rng.choice(vocabulary), language="en")


def _rule(rng: random.Random, vocabulary: Sequence[str]) -> str:
    """A rule as people write them: a name and its spellings, some narrowed down."""
    a, b, c, d = rng.choices(vocabulary, k=4)
    return rng.choice(
        (
            a,
            f"({a} OR #{a} OR @{a}) -is:repost",
            f'"{a} {b}" OR #{a}{b}',
            f"{a} ({b} OR {c} OR {d}) lang:en",
            f"({a} OR {b}) -({c} OR {d}) -is:reply",
            f"from:{a} OR @{a} OR url:{a}.example",
        )
    )
