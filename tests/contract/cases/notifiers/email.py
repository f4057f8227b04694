"""The email notifier for the contract suite: its other side is a mail server on loopback."""

from __future__ import annotations

import email
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from tests.contract.test_notifier import CANARY, Case
from tests.helpers.channels import context, mail_server

from tocsin.notifiers.email import Config, Email


@asynccontextmanager
async def make(tmp_path: Path) -> AsyncIterator[Case]:
    async with mail_server() as (mailbox, port):

        def received() -> list[dict[str, Any]]:
            mails = {mail["Message-ID"]: mail for mail in map(email.message_from_bytes, mailbox.mails)}
            return [{"key": str(mail["X-Tocsin-Key"]), "text": mail.as_string()} for mail in mails.values()]

        async def fail(kind: str | None) -> None:
            mailbox.answer = {"transient": "451 later", "permanent": "550 no", None: "250 OK"}[kind]

        def again() -> Email:
            config = Config(
                to=("ops@example.com",), sender="tocsin@example.com", host="127.0.0.1", port=port, security="none"
            )
            assert CANARY not in repr(config.model_copy(update={"password": SecretStr(CANARY)}))
            return Email(config, context(tmp_path))

        yield Case(again(), received, fail, again, whole=False)
