"""A panel's data in the form that is asked for."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import msgspec
import pyarrow as pa
import pyarrow.csv
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tocsin.text import csv_cell

Form = Literal["json", "csv", "arrow", "sql"]
FORMS: tuple[Form, ...] = get_args(Form)
TYPES: dict[Form, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "sql": "application/sql",
}


class Wrong(Exception):
    """A request that cannot be answered; the text says what to do. `status` is HTTP's."""

    def __init__(self, said: str, status: int = 400) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True)
class Panel:
    """Rows, the statement that gives the same ones (`tocsin query`), and what else is to be known: `about` goes into
    JSON, beside `rows`."""

    rows: pa.Table
    sql: str
    about: dict[str, Any] = field(default_factory=dict)


def form_of(request: Request) -> Form:
    """By `?format=`, else by the Accept header, else JSON. Raises Wrong."""
    asked = request.query_params.get("format")
    if asked is None:
        kinds = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
        return next((form for kind in kinds for form, media in TYPES.items() if media == kind), "json")
    for form in FORMS:
        if asked == form:
            return form
    raise Wrong(f"format is one of {', '.join(FORMS)}")


def answer(panel: Panel, form: Form) -> Response:
    if form == "sql":
        return Response(f"{panel.sql}\n", media_type=TYPES[form])
    sink = io.BytesIO()
    if form == "arrow":
        with pa.ipc.new_stream(sink, panel.rows.schema) as writer:
            writer.write_table(panel.rows)
        return Response(sink.getvalue(), media_type=TYPES[form])
    if form == "csv":
        pyarrow.csv.write_csv(_flat(panel.rows), sink)
        return Response(sink.getvalue(), media_type="text/csv; charset=utf-8")
    body = {**panel.about, "rows": panel.rows.to_pylist(maps_as_pydicts="lossy")}
    return Response(msgspec.json.encode(body, enc_hook=str), media_type=TYPES[form])


def refusal(said: str, status: int) -> JSONResponse:
    return JSONResponse({"error": said}, status)


def _flat(table: pa.Table) -> pa.Table:
    """Cells that a spreadsheet can hold and that none runs: nested ones as JSON."""
    return pa.table({name: _cells(table.column(name)) for name in table.column_names})


def _cells(column: pa.ChunkedArray) -> Any:
    if pa.types.is_nested(column.type):
        values = [
            None if one is None else msgspec.json.encode(one, enc_hook=str).decode() for one in column.to_pylist()
        ]
    elif pa.types.is_string(column.type):
        values = column.to_pylist()
    else:
        return column
    return pa.array([None if one is None else csv_cell(one) for one in values], pa.string())
