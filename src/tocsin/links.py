"""Links in alerts: signed, so that only who got the alert can act, and only for a while.

The signature is HMAC-SHA256 over incident, action and expiry, with a key that is made at the first use and kept in the
data directory, readable by its owner alone. Removing that file ends the life of all links.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path
from urllib.parse import quote

from tocsin.clock import Clock

KEY_FILE = "links.key"
DAY = 86_400


class Links:
    """Makes and checks links. `base` is where people reach the server, without a slash at its end."""

    def __init__(self, key: bytes, base: str, clock: Clock, days: int = 14) -> None:
        self._key, self._base, self._clock, self._seconds = key, base.rstrip("/"), clock, days * DAY

    def url(self, incident: str, action: str) -> str:
        """The same link for the whole of a day, so that a repeated message is the same message."""
        now = int(self._clock.now().timestamp())
        expires = now // DAY * DAY + DAY + self._seconds
        path = f"/i/{quote(incident, safe='')}/{quote(action, safe='')}"
        return f"{self._base}{path}?e={expires}&s={self._signature(incident, action, str(expires))}"

    def check(self, incident: str, action: str, expires: str, signature: str) -> str | None:
        """What is wrong with a link, in words; None where it is good."""
        right = self._signature(incident, action, expires)
        if not hmac.compare_digest(right.encode(), signature.encode()):
            return "This link is not one of ours, or a part of it is missing."
        if not expires.isdigit() or int(expires) < self._clock.now().timestamp():
            return "This link has expired. A newer alert has a newer one."
        return None

    def _signature(self, incident: str, action: str, expires: str) -> str:
        text = "\n".join((incident, action, expires)).encode("utf-8", "surrogatepass")
        digest = hmac.new(self._key, text, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:18]).decode()


def key(data_dir: Path) -> bytes:
    """The key of this data directory; made at the first use."""
    path = data_dir / KEY_FILE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = path.read_bytes()
        if len(found) >= 32:
            return found
        path.unlink()
        return key(data_dir)
    with os.fdopen(handle, "wb") as file:
        made = os.urandom(32)
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    return made
