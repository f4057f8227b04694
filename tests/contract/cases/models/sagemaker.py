"""A SageMaker endpoint for the contract suite: a container that does all three tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.fake_sagemaker import FakeSagemaker
from tests.helpers.remote import fake_credentials, serving

from tocsin.component import Context
from tocsin.models.sagemaker import Config, Sagemaker


@contextmanager
def make(tmp_path: Path) -> Iterator[Sagemaker]:
    with fake_credentials(), serving(FakeSagemaker()) as service:
        meanings = {"LABEL_0": "negative", "LABEL_1": "neutral", "LABEL_2": "positive"}
        config = Config.model_validate({"endpoint_url": service.url, "sentiments": meanings, "max_cost_per_day": None})
        yield Sagemaker("my-endpoint", config, Context("category", tmp_path))
