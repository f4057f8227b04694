"""How many posts a second others manage on one core: run by a Python that has them, posts as JSON on stdin.

The zero-shot pipeline runs a model of the architecture and size of facebook/bart-large-mnli with random weights: the
speed is the same, and nothing is downloaded. Those that are not installed are left out.
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
    rates = {}
    for name, make in (("vader_sentiment", _vader), ("spacy_small_entities", _spacy), ("bart_large_zero_shot", _bart)):
        try:
            work, some = make(texts)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        began = time.process_time()
        work(some)
        rates[name] = len(some) / (time.process_time() - began)
    print(json.dumps(rates))


def _vader(texts: list[str]) -> tuple[Callable[[list[str]], Any], list[str]]:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    return lambda some: [analyzer.polarity_scores(text) for text in some], texts


def _spacy(texts: list[str]) -> tuple[Callable[[list[str]], Any], list[str]]:
    import spacy

    try:
        model = spacy.load("en_core_web_sm", exclude=["tagger", "parser", "lemmatizer", "attribute_ruler"])
    except OSError as error:
        raise ImportError(str(error)) from error
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
