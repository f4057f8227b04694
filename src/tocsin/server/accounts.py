"""Who somebody is: passwords, sessions and tokens. Passwords are kept as Argon2 hashes (RFC 9106) in the config."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tocsin.clock import Clock
from tocsin.settings_server import Role

RANKS: dict[Role, int] = {"viewer": 0, "analyst": 1, "admin": 2}
"""A viewer sees everything; an analyst also acts on incidents and asks in SQL; an admin sees who did what."""

FREE_TRIES, TRIES_SECONDS = 5, 900
"""So many wrong passwords in so many seconds, for one name or from one address, are let pass."""
MOST_KEPT = 10_000


class Who(msgspec.Struct, frozen=True):
    """Somebody, and what they may do. `by` is how they showed who they are."""

    name: str
    role: Role
    by: Literal["this machine", "password", "token", "oidc"]

    def may(self, role: Role) -> bool:
        return RANKS[self.role] >= RANKS[role]


@dataclass(frozen=True)
class User:
    name: str
    password: str
    role: Role


@dataclass(frozen=True)
class Token:
    name: str
    secret: str
    role: Role


class _Session(msgspec.Struct, frozen=True):
    name: str
    by: Literal["password", "oidc"]
    role: Role
    until: int
    stamp: str
    """Of the password: another one ends the session."""


@dataclass
class Accounts:
    """Everybody that the config knows. `key` signs sessions, which last `hours`."""

    key: bytes
    clock: Clock
    users: Sequence[User] = ()
    tokens: Sequence[Token] = ()
    hours: float = 12
    hasher: PasswordHasher = field(default_factory=PasswordHasher)

    def __post_init__(self) -> None:
        self._nobody = self.hasher.hash(secrets.token_hex()) if self.users else ""
        self._failed: dict[str, list[float]] = {}

    @property
    def open(self) -> bool:
        """Whether nobody needs to show who they are: only this machine is let in then."""
        return not self.users and not self.tokens

    def wait(self, name: str, address: str) -> int:
        """Seconds until another password may be tried; 0: now."""
        now = self.clock.monotonic()
        waits = [0.0]
        for who in (f"name {name}", f"from {address}"):
            tries = [at for at in self._failed.get(who, ()) if now - at < TRIES_SECONDS]
            if len(tries) >= FREE_TRIES:
                waits.append(tries[-FREE_TRIES] + TRIES_SECONDS - now)
        return int(max(waits)) + 1 if max(waits) > 0 else 0

    def log_in(self, name: str, password: str, address: str) -> Who | None:
        """Somebody with this password; None, after as long a time, where there is none."""
        user = next((one for one in self.users if one.name == name), None)
        try:
            self.hasher.verify(user.password if user else self._nobody, password)
        except (VerificationError, InvalidHashError):
            user = None
        if user is None:
            self._note(f"name {name}", f"from {address}")
            return None
        self._failed.pop(f"name {name}", None)
        return Who(user.name, user.role, "password")

    def _note(self, *who: str) -> None:
        now = self.clock.monotonic()
        for one in who:
            self._failed[one] = [*(at for at in self._failed.get(one, ()) if now - at < TRIES_SECONDS), now]
        if len(self._failed) > MOST_KEPT:
            self._failed = {one: tries for one, tries in self._failed.items() if now - tries[-1] < TRIES_SECONDS}

    def session(self, who: Who) -> str:
        """What a browser shows from now on."""
        until = int(self.clock.now().timestamp() + self.hours * 3600)
        by: Literal["password", "oidc"] = "oidc" if who.by == "oidc" else "password"
        body = msgspec.json.encode(_Session(who.name, by, who.role, until, self._stamp(who.name, by)))
        return f"{_text(body)}.{self._sign(body)}"

    def of_session(self, text: str) -> Who | None:
        """Who a session is of; None for one that is over, is not ours, or whose user is another now."""
        body, _, signature = text.partition(".")
        try:
            raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            if not hmac.compare_digest(self._sign(raw).encode(), signature.encode()):
                return None
            session = msgspec.json.decode(raw, type=_Session)
        except (ValueError, msgspec.MsgspecError):
            return None
        if session.until < self.clock.now().timestamp() or session.stamp != self._stamp(session.name, session.by):
            return None
        if session.by == "oidc":
            return Who(session.name, session.role, "oidc")
        user = next((one for one in self.users if one.name == session.name), None)
        return None if user is None else Who(user.name, user.role, "password")

    def _stamp(self, name: str, by: str) -> str:
        """Changes with the password."""
        user = next((one for one in self.users if one.name == name), None)
        kept = user.password if user is not None and by == "password" else ""
        return hashlib.sha256(kept.encode()).hexdigest()[:16]

    def of_token(self, secret: str) -> Who | None:
        """Who a token is of. Every one is compared, so that the time tells nothing."""
        found = [one for one in self.tokens if hmac.compare_digest(one.secret.encode(), secret.encode())]
        return Who(found[0].name, found[0].role, "token") if found else None

    def _sign(self, body: bytes) -> str:
        return _text(hmac.new(self.key, b"session\n" + body, hashlib.sha256).digest())


def _text(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode().rstrip("=")
