"""The third loop: the lake's commits, folded into series, judged, and told to the outbox.

Position, counts, incidents and outbox rows of a step are one transaction of the state database. What is kept in
memory (open buckets, detector, open incidents) is a function of the rows folded so far: after a restart it is
loaded from the last checkpoint and the rows since then are folded again, in silence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.alerts import blindness, incidents
from tocsin.alerts.budget import Rate, factor
from tocsin.alerts.lifecycle import Change
from tocsin.alerts.ringing import Decision, Opening, Ringing
from tocsin.clock import Clock
from tocsin.component import History
from tocsin.model import Alert, Incident
from tocsin.pipeline import explaining, overlap
from tocsin.pipeline.coverage import Coverage
from tocsin.pipeline.following import Reached, news
from tocsin.pipeline.policy import Policy
from tocsin.series import columns
from tocsin.severity import far_worse
from tocsin.state import Checkpoint, Position, State, Transaction
from tocsin.telemetry import Telemetry

log = logging.getLogger(__name__)

CHECKPOINT_ROWS = 200_000
STEP_ROWS = 50_000
COMMON = ""
"""The name of the checkpoint of what all policies share: no policy has it."""

Changes = list[tuple[Policy, Change]]


class _Common(msgspec.Struct):
    ringing: bytes
    coverage: bytes


@dataclass(frozen=True)
class Bell:
    """Whom to tell, and how often at most: `budget` in all, but for policies with a budget of their `own`."""

    destinations: Sequence[str] = ()
    budget: str = "1 per day"
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def promises(self) -> str:
        """What, once changed, makes what rings another thing."""
        return msgspec.json.encode([self.budget, sorted(self.own.items())]).decode()

    def ringing(self) -> Ringing:
        return Ringing(Rate.parse(self.budget), {policy: Rate.parse(rate) for policy, rate in self.own.items()})


class Detect:
    """One run of the loop, from `recover` on. Not thread-safe; make a new one after a fault."""

    def __init__(
        self,
        lake: History,
        state: State,
        policies: Callable[[], Sequence[Policy]],
        bell: Bell,
        clock: Clock,
        telemetry: Telemetry,
        receipt: Mapping[str, Any] | None = None,
    ) -> None:
        self._lake, self._state = lake, state
        self._make, self._policies = policies, list(policies())
        self._bell, self._clock, self._telemetry = bell, clock, telemetry
        self._receipt = dict(receipt or {})
        self._ringing = bell.ringing()
        self._coverage = Coverage(self._policies[0].fold.lateness)
        self._position = Position(lake.table_id, -1, 0, "")
        self._since_checkpoint = 0
        wanted = {
            column for policy in self._policies for column in columns(policy.fold.dimensions, policy.fold.counting)
        }
        self._columns = sorted(wanted | {"uid", "author_id"})

    @property
    def position(self) -> Position:
        return self._position

    def at_end(self) -> bool:
        """Whether everything that is in the lake now has been folded."""
        return self._position.version >= self._lake.version()

    def recover(self) -> None:
        """Take up where the state database says, and arm policies that are new or changed from the lake's past."""
        found = self._state.position(self._lake.table_id)
        if found is not None and self._rewritten(found):
            log.warning("The lake's history has changed since it was folded: counting everything again.")
            with self._state.transaction() as tx:
                for name in [COMMON, *(policy.name for policy in self._policies)]:
                    tx.reset(name)
                tx.move(Position(self._lake.table_id, -1, 0, ""))
            found = None
        self._position = found or self._position
        known = [policy for policy in self._policies if self._load(policy)]
        rings_as_before = self._load_common()
        folded = [self._coverage.ledger.fold.seq, *(policy.fold.seq for policy in known)]
        for rows in self._past(min(folded)):
            with self._state.transaction() as tx:
                self._cover(tx, rows, tell=False)
                for seq, changes in self._advance(known, rows):
                    if rings_as_before:
                        self._ring(tx, seq, [one for one in changes if one[1].event == "opened"])
                        self._grow(tx, [one for one in changes if one[1].event == "escalated"])
        armed = [policy for policy in self._policies if policy not in known]
        for policy in armed:
            self._arm(policy)
        if armed or not rings_as_before:
            with self._state.transaction() as tx:
                self._save(tx)

    def _load(self, policy: Policy) -> bool:
        """Whether the policy is the one that there is a checkpoint of, which it goes on from."""
        checkpoint = self._state.checkpoint(policy.name)
        if checkpoint is None or checkpoint.definition != policy.definition:
            return False
        policy.load(checkpoint.saved)
        return True

    def _load_common(self) -> bool:
        """What all policies share: the coverage ledger, and what rings; whether that is from the checkpoint too.

        Without one, or where another promise is to be kept from now on, it is learned from the incidents.
        """
        checkpoint = self._state.checkpoint(COMMON)
        if checkpoint is not None:
            saved = msgspec.msgpack.decode(checkpoint.saved, type=_Common)
            self._coverage.load(saved.coverage)
            if checkpoint.definition == self._bell.promises:
                self._ringing.load(saved.ringing)
                return True
        with self._state.transaction() as tx:
            for incident in sorted(self._state.incidents(), key=lambda one: (one.detected_at, one.id)):
                self._learn(tx, incident)
        return False

    def _rewritten(self, position: Position) -> bool:
        if position.version > self._lake.version():
            return True
        seen = self._lake.fingerprint(position.version) if position.version >= 0 else None
        return seen is not None and seen != position.fingerprint

    def _arm(self, policy: Policy) -> None:
        """Count the lake's past for a policy that is new or has changed; nothing of it rings any more."""
        if self._position.seq:
            log.info("Policy %s is new or has changed: arming it from the lake's past.", policy.name)
            with self._state.transaction() as tx:
                tx.reset(policy.name)
        ended = {one.id for one in self._state.incidents() if one.state != "open"}
        for rows in self._past(policy.fold.seq):
            steps = self._advance([policy], rows)
            steps = [(seq, [one for one in changes if self._id(*one) not in ended]) for seq, changes in steps]
            with self._state.transaction() as tx:
                tx.add_counts(*policy.counted())
                for seq, changes in steps:
                    self._write(tx, seq, changes, tell=False)

    @staticmethod
    def _advance(policies: Sequence[Policy], rows: pa.Table) -> list[tuple[int, Changes]]:
        """Fold rows by all policies: what changes, by the row that shows it."""
        found: dict[int, Changes] = {}
        for policy in policies:
            for seq, change in policy.advance(rows):
                found.setdefault(seq, []).append((policy, change))
        return sorted(found.items())

    @staticmethod
    def _id(policy: Policy, change: Change) -> str:
        series = incidents.named(policy.fold.dimensions, change.key)
        return incidents.incident_id(policy.name, series, change.direction, change.opened)

    def _past(self, after: int) -> Iterator[pa.Table]:
        if after < self._position.seq:
            for batch in self._lake.rows(self._columns, after_seq=after, upto_seq=self._position.seq):
                yield pa.Table.from_batches([batch])

    def step(self) -> int:
        """Fold what is new in the lake; how many rows that were."""
        folded, last = 0, Reached(self._position.version, self._position.seq, self._position.fingerprint)
        for reached, rows in news(self._lake, last, self._columns, STEP_ROWS):
            folded += self._fold(Position(self._lake.table_id, *reached), rows)
        return folded

    def _fold(self, position: Position, rows: pa.Table | None) -> int:
        with self._state.transaction() as tx:
            if rows is not None:
                steps = self._advance(self._policies, rows)
                for policy in self._policies:
                    tx.add_counts(*policy.counted())
                for seq, changes in steps:
                    self._write(tx, seq, changes, tell=True)
                self._cover(tx, rows, tell=True)
                tx.forget(*_forgotten(rows))
                self._since_checkpoint += rows.num_rows
                if self._since_checkpoint >= CHECKPOINT_ROWS:
                    self._save(tx)
            tx.move(position)
        self._position = position
        self._telemetry.lag(max(policy.fold.lag for policy in self._policies))
        return 0 if rows is None else rows.num_rows

    def save(self) -> None:
        """Write a checkpoint, so that the next start has little to fold again."""
        if self._since_checkpoint:
            with self._state.transaction() as tx:
                self._save(tx)

    def _save(self, tx: Transaction) -> None:
        for policy in self._policies:
            tx.save_checkpoint(policy.name, Checkpoint(policy.definition, policy.fold.seq, policy.save()))
        common = msgspec.msgpack.encode(_Common(self._ringing.save(), self._coverage.save()))
        tx.save_checkpoint(COMMON, Checkpoint(self._bell.promises, self._position.seq, common))
        self._since_checkpoint = 0

    def _write(self, tx: Transaction, seq: int, changes: Changes, *, tell: bool) -> None:
        """Put down what one row of the lake changed, and what is to be said of it."""
        opening = [one for one in changes if one[1].event == "opened"]
        ringing = self._ring(tx, seq, opening) if tell else {}
        opened = [self._put_opened(tx, seq, policy, change, ringing) for policy, change in opening]
        for incident in opened:
            if not tell:
                self._learn(tx, incident)
            self._telemetry.incident(incident.policy)
            if tell:
                tx.news(incident.id, opened=True)
            if tell and incident.told and incident.part_of is None:
                also = tuple(other for other in opened if other.part_of == incident.id)
                self._tell(tx, Alert(f"{incident.id}.opened.0", "opened", incident, also))
        for policy, change in changes:
            if change.event != "opened":
                self._put_changed(tx, seq, policy, change, tell=tell)

    def _ring(self, tx: Transaction, seq: int, opening: Changes) -> dict[str, Decision]:
        return self._ringing.open(
            [
                Opening(
                    self._id(policy, change),
                    incidents.named(policy.fold.dimensions, change.key),
                    change.direction,
                    change.at,
                    _score(tx, policy.name, change.score),
                    policy.name,
                    change.scale,
                )
                for policy, change in opening
            ],
            partial(overlap.shared, self._lake, seq),
        )

    def _learn(self, tx: Transaction, incident: Incident) -> None:
        at = int(incident.detected_at.timestamp())
        score = _score(tx, incident.policy, max(incident.score, 1.0))
        series, direction = incident.series, incident.direction
        opening = Opening(incident.id, series, direction, at, score, incident.policy, incident.scale)
        self._ringing.learn(opening, told=incident.told, part_of=incident.part_of)

    def _grow(self, tx: Transaction, escalated: Changes) -> None:
        for policy, change in escalated:
            self._ringing.grown(self._id(policy, change), change.at, _score(tx, policy.name, change.score))

    def _put_opened(
        self, tx: Transaction, seq: int, policy: Policy, change: Change, ringing: Mapping[str, Decision]
    ) -> Incident:
        incident = explaining.opened(self._lake, policy, change, seq)
        decision = ringing.get(incident.id) or _as_before(tx.incident(incident.id))
        incident = msgspec.structs.replace(
            incident, told=decision.told, part_of=decision.part_of, threshold=round(decision.threshold, 4)
        )
        tx.put_incident(incident, self._receipt_at(seq))
        return incident

    def _receipt_at(self, seq: int) -> Mapping[str, Any]:
        return self._receipt | {"lake": self._lake.table_id, "seq": seq}

    def _put_changed(self, tx: Transaction, seq: int, policy: Policy, change: Change, *, tell: bool) -> None:
        known = tx.incident(self._id(policy, change))
        if known is None:
            return
        incident, receipt = incidents.changed(known, change), None
        if change.event == "escalated":
            incident = incidents.grown(incident, explaining.opened(self._lake, policy, change, seq))
            receipt = self._receipt_at(seq)
        rings = tell and self._rings(tx, known, change)
        incident = msgspec.structs.replace(incident, told=incident.told or rings)
        tx.put_incident(incident, receipt)
        if tell and (incident.state != "open" or (rings and not known.told)):
            tx.news(incident.id, opened=incident.state == "open")
        if rings:
            late = not known.told and change.event == "escalated"
            self._tell(tx, incidents.alert(incident, "opened" if late else change.event, change.turn))

    def _rings(self, tx: Transaction, known: Incident, change: Change) -> bool:
        """Whether a change of an incident is told. What is snoozed rings only where it is far worse than when it was
        last told."""
        told = tx.score_told(known.id)
        if change.event != "escalated":
            return told is not None
        rings = self._ringing.grown(known.id, change.at, _score(tx, known.policy, change.score))
        snoozed = tx.snoozed_until(known.id)
        if snoozed is None or snoozed <= self._clock.now():
            return rings
        return rings and far_worse(change.score, known.score if told is None else told)

    def _cover(self, tx: Transaction, rows: pa.Table, *, tell: bool) -> None:
        """The coverage ledger goes on, and sources that have gone blind are told of at once, whatever the budget."""
        hours, blind = self._coverage.advance(rows)
        tx.put_coverage([asdict(hour) for hour in hours])
        for change in blind:
            known = tx.incident(blindness.incident_id(change))
            if change.event == "opened":
                incident = blindness.opened(change, self._coverage.ledger.usual(change.source))
                tx.put_incident(incident, self._receipt_at(change.seq))
            elif known is None:
                continue
            else:
                incident = blindness.resolved(known, change)
                tx.put_incident(incident)
            if tell:
                tx.news(incident.id, opened=change.event == "opened")
                self._tell(tx, incidents.alert(incident, change.event, 0))

    def _tell(self, tx: Transaction, alert: Alert) -> None:
        log.info("Incident %s %s: %s", alert.incident.id, alert.event, alert.incident.headline)
        tx.post_alert(alert, self._bell.destinations, self._clock.now().timestamp())


def _score(tx: Transaction, policy: str, score: float) -> float:
    """A score over the policy's threshold with its feedback."""
    return score / factor(tx.feedback(policy))


def _as_before(known: Incident | None) -> Decision:
    """What was decided of an incident of the past; one that nobody knew is not to ring any more."""
    if known is None:
        return Decision(told=False, part_of=None, threshold=1.0)
    return Decision(known.told, known.part_of, known.threshold)


def _forgotten(rows: pa.Table) -> tuple[set[str], set[tuple[str, str]]]:
    """Uids and (source, author) that the rows demand to forget."""
    deletes = rows.filter(pc.equal(rows.column("kind"), "delete")).select(["uid", "source", "author_id", "note"])
    found = deletes.to_pylist()
    uids = {row["uid"] for row in found if row["note"] == "post" and row["uid"]}
    return uids, {(row["source"], row["author_id"]) for row in found if row["note"] == "author"}
