"""Invented alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tocsin.model import Alert, Incident

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def an_alert(number: int = 1, headline: str = "acme / outage: 42 posts in 5 minutes, 6 expected") -> Alert:
    incident = Incident(
        id=f"incident-{number}",
        policy="volume",
        series={"watch": "acme", "category": "outage"},
        state="open",
        direction="up",
        start=START,
        detected_at=START + timedelta(minutes=5),
        end=None,
        observed=42.0,
        expected=6.5,
        low=2.0,
        high=12.0,
        severity=3,
        headline=headline,
        explanation={"phrases": ["the bell rings"], "posts": [{"text": headline}]},
        sql="SELECT 1",
    )
    return Alert(key=f"incident-{number}:opened:1", event="opened", incident=incident)
