"""Secret references, masks and signatures."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from tocsin.errors import ConfigError
from tocsin.options import Options
from tocsin.secrets import MASK, Redactor, is_reference, resolve, sign, verify
from tocsin.telemetry import configure_logging

CANARY = "canary/7f3a+\"quoted\"='é'"


@pytest.mark.parametrize(("text", "value"), [
    ("plain", "plain"), ("${env:A}", "alpha"), ("x${env:A}y${env:A}", "xalphayalpha"), ("${env:NONE:-d}", "d"),
    ("${env:NONE:-}", ""),
    ("${env:EMPTY:-d}", "d"), ("${env:A:-d}", "alpha"), ("$${env:A}", "${env:A}"), ("$$", "$$"), ("$5 {x}", "$5 {x}"),
    ("${env:NONE:-https://h/p:1}", "https://h/p:1"), ("${env:NEST}", "${env:A}"), ("${file:secret.txt}", "from file"),
])  # fmt: skip
def test_references_are_replaced(text: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("\ufefffrom file\r\n", encoding="utf-8")
    environ = {"A": "alpha", "EMPTY": "", "NEST": "${env:A}"}
    assert resolve(text, environ, tmp_path) == value


def test_a_file_may_be_named_by_its_whole_path(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("value")
    assert resolve(f"${{file:{tmp_path / 's'}}}", {}, Path("/elsewhere")) == "value"


@pytest.mark.parametrize(("text", "says"), [
    ("${env:MISSING}", "MISSING is not set"), ("${env:EMPTY}", "EMPTY is empty"),
    ("${env:}", "names no environment variable"), ("${env:A B}", "names no"),
    ("${A}", r"\$\{A\} is not known"), ("${vault:x}", "not known"), ("${file:}", "not known"), ("${}", "not known"),
    ("a ${env:A", "not closed"), ("${env:${env:A}}", "not closed"),
    ("${file:none}", "none cannot be read: No such file"), ("${file:.}", "cannot be read"),
    ("${file:binary}", "not UTF-8"), ("${file:big}", "larger than"),
    ("${file:empty}", "is empty"),
])  # fmt: skip
def test_bad_references_are_named(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00canary")
    (tmp_path / "big").write_text("canary" * 20_000)
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigError, match=says) as caught:
        resolve(text, {"A": "canary", "EMPTY": ""}, tmp_path)
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_what_was_looked_up_is_reported(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("filed")
    found: list[str] = []
    resolve("${env:A}-${env:B:-default}-${file:s}", {"A": "alpha"}, tmp_path, found.append)
    assert found == ["alpha", "filed"]


@pytest.mark.parametrize(("text", "whole"), [
    ("${env:A}", True), ("${env:A:-x}", True), ("${file:a/b}", True), ("", False), ("a", False), (" ${env:A}", False),
    ("${env:A}${env:B}", False), ("$${env:A}", False), ("$${", False), ("${", False),
])  # fmt: skip
def test_is_reference(text: str, whole: bool) -> None:
    assert is_reference(text) is whole


def test_signatures_are_hmac_sha256_over_time_and_body() -> None:
    # printf '1760000000.{"text":"hi"}' | openssl dgst -sha256 -hmac "a long secret"
    signature = sign("a long secret", "1760000000", b'{"text":"hi"}')
    assert signature == "sha256=aec4107f26f44dcbb4de128720b5540dc0214a2cf90894ca3f80ee4f60b95b3b"
    assert verify("a long secret", "1760000000", b'{"text":"hi"}', signature)


@pytest.mark.parametrize(("secret", "timestamp", "body", "tail"), [
    ("another", "1", b"x", ""), ("secret", "2", b"x", ""), ("secret", "1", b"y", ""), ("secret", "1", b"x", "0"),
    ("secret", "", b"1.x", ""),
])  # fmt: skip
def test_a_signature_fits_one_request_only(secret: str, timestamp: str, body: bytes, tail: str) -> None:
    assert not verify(secret, timestamp, body, sign("secret", "1", b"x") + tail)


@pytest.mark.parametrize("signature", ["", "sha256=", "é", "sha1=abc"])
def test_nonsense_is_no_signature(signature: str) -> None:
    assert not verify("secret", "1", b"x", signature)


def test_a_digit_cannot_be_moved_between_time_and_body() -> None:
    assert not verify("k", "12", b"x", sign("k", "1", b"2x"))


class _Holder(Options):
    token: SecretStr


def _log_everything(redactor: Redactor, as_json: bool) -> str:
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.level
    configure_logging("debug", as_json=as_json, redactor=redactor, stream=stream)
    log = logging.getLogger("tocsin.test")
    try:
        log.debug("in the message %s", CANARY)
        log.info(CANARY)
        log.warning("as an argument %r and %s", CANARY, {"token": CANARY})
        log.info("in JSON %s", json.dumps({"token": CANARY}))
        log.info("in a url https://h/?t=canary%2F7f3a%2B%22quoted%22%3D%27%C3%A9%27")
        log.info("in extras", extra={"header": CANARY, "nested": {"token": CANARY}, "count": 3})
        try:
            raise ValueError(f"refused {CANARY}")
        except ValueError:
            log.exception("with a trace", stack_info=True)
        logging.getLogger("another.library").error("Authorization: Bearer %s", CANARY)
    finally:
        for handler in [handler for handler in root.handlers if handler.get_name() == "tocsin"]:
            root.removeHandler(handler)
        root.setLevel(before)
    return stream.getvalue()


@pytest.mark.parametrize("as_json", [False, True])
def test_no_canary_ever_sings_in_the_logs(as_json: bool) -> None:
    redactor = Redactor()
    redactor.add(CANARY)
    written = _log_everything(redactor, as_json)
    assert "7f3a" not in written
    assert written.count(MASK) >= 9
    assert "count" in written
    assert "ValueError" in written


def test_the_canary_does_sing_without_a_mask() -> None:
    assert _log_everything(Redactor(), as_json=False).count("7f3a") >= 9


def test_no_other_handler_can_format_the_trace_again() -> None:
    redactor = Redactor()
    redactor.add(CANARY)
    try:
        raise ValueError(CANARY)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "%s", (CANARY,), sys.exc_info())
    assert redactor.filter(record)
    assert record.exc_info is None
    assert "ValueError: ****" in logging.Formatter().format(record)
    assert "7f3a" not in repr(record.__dict__)


def test_every_line_of_a_secret_is_masked_and_longer_ones_first() -> None:
    redactor = Redactor()
    redactor.add("first line\nsecond line")
    redactor.add("first line and more")
    assert redactor.mask("x second line x") == f"x {MASK} x"
    assert redactor.mask("first line and more") == MASK


def test_short_values_do_not_blot_out_the_log() -> None:
    redactor = Redactor()
    redactor.add("a")
    redactor.add("")
    assert redactor.mask("a banana") == "a banana"


def test_options_do_not_show_their_secrets() -> None:
    holder = _Holder(token=SecretStr(CANARY))
    assert "7f3a" not in f"{holder!r} {holder} {holder.model_dump()} {holder.model_dump_json()}"


class Vault:
    """Stands in for the library of a store."""

    def __init__(self, **held: str) -> None:
        self._held = held

    def get_password(self, service: str, user: str) -> str | None:
        return self._held.get(f"{service}/{user}")

    def client(self, name: str) -> Vault:
        assert name == "ssm"
        return self

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, dict[str, str]]:  # noqa: N803 - boto3's
        assert WithDecryption
        return {"Parameter": {"Value": self._held[Name]}}


@pytest.mark.parametrize(("library", "text"), [("keyring", "${keyring:tocsin/x}"), ("boto3", "${ssm:/tocsin/x}")])
def test_a_store_is_asked(library: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, Vault(**{"tocsin/x": "kept", "/tocsin/x": "kept"}))
    found: list[str] = []
    assert resolve(f"Bearer {text}", {}, Path(), found.append) == "Bearer kept"
    assert found == ["kept"]


@pytest.mark.parametrize(
    ("library", "text", "says"),
    [
        ("keyring", "${keyring:tocsin/y}", "${keyring:tocsin/y} is not there, or empty"),
        ("keyring", "${keyring:alone}", "names no entry (write ${keyring:SERVICE/NAME})"),
        ("boto3", "${ssm:/y}", "${ssm:/y} cannot be had (KeyError)"),
    ],
)
def test_a_store_without_it_is_one_clear_line(
    library: str, text: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, Vault())
    with pytest.raises(ConfigError) as caught:
        resolve(text, {}, Path())
    assert says in str(caught.value)


def test_a_store_whose_library_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match=r"needs the library keyring \(install it: pip install 'tocsin\[keyring\]'\)"):
        resolve("${keyring:tocsin/x}", {}, Path())
