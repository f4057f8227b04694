"""Judgements of posts that were deleted while a person was asked about them."""

from __future__ import annotations

import pyarrow.compute as pc

from tocsin.component import Lake
from tocsin.state import State


def forget_what_was_deleted(lake: Lake, state: State) -> int:
    """Drop judgements of every post that the lake has a demand to forget of; how many there were.

    The detect loop does so when the demand comes; an answer may come after it.
    """
    uids: set[str] = set()
    authors: set[tuple[str, str]] = set()
    for batch in lake.rows(["kind", "uid", "source", "author_id", "note"]):
        for row in batch.filter(pc.equal(batch.column("kind"), "delete")).to_pylist():
            if row["note"] == "post" and row["uid"]:
                uids.add(row["uid"])
            elif row["note"] == "author" and row["author_id"]:
                authors.add((row["source"], row["author_id"]))
    judged = state.understanding.judgements()
    gone = {one.uid for one in judged} & uids
    theirs = {(one.source, one.author_id) for one in judged if one.author_id} & authors
    return state.understanding.forget(gone, {(source, author) for source, author in theirs if author})
