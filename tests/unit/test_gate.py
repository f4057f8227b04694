"""Who is let in: every route, for everybody who could ask (S2, S6 and S7 of the scorecard)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.helpers.accounts import HASHER, accounts

from tocsin import config as configs
from tocsin.clock import ManualClock
from tocsin.errors import ConfigError
from tocsin.links import Links
from tocsin.server.accounts import FREE_TRIES, TRIES_SECONDS, Accounts, Token, User, Who
from tocsin.server.app import Site, app
from tocsin.server.audit import Audit
from tocsin.state import State

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKEN = "t" * 40
OPEN = {"/healthz", "/api/login", "/api/me", "/assets/{name}", "/{path:path}", "/i/{incident}/{action}"}
"""Routes that need nobody: `gate.OPEN` says why."""


class House:
    def __init__(self, folder: Path, *, users: bool = True) -> None:
        self.clock = ManualClock(NOW)
        self.state = State(folder / "state.db")
        known = tuple(User(role, HASHER.hash(f"{role} password"), role) for role in ("viewer", "analyst", "admin"))  # type: ignore[arg-type]
        self.accounts = accounts(self.clock, TOKEN if users else None, known if users else ())
        self.audit = Audit(folder / "audit.jsonl", self.clock)
        links = Links(b"k" * 32, "http://testserver", self.clock, 7)
        self.app = app(Site(self.state, links, self.clock, self.accounts, ["testserver"], audit=self.audit))

    def client(self, address: str = "10.0.0.9") -> TestClient:
        return TestClient(self.app, client=(address, 50000), raise_server_exceptions=False)

    def logged_in(self, role: str) -> TestClient:
        client = self.client()
        assert client.post("/api/login", json={"name": role, "password": f"{role} password"}).status_code == 200
        return client

    def routes(self) -> list[tuple[str, str, str]]:
        """Method, path as it is declared, and one that it takes."""
        found = []
        for route in self.app.routes:
            assert isinstance(route, Route)
            path = re.sub(r"\{[^}]*\}", "x", route.path)
            found += [(method, route.path, path) for method in sorted(route.methods or ()) if method != "HEAD"]
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    with closing(made.state):
        yield made


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, users=False)
    with closing(made.state):
        yield made


def test_every_route_but_the_open_ones_needs_somebody(house: House) -> None:
    for method, declared, path in house.routes():
        status = house.client("127.0.0.1").request(method, path).status_code
        assert (status == 401) is (declared not in OPEN), f"{method} {path} gave {status}"


def test_a_foreign_host_gets_nothing(house: House, alone: House) -> None:
    for one in (house, alone):
        for method, _, path in one.routes():
            for host in ("evil.example", "testserver.evil.example", "127.0.0.1.evil.example"):
                assert one.client("127.0.0.1").request(method, path, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("headers", [
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"},
    {"Origin": "null"}, {"Origin": "http://testserver:99"}, {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
])  # fmt: skip
def test_what_comes_from_a_page_of_others_changes_nothing(house: House, alone: House, headers: dict[str, str]) -> None:
    for client in (house.logged_in("admin"), alone.client("127.0.0.1")):
        for method, declared, path in house.routes():
            if method in {"POST", "DELETE"} and not declared.startswith("/i/"):
                assert client.request(method, path, headers=headers).status_code in {401, 403}, (method, path)
    assert alone.client("127.0.0.1").get("/api/incidents", headers=headers).status_code == 401


def test_a_page_of_ours_and_a_program_with_a_token_may(house: House) -> None:
    ours = {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}
    client = house.logged_in("admin")
    assert client.post("/api/logout", headers=ours).status_code == 200
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert house.client().get("/api/incidents", headers=bearer).status_code == 200
    assert house.client().get("/api/incidents", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert house.client().get("/api/incidents", headers={b"Authorization": "Bearer é".encode()}).status_code == 401


def test_without_users_only_this_machine_is_let_in(alone: House) -> None:
    assert alone.client("127.0.0.1").get("/api/incidents").status_code == 200
    assert alone.client("::1").get("/api/incidents").status_code == 200
    assert alone.client("10.0.0.9").get("/api/incidents").status_code == 401
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert alone.client("127.0.0.1").get("/api/incidents", headers={header: "10.0.0.9"}).status_code == 401


@pytest.mark.parametrize(("role", "method", "path", "allowed"), [
    ("viewer", "GET", "/api/incidents", True), ("viewer", "GET", "/api/query", False),
    ("viewer", "POST", "/api/incidents/x/done", False), ("viewer", "GET", "/api/audit", False),
    ("viewer", "POST", "/api/v2/silences", False), ("viewer", "POST", "/api/logout", True),
    ("analyst", "POST", "/api/incidents/x/done", True), ("analyst", "GET", "/api/query", True),
    ("analyst", "GET", "/api/audit", False), ("admin", "GET", "/api/audit", True),
])  # fmt: skip
def test_a_role_may_what_it_may(house: House, role: str, method: str, path: str, allowed: bool) -> None:
    status = house.logged_in(role).request(method, path).status_code
    assert (status != 403) is allowed, status


def test_every_answer_forbids_inline_scripts_frames_and_sniffing(house: House) -> None:
    client = house.logged_in("admin")
    for method, _, path in [*house.routes(), ("GET", "", "/api/nothing"), ("GET", "", "/nothing")]:
        answer = client.request(method, path)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert re.search(r"default-src '(self|none)'", policy)
        assert "unsafe-eval" not in policy
        assert "script-src" not in policy
        if "'unsafe-inline'" in policy:
            assert "default-src 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_session_is_in_a_cookie_that_scripts_and_other_sites_cannot_use(house: House) -> None:
    answer = house.client().post("/api/login", json={"name": "viewer", "password": "viewer password"})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_passwords_are_not_guessed(house: House) -> None:
    client = house.client()
    for _ in range(FREE_TRIES):
        wrong = client.post("/api/login", json={"name": "admin", "password": "guess"})
        assert (wrong.status_code, wrong.json()["error"]) == (403, "the name or the password is wrong")
    right = {"name": "admin", "password": "admin password"}
    held = client.post("/api/login", json=right)
    assert held.status_code == 429
    assert 0 < int(held.headers["retry-after"]) <= TRIES_SECONDS + 1
    assert house.client("10.0.0.10").post("/api/login", json=right).status_code == 429
    house.clock.advance(TRIES_SECONDS + 1)
    assert client.post("/api/login", json=right).status_code == 200
    assert [entry.done for entry in house.audit.newest(10)][:2] == ["logged in", "failed to log in"]


def test_one_address_cannot_try_many_names(house: House) -> None:
    client = house.client()
    for number in range(FREE_TRIES):
        client.post("/api/login", json={"name": f"nobody{number}", "password": "guess"})
    assert client.post("/api/login", json={"name": "viewer", "password": "viewer password"}).status_code == 429
    assert house.client("10.0.0.10").post(
        "/api/login", json={"name": "viewer", "password": "viewer password"}
    ).status_code == 200  # fmt: skip


def test_a_session_ends_with_its_time_its_password_and_any_change_to_it(house: House) -> None:
    kept = house.accounts
    session = kept.session(Who("viewer", "viewer", "password"))
    assert kept.of_session(session) == Who("viewer", "viewer", "password")
    for place in range(0, len(session), 7):
        other = session[:place] + ("A" if session[place] != "A" else "B") + session[place + 1 :]
        assert kept.of_session(other) is None
    changed = Accounts(kept.key, house.clock, [User("viewer", HASHER.hash("new"), "viewer")], hasher=HASHER)
    assert changed.of_session(session) is None
    assert Accounts(b"other" * 8, house.clock, kept.users, hasher=HASHER).of_session(session) is None
    house.clock.advance(13 * 3600)
    assert kept.of_session(session) is None
    for nonsense in ("", ".", "a.b", "é.é", "e30.x"):
        assert kept.of_session(nonsense) is None


def test_somebody_with_another_role_has_it_at_once(house: House) -> None:
    session = house.accounts.session(Who("viewer", "viewer", "password"))
    password = house.accounts.users[0].password
    now = Accounts(house.accounts.key, house.clock, [User("viewer", password, "admin")], hasher=HASHER)
    assert now.of_session(session) == Who("viewer", "admin", "password")


def test_a_token_has_its_own_role() -> None:
    known = Accounts(b"k", ManualClock(NOW), (), [Token("grafana", TOKEN, "viewer")], hasher=HASHER)
    assert known.of_token(TOKEN) == Who("grafana", "viewer", "token")
    assert not known.open


def test_the_audit_log_keeps_what_people_did_in_one_line_each(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", ManualClock(NOW))
    audit.note({"name": "eve\n{}", "by": "password", "address": "::1"}, "ack", "i1\x1b[31m")
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(b"half a li")
    assert [(one.who, one.what) for one in audit.newest(5)] == [("eve {}", "i1[31m")]


@pytest.mark.parametrize(("server", "said"), [
    ("{host: 0.0.0.0}", "opens the server to others"), ("{host: '::'}", "opens the server to others"),
    ("{host: 192.168.0.5, port: 80}", "opens the server to others"),
    ("{users: [{name: ann, password: secret, role: admin}]}", "kept as its hash"),
    ("{users: [{name: ann, password: '$argon2id$x'}, {name: ann, password: '$argon2id$y'}]}", "the same name"),
])  # fmt: skip
def test_a_server_that_would_be_open_to_all_does_not_start(tmp_path: Path, server: str, said: str) -> None:
    (tmp_path / "tocsin.yaml").write_text(f"server: {server}\n")
    with pytest.raises(ConfigError, match=said):
        configs.load(tmp_path / "tocsin.yaml", {})


def test_a_server_with_users_may_listen_anywhere(tmp_path: Path) -> None:
    text = "server: {host: 0.0.0.0, users: [{name: ann, password: '$argon2id$v=19$x', role: admin}]}\n"
    (tmp_path / "tocsin.yaml").write_text(text)
    found: Any = configs.load(tmp_path / "tocsin.yaml", {})
    assert found.server.users[0].role == "admin"
    assert "argon2" not in repr(found.server)
