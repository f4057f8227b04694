"""The teams notifier for the contract suite."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pydantic import SecretStr
from tests.contract.test_notifier import CANARY, Case
from tests.helpers.channels import http
from tests.helpers.site import Site

from tocsin.component import Context
from tocsin.notifiers.teams import Config, Teams


def build(site: Site, context: Context) -> Teams:
    return Teams(Config(webhook=SecretStr(f"http://{site.host}/{CANARY}"), allow_private=True), context)


def make(tmp_path: Path) -> AbstractAsyncContextManager[Case]:
    return http(tmp_path, build)
