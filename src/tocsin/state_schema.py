"""The tables of the state database."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 5

metadata = sa.MetaData()
meta = sa.Table(
    "meta", metadata, sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.String, nullable=False)
)
position = sa.Table(
    "position",
    metadata,
    sa.Column("lake", sa.String, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("fingerprint", sa.String, nullable=False),
)
checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("policy", sa.String, primary_key=True),
    sa.Column("definition", sa.String, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("saved", sa.LargeBinary, nullable=False),
)
counts = sa.Table(
    "counts",
    metadata,
    sa.Column("policy", sa.String, primary_key=True),
    sa.Column("series", sa.String, primary_key=True),
    sa.Column("bucket", sa.BigInteger, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("late", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("policy", sa.String, nullable=False),
    sa.Column("detected_at", sa.String, nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("acked_at", sa.String),
    sa.Column("acked_by", sa.String),
    sa.Column("opened", sa.LargeBinary, key="evidence"),
    sa.Column("receipt", sa.LargeBinary),
    sa.Column("news", sa.BigInteger, index=True),
    sa.Column("opened_news", sa.BigInteger),
)
incident_log = sa.Table(
    "incident_log",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("incident", sa.String, nullable=False, index=True),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("argument", sa.String),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
)
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("destination", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("error", sa.String),
    sa.Column("incident", sa.String),
    sa.Column("held", sa.Float),
    sa.Column("sent_at", sa.Float),
    sa.UniqueConstraint("key", "destination"),
)
digests = sa.Table(
    "digests",
    metadata,
    sa.Column("destination", sa.String, primary_key=True),
    sa.Column("until", sa.Float, nullable=False),
    sa.Column("news", sa.BigInteger, nullable=False),
)
silences = sa.Table(
    "silences",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("ends", sa.Float, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
judgements = sa.Table(
    "judgements",
    metadata,
    sa.Column("uid", sa.String, primary_key=True),
    sa.Column("category", sa.String, primary_key=True),
    sa.Column("belongs", sa.Boolean, nullable=False),
    sa.Column("text", sa.String, nullable=False),
    sa.Column("language", sa.String),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("author_id", sa.String),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("said", sa.Boolean),
    sa.Column("weight", sa.Float),
)
thresholds = sa.Table(
    "thresholds",
    metadata,
    sa.Column("category", sa.String, primary_key=True),
    sa.Column("definition", sa.String, primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("posts", sa.Integer, nullable=False),
    sa.Column("judged", sa.Integer, nullable=False),
    sa.Column("deciles", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
)
coverage = sa.Table(
    "coverage",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("stream", sa.String, primary_key=True),
    sa.Column("start", sa.BigInteger, primary_key=True),
    sa.Column("arrived", sa.BigInteger, nullable=False),
    sa.Column("expected", sa.Float),
    sa.Column("blind", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String, nullable=False),
)
labelled = sa.Table(
    "labelled",
    metadata,
    sa.Column("lake", sa.String, primary_key=True),
    sa.Column("after_seq", sa.BigInteger, primary_key=True),
    sa.Column("definitions", sa.String, nullable=False),
)
relabelling = sa.Table(
    "relabelling",
    metadata,
    sa.Column("lake", sa.String, primary_key=True),
    sa.Column("definitions", sa.String, nullable=False),
    sa.Column("upto_seq", sa.BigInteger, nullable=False),
    sa.Column("changed", sa.Boolean, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
)


def complete(db: sa.Connection) -> None:
    """Add the columns that a database of an older version has not. All that were added since may be empty."""
    found = sa.inspect(db)
    for table in metadata.sorted_tables:
        there = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(db.dialect)
                db.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}")
