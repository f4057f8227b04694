"""The sentiment teacher: all-MiniLM-L6-v2, fine-tuned on SemEval's posts, GoEmotions and rated sentences at once."""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from plain import pieces, plain
from sentiment_posts import emotions, rated, training, validation
from teacher import fetch
from torch import nn
from transformers import AutoModel, AutoTokenizer

LONGEST = 64
BATCH = 32
RATE = 1e-4
EPOCHS = {"posts": 2, "emotions": 0.5, "ratings": 0.5}
FROZEN = 2
WEIGHTS = {"posts": 1.0, "emotions": 3.0, "ratings": 0.3}
SEED = 20261125

Floats = npt.NDArray[np.float32]
Task = tuple[Sequence[str], torch.Tensor]


class SentimentTeacher(nn.Module):
    """Logits of negative, neutral and positive; two further heads only for training."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.body = AutoModel.from_pretrained(folder)
        for frozen in (self.body.embeddings, *self.body.encoder.layer[:FROZEN]):
            frozen.requires_grad_(False)
        self.dropout = nn.Dropout(0.15)
        self.heads = nn.ModuleDict(
            {"posts": nn.Linear(768, 3), "emotions": nn.Linear(768, 28), "ratings": nn.Linear(768, 1)}
        )

    def forward(self, texts: Sequence[str], task: str = "posts") -> torch.Tensor:
        inputs = self.tokenizer(list(texts), padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self.body(**inputs).last_hidden_state
        hidden = hidden.float()
        mask = inputs["attention_mask"][:, :, None].float()
        pooled = torch.cat([(hidden * mask).sum(1) / mask.sum(1), hidden[:, 0]], dim=1)
        found: torch.Tensor = self.heads[task](self.dropout(pooled))
        return found

    @torch.inference_mode()
    def label(self, texts: Sequence[str]) -> Floats:
        """(n, 3) logits."""
        self.eval()
        shown = [readable(text) for text in texts]
        order = sorted(range(len(shown)), key=lambda place: len(shown[place]))
        found = np.zeros((len(texts), 3), np.float32)
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            found[rows] = self([shown[row] for row in rows]).numpy()
        return found


def readable(text: str) -> str:
    """As the teacher reads it: a drawn-out word (sooo) is cut short."""
    words = plain(text[:600]).split(" ")
    return " ".join(word if word.isascii() and not _drawn_out(word) else _shortened(word) for word in words)


def _drawn_out(word: str) -> bool:
    return word.isalpha() and any(word[i] == word[i + 1] == word[i + 2] for i in range(len(word) - 2))


def _shortened(word: str) -> str:
    if not word.isalpha():
        return word
    once, twice = "", ""
    for place, sign in enumerate(word):
        if place < 1 or sign.lower() != word[place - 1].lower():
            once += sign
        if place < 2 or not sign.lower() == word[place - 1].lower() == word[place - 2].lower():
            twice += sign
    if len(pieces().of(twice)) == 1:
        return twice
    return once if len(pieces().of(once)) == 1 else twice


def train(folder: Path, tasks: dict[str, Task]) -> SentimentTeacher:
    torch.manual_seed(SEED)
    shuffle = random.Random(SEED)
    model = SentimentTeacher(folder)
    model.train()
    batches = list(_schedule(tasks, shuffle))
    decayed = [weight for name, weight in model.named_parameters() if weight.requires_grad and weight.ndim > 1]
    plain_ones = [weight for name, weight in model.named_parameters() if weight.requires_grad and weight.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": plain_ones, "weight_decay": 0.0}], lr=RATE
    )
    warm = len(batches) // 15
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (len(batches) - step) / (len(batches) - warm))
    )
    began, losses = time.monotonic(), dict.fromkeys(tasks, 0.0)
    for step, (task, rows) in enumerate(batches):
        texts, targets = tasks[task]
        loss = _loss(task, model([texts[row] for row in rows], task), targets[rows])
        optimizer.zero_grad()
        (WEIGHTS[task] * loss).backward()
        torch.nn.utils.clip_grad_norm_([*decayed, *plain_ones], 1.0)
        optimizer.step()
        schedule.step()
        losses[task] += 0.02 * (loss.item() - losses[task])
        if step % 100 == 0:
            shown = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
            print(f"step {step} of {len(batches)}, {time.monotonic() - began:.0f} s, {shown}", flush=True)
    return model


def _loss(task: str, found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    if task == "posts":
        return nn.functional.cross_entropy(found, wanted)
    if task == "emotions":
        return nn.functional.binary_cross_entropy_with_logits(found, wanted)
    return nn.functional.mse_loss(found[:, 0], wanted)


def _schedule(tasks: dict[str, Task], shuffle: random.Random) -> Iterator[tuple[str, list[int]]]:
    """Batches of texts of about one length. The last round is of posts alone."""
    early, late = [], []
    for task, (texts, _) in tasks.items():
        for epoch in range(math.ceil(EPOCHS[task])):
            batches = [(task, rows) for rows in _batches(texts, shuffle)]
            shuffle.shuffle(batches)
            last = task == "posts" and epoch == EPOCHS[task] - 1
            (late if last else early).extend(batches[: math.ceil(EPOCHS[task] * len(batches))])
    shuffle.shuffle(early)
    shuffle.shuffle(late)
    yield from early
    yield from late


def _batches(texts: Sequence[str], shuffle: random.Random) -> Iterator[list[int]]:
    order = list(range(len(texts)))
    shuffle.shuffle(order)
    for start in range(0, len(order), 50 * BATCH):
        part = sorted(order[start : start + 50 * BATCH], key=lambda place: len(texts[place]))
        yield from (part[i : i + BATCH] for i in range(0, len(part), BATCH))


def taught(texts: Sequence[str], data: Path, work: Path) -> Floats:
    """(n, 3) what the teacher says of texts, as probabilities; trained if it is not there, and asked only once."""
    file = work / "sentiment-taught.npz"
    known: dict[int, Floats] = {}
    if file.exists():
        kept = np.load(file)
        known = dict(zip(kept["keys"].tolist(), kept["logits"], strict=True))
    keys = [_key(text) for text in texts]
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if new:
        model = teacher(data, work)
        wanted = sorted(new)
        for start in range(0, len(wanted), 16384):
            part = wanted[start : start + 16384]
            known |= zip(part, model.label([new[key] for key in part]), strict=True)
            logits = np.array(list(known.values()), np.float16)
            np.savez(file.with_suffix(".part.npz"), keys=np.array(list(known), np.uint64), logits=logits)
            file.with_suffix(".part.npz").rename(file)
            print(f"the teacher labelled {start + len(part)} of {len(wanted)} texts", flush=True)
    logits = np.array([known[key] for key in keys], np.float32)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = powers / powers.sum(axis=1, keepdims=True)
    return found


def teacher(data: Path, work: Path) -> SentimentTeacher:
    """Trained on all posts but the late ones, so that it can be judged on them; kept in the working folder."""
    file = work / "sentiment-teacher.pt"
    if file.exists():
        model = SentimentTeacher(fetch(work))
        model.load_state_dict(torch.load(file, weights_only=True))
        return model
    posts, late = training(data)
    early = posts.where(~late)
    comments, shown = emotions(data)
    sentences, ratings = rated(work, [*validation(data).texts, *posts.texts])
    tasks: dict[str, Task] = {
        "posts": ([readable(text) for text in early.texts], torch.from_numpy(early.labels)),
        "emotions": ([readable(text) for text in comments], torch.from_numpy(shown)),
        "ratings": ([readable(text) for text in sentences], torch.from_numpy(ratings)),
    }
    model = train(fetch(work), tasks)
    torch.save(model.state_dict(), file)
    return model


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
