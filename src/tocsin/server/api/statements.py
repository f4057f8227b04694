"""`/api/query`: one SELECT over the lake, in the sandboxed child that `tocsin query` uses."""

from __future__ import annotations

from starlette.requests import Request

from tocsin.errors import Transient
from tocsin.server.api.answers import Panel, Wrong
from tocsin.server.app import Site
from tocsin.sql import Limits, QueryError, query

ROWS, SECONDS = 10_000, 30.0


def statement(site: Site, request: Request) -> Panel:
    """The rows of `sql`, 10,000 at most, within 30 s. Raises Wrong."""
    sql = request.query_params.get("sql", "").strip()
    if not sql:
        raise Wrong("sql is missing: one SELECT over posts, phrases, entities, gaps, series, incidents or coverage")
    if site.lake is None:
        raise Wrong("there is no lake here", 404)
    try:
        found = query(sql, site.lake.snapshot, site.state.tables(), limits=Limits(rows=ROWS, seconds=SECONDS))
    except QueryError as error:
        raise Wrong(str(error)) from None
    except Transient as error:
        raise Wrong(str(error), 503) from None
    return Panel(found.rows, sql, {"truncated": found.truncated})
