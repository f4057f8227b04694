"""`/api/incidents`: what has rung, and the receipt of one."""

from __future__ import annotations

from starlette.requests import Request

from tocsin.server.api.answers import Panel, Wrong
from tocsin.server.app import Site
from tocsin.state_rows import incident_table

MOST = 1000
STATES = ("open", "resolved", "expired")


def incidents(site: Site, request: Request) -> Panel:
    """Incidents, newest first. Raises Wrong. `state`, `policy`, `limit`."""
    asked = request.query_params
    state, policy, limit = asked.get("state"), asked.get("policy"), asked.get("limit", "100")
    if state is not None and state not in STATES:
        raise Wrong(f"state is one of {', '.join(STATES)}")
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= MOST:
        raise Wrong(f"limit is a number from 1 to {MOST}")
    found = [
        one
        for one in site.state.incidents()
        if (state is None or one.state == state) and (policy is None or one.policy == policy)
    ][: int(limit)]
    wanted = [f"state = '{state}'"] if state is not None else []
    wanted += ["policy = '" + policy.replace("'", "''") + "'"] if policy is not None else []
    where = f"\nWHERE {' AND '.join(wanted)}" if wanted else ""
    sql = f"SELECT * FROM incidents{where}\nORDER BY detected_at DESC, id LIMIT {limit}"
    return Panel(incident_table(found), sql)
