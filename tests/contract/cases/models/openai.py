"""The chat model for the contract suite: behind it is a server that judges by words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr
from tests.helpers.fake_openai import KEY, FakeOpenai
from tests.helpers.remote import serving

from tocsin.component import Context
from tocsin.models.openai import Config, Openai


@contextmanager
def make(tmp_path: Path) -> Iterator[Openai]:
    with serving(FakeOpenai()) as service:
        config = Config(url=f"{service.url}/v1", key=SecretStr(KEY), max_cost_per_day=None)
        yield Openai("gpt-test", config, Context("category", tmp_path))
