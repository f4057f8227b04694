"""Amazon Comprehend for the contract suite, with a custom classifier of two classes, `outage` and `billing`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.fake_comprehend import FakeComprehend
from tests.helpers.remote import fake_credentials, serving

from tocsin.component import Context
from tocsin.models.comprehend import Comprehend, Config

ARN = "arn:aws:comprehend:eu-west-1:123456789012:document-classifier-endpoint/posts"


@contextmanager
def make(tmp_path: Path) -> Iterator[Comprehend]:
    with fake_credentials(), serving(FakeComprehend()) as service:
        config = Config(endpoint_url=service.url, classifier=ARN, language="en", max_cost_per_day=None)
        yield Comprehend("", config, Context("category", tmp_path))
