"""The ntfy notifier for the contract suite."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pydantic import SecretStr
from tests.contract.test_notifier import CANARY, Case
from tests.helpers.channels import http
from tests.helpers.site import Site

from tocsin.component import Context
from tocsin.notifiers.ntfy import Config, Ntfy


def build(site: Site, context: Context) -> Ntfy:
    return Ntfy(Config(topic="ops", server=f"http://{site.host}", token=SecretStr(CANARY), allow_private=True), context)


def make(tmp_path: Path) -> AbstractAsyncContextManager[Case]:
    return http(tmp_path, build)
