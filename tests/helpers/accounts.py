"""Accounts for tests: nobody needs to show who they are, or a token."""

from __future__ import annotations

from argon2 import PasswordHasher

from tocsin.clock import Clock
from tocsin.server.accounts import Accounts, Token, User

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""As quick as can be: what is tested is not how long a hash takes."""


def accounts(clock: Clock, token: str | None = None, users: tuple[User, ...] = ()) -> Accounts:
    tokens = [] if token is None else [Token("token", token, "admin")]
    return Accounts(b"k" * 32, clock, users, tokens, hasher=HASHER)
