"""The apprise notifier for the contract suite: Apprise's own JSON service is the other side."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr
from tests.contract.test_notifier import CANARY, Case
from tests.helpers.channels import http
from tests.helpers.site import Site

from tocsin.component import Context
from tocsin.notifiers.apprise import Apprise, Config


def build(site: Site, context: Context) -> Apprise:
    return Apprise(Config(url=SecretStr(f"json://user:{CANARY}@{site.host}/path")), context)


@asynccontextmanager
async def make(tmp_path: Path) -> AsyncIterator[Case]:
    async with http(tmp_path, build) as case:
        case.says_never = False
        yield case
