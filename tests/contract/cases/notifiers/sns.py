"""The sns notifier for the contract suite: botocore as it is, pointed at a fake of the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from tests.contract.test_notifier import Case
from tests.helpers.channels import http
from tests.helpers.remote import fake_credentials
from tests.helpers.site import Site

from tocsin.component import Context
from tocsin.notifiers.sns import Config, Sns

TOPIC = "arn:aws:sns:eu-central-1:123456789012:alerts"
ANSWER = (
    '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId>'
    "</PublishResult><ResponseMetadata><RequestId>2</RequestId></ResponseMetadata></PublishResponse>"
)


def build(site: Site, context: Context) -> Sns:
    return Sns(Config(topic=TOPIC, endpoint_url=f"http://{site.host}"), context)


@asynccontextmanager
async def make(tmp_path: Path) -> AsyncIterator[Case]:
    with fake_credentials():
        async with http(tmp_path, build, good=lambda: web.Response(text=ANSWER, content_type="text/xml")) as case:
            yield case
