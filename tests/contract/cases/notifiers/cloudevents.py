"""The cloudevents notifier for the contract suite."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pydantic import SecretStr
from tests.contract.test_notifier import CANARY, Case
from tests.helpers.channels import http
from tests.helpers.site import Site

from tocsin.component import Context
from tocsin.notifiers.cloudevents import Cloudevents, Config


def build(site: Site, context: Context) -> Cloudevents:
    return Cloudevents(
        Config(url=f"http://{site.host}/{CANARY}", secret=SecretStr(CANARY), headers={}, allow_private=True), context
    )


def make(tmp_path: Path) -> AbstractAsyncContextManager[Case]:
    return http(tmp_path, build, data=lambda text: json.loads(text)["data"])
