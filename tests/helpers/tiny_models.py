"""Makes the tiny models under tests/data/models/: the real layout, a few thousand weights, and what transformers says.

Needs torch, transformers and onnx, which the tests do not: `python -m tests.helpers.tiny_models`. Each model learns
some invented sentences by heart, so that tests can tell a right answer from a wrong one. `expected.json` holds the
answers of transformers' own classes, with its own tokenizers, in 32-bit floats.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

MODELS = Path(__file__).parents[1] / "data" / "models"
SIZE = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
SIZE |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
CLEANED = [  # as they are after cleaning, so that transformers gets the same
    "I love this and it works",
    "this is awful and broken",
    "the train leaves at noon",
    "cannot log in the service is down",
    "they charged me twice for one month",
    "what a match what a goal",
    "Ada Lovelace works for Acme in London",
    "naïve café visitors asked for ten more",
    "a",
    "the the the the the the the the the the the the the the the the the the the the the the the the the the",
]
FEELINGS = {
    "positive": ["I love this", "what a goal", "it works fine", "thank you so much", "the best day"],
    "neutral": ["the train leaves at noon", "they asked for ten more", "the shop is in London", "we meet at one"],
    "negative": ["this is awful", "it is broken again", "the service is down", "I hate the delay", "the worst day"],
}
TOPICS = {
    "sport": ["what a match", "what a goal", "the team won the cup", "she runs a race"],
    "tech": ["cannot log in", "the service is down", "the app is broken", "my phone is slow"],
    "money": ["they charged me twice", "the price went up", "pay the invoice", "I want a refund"],
}
PEOPLE = ["Ada Lovelace", "Sam", "Maria Silva", "John"]
PLACES = ["London", "Paris", "New York", "Lima"]
FIRMS = ["Acme", "Globex", "Initech Labs"]
SENTENCES = [
    "{p} works for {f} in {l}",
    "{f} opened a shop in {l}",
    "I met {p} today",
    "the train to {l} is late",
    "thank you {f} and thank you {p}",
    "it is a fine day",
]
HYPOTHESIS = "This text is about {}."


def corpus() -> list[str]:
    """Every word that the models shall know."""
    said = [text for group in (FEELINGS, TOPICS) for texts in group.values() for text in texts]
    return [*CLEANED, *said, *(" ".join(words) for words, _ in tagged()), *(HYPOTHESIS.format(t) for t in TOPICS)] * 3


def tagged() -> list[tuple[list[str], list[str]]]:
    """Sentences as words with BIO labels."""
    found = []
    for sentence in SENTENCES:
        for turn in range(12):
            words, labels = [], []
            for word in sentence.split():
                kind = {"{p}": ("PER", PEOPLE), "{l}": ("LOC", PLACES), "{f}": ("ORG", FIRMS)}.get(word)
                said = kind[1][turn % len(kind[1])].split() if kind else [word]
                words += said
                labels += [f"{'I' if place else 'B'}-{kind[0]}" if kind else "O" for place in range(len(said))]
            found.append((words, labels))
    return found


def word_pieces(lower: bool) -> Tokenizer:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=lower)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=260, special_tokens=special))
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return made


def byte_pairs() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    made.train_from_iterator(corpus(), trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    return made


def unigrams(special: Sequence[str], pair: str) -> Tokenizer:
    """As sentencepiece makes them, for DeBERTa ([CLS] first) and XLM-R (<s> first)."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    unknown = next(mark for mark in special if "unk" in mark.lower())
    trainer = trainers.UnigramTrainer(vocab_size=220, special_tokens=list(special), unk_token=unknown)
    made.train_from_iterator(corpus(), trainer)
    first, last = ("[CLS]", "[SEP]") if "[CLS]" in special else ("<s>", "</s>")
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=pair,
        special_tokens=[(mark, made.token_to_id(mark)) for mark in (first, last)],
    )
    return made


def main() -> None:
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    for make in (encoder, sentiment, topics, inference, entities_distilbert, entities_xlmr):
        make()
        print(make.__name__, sum(file.stat().st_size for file in MODELS.rglob("*") if file.is_file()))


def encoder() -> None:
    """A BERT with the modules of sentence-transformers."""
    import torch
    from transformers import BertConfig, BertModel

    words = word_pieces(lower=True)
    config = BertConfig(vocab_size=words.get_vocab_size(), max_position_embeddings=64, initializer_range=0.3, **SIZE)
    path = _fresh("bert-encoder")
    network = BertModel(config, add_pooling_layer=False).eval()
    _save(path, network, words, {"model_max_length": 64, "tokenizer_class": "PreTrainedTokenizerFast"})
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    listed = [
        {"idx": place, "name": str(place), "path": inner, "type": f"sentence_transformers.models.{name}"}
        for place, (inner, name) in enumerate(modules)
    ]
    _write(path / "modules.json", listed)
    (path / "1_Pooling").mkdir()
    _write(path / "1_Pooling" / "config.json", {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True})
    _write(path / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": False})
    card = "---\nlicense: apache-2.0\nlanguage: en\npipeline_tag: sentence-similarity\n---\n\n# Tiny encoder\n"
    (path / "README.md").write_text(card, encoding="utf-8")
    expected = []
    for text in CLEANED:
        with torch.no_grad():
            hidden = network(**_tokenizer(path)(text, return_tensors="pt", truncation=True, max_length=48))[0][0]
        expected.append(torch.nn.functional.normalize(hidden.mean(0), dim=0).tolist())
    _write(path / "expected.json", {"texts": CLEANED, "vectors": expected})
    _finish(path)


def sentiment() -> None:
    from transformers import RobertaConfig, RobertaForSequenceClassification

    pieces = byte_pairs()
    config = RobertaConfig(
        vocab_size=pieces.get_vocab_size(),
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
        **_labelled(["negative", "neutral", "positive"]),
        **SIZE,
    )
    path, network = _fresh("roberta-sentiment"), RobertaForSequenceClassification(config)
    _save(path, network, pieces, {"model_max_length": 64, "tokenizer_class": "PreTrainedTokenizerFast"})
    _learn_labels(network, path, FEELINGS)
    _expect_labels(network, path)


def topics() -> None:
    """A DeBERTa as of version 2, with its convolution."""
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    path, network = _deberta("deberta-v2-topics", special, list(TOPICS), conv_kernel_size=3, conv_act="gelu")
    _learn_labels(network, path, TOPICS)
    _expect_labels(network, path)


def inference() -> None:
    """A DeBERTa as of version 3, which knows what a text entails."""
    import torch

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    path, network = _deberta("deberta-v3-nli", special, ["entailment", "neutral", "contradiction"], num_hidden_layers=2)
    tokenizer = _tokenizer(path)
    pairs = [
        (text, HYPOTHESIS.format(t), 0 if t == own else 2) for own in TOPICS for text in TOPICS[own] for t in TOPICS
    ]
    inputs = tokenizer([p[0] for p in pairs], [p[1] for p in pairs], return_tensors="pt", padding=True)
    _learn(network, lambda: network(**inputs, labels=torch.tensor([p[2] for p in pairs])).loss)
    network.save_pretrained(path)
    expected = []
    for text in CLEANED:
        scores = []
        for topic in TOPICS:
            with torch.no_grad():
                given = tokenizer(
                    text, HYPOTHESIS.format(topic), return_tensors="pt", truncation="only_first", max_length=64
                )
                logits = network(**given).logits[0]
            scores.append(logits[[2, 0]].softmax(0)[1].item())
        expected.append(scores)
    _write(path / "expected.json", {"texts": CLEANED, "labels": list(TOPICS), "scores": expected})
    _finish(path)


def entities_distilbert() -> None:
    from transformers import DistilBertConfig, DistilBertForTokenClassification

    words = word_pieces(lower=False)
    config = DistilBertConfig(
        vocab_size=words.get_vocab_size(),
        max_position_embeddings=64,
        dim=16,
        n_layers=1,
        n_heads=2,
        hidden_dim=32,
        dropout=0.0,
        attention_dropout=0.0,
        **_labelled(["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]),
    )
    _entities(_fresh("distilbert-entities"), DistilBertForTokenClassification(config), words)


def entities_xlmr() -> None:
    from transformers import XLMRobertaConfig, XLMRobertaForTokenClassification

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces = unigrams(special, "<s> $A </s> </s> $B </s>")
    config = XLMRobertaConfig(
        vocab_size=pieces.get_vocab_size(),
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
        **_labelled(["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]),
        **SIZE,
    )
    _entities(_fresh("xlmr-entities"), XLMRobertaForTokenClassification(config), pieces)


def _entities(path: Path, network: Any, pieces: Tokenizer) -> None:
    import torch

    _save(path, network, pieces, {"model_max_length": 64, "tokenizer_class": "PreTrainedTokenizerFast"})
    tokenizer = _tokenizer(path)
    inputs = tokenizer([" ".join(words) for words, _ in tagged()], return_tensors="pt", padding=True)
    numbers = network.config.label2id
    targets = torch.full(inputs["input_ids"].shape, -100)
    for row, (_, labels) in enumerate(tagged()):
        seen: set[int] = set()
        for place, word in enumerate(inputs.encodings[row].word_ids):
            if word is not None and word not in seen:  # the first piece of a word has its label
                targets[row, place] = numbers[labels[word]]
                seen.add(word)
    _learn(network, lambda: network(**inputs, labels=targets).loss)
    network.save_pretrained(path)
    expected = []
    for text in CLEANED:
        with torch.no_grad():
            given = tokenizer(text, return_tensors="pt", truncation=True, max_length=64)
            expected.append(network(**given).logits[0].tolist())
    _write(path / "expected.json", {"texts": CLEANED, "logits": expected})
    _finish(path)


def _deberta(name: str, special: list[str], labels: list[str], **more: Any) -> tuple[Path, Any]:
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    pieces = unigrams(special, "[CLS] $A [SEP] $B:1 [SEP]:1")
    config = DebertaV2Config(
        vocab_size=pieces.get_vocab_size(),
        max_position_embeddings=64,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=16,
        max_relative_positions=-1,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        pooler_hidden_size=16,
        **_labelled(labels),
        **(SIZE | more),
    )
    path, network = _fresh(name), DebertaV2ForSequenceClassification(config)
    _save(path, network, pieces, {"model_max_length": 64, "tokenizer_class": "PreTrainedTokenizerFast"})
    return path, network


def _labelled(labels: list[str]) -> dict[str, Any]:
    return {"id2label": dict(enumerate(labels)), "label2id": {name: number for number, name in enumerate(labels)}}


def _learn_labels(network: Any, path: Path, groups: dict[str, list[str]]) -> None:
    import torch

    texts = [text for group in groups.values() for text in group]
    targets = torch.tensor([network.config.label2id[name] for name, group in groups.items() for _ in group])
    inputs = _tokenizer(path)(texts, return_tensors="pt", padding=True)
    _learn(network, lambda: network(**inputs, labels=targets).loss)
    network.save_pretrained(path)


def _learn(network: Any, loss: Callable[[], Any]) -> None:
    import torch

    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.005)
    for _ in range(500):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    network.eval()


def _expect_labels(network: Any, path: Path) -> None:
    import torch

    expected = []
    for text in CLEANED:
        with torch.no_grad():
            given = _tokenizer(path)(text, return_tensors="pt", truncation=True, max_length=64)
            expected.append(network(**given).logits[0].softmax(0).tolist())
    names = [network.config.id2label[number] for number in range(network.config.num_labels)]
    _write(path / "expected.json", {"texts": CLEANED, "labels": names, "scores": expected})
    _finish(path)


def _fresh(name: str) -> Path:
    shutil.rmtree(MODELS / name, ignore_errors=True)
    (MODELS / name).mkdir(parents=True)
    return MODELS / name


def _save(path: Path, network: Any, tokenizer: Tokenizer, options: dict[str, Any]) -> None:
    network.save_pretrained(path)
    tokenizer.save(str(path / "tokenizer.json"), pretty=False)
    _write(path / "tokenizer_config.json", options)


def _tokenizer(path: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    marks = json.loads((path / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    padding = next(mark["content"] for mark in marks if "pad" in mark["content"].lower())
    return PreTrainedTokenizerFast(tokenizer_file=str(path / "tokenizer.json"), pad_token=padding)


def _finish(path: Path) -> None:
    """The weights as the project itself makes them, in place of the original ones."""
    from tocsin.models._onnx.build import build

    build(path, "model.safetensors", path, int8=False, export=True, where=path.name)
    (path / "model.safetensors").unlink()


def _write(file: Path, value: Any) -> None:
    file.write_text(json.dumps(_rounded(value), ensure_ascii=False) + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    """Numbers to six digits: a hundredth of what is compared."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
