"""What spikes together is told together; the budget lets the worst ring; what grows may ring later."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.alerts.budget import Rate
from tocsin.alerts.ringing import TOGETHER, Opening, Ringing

DAY = 86_400


def opening(id: str, at: int, score: float = 1.5, watch: str = "acme", direction: str = "up", **more: str) -> Opening:
    return Opening(id, {"watch": watch, "category": id, **more}, direction, at, score)


def test_the_parent_leads_and_the_children_are_told_with_it() -> None:
    ringing = Ringing(Rate.parse("1 per day"))
    parent = Opening("parent", {"watch": "acme"}, "up", 0, 1.1)
    found = ringing.open([opening("outage", 0, 3.0), parent, opening("billing", 0, 1.2)])
    assert (found["parent"].told, found["parent"].part_of) == (True, None)
    assert {found[one].part_of for one in ("outage", "billing")} == {"parent"}


def test_without_a_parent_the_worst_leads() -> None:
    found = Ringing(Rate.parse("1 per day")).open([opening("mild", 0, 1.2), opening("bad", 0, 3.0)])
    assert (found["bad"].part_of, found["mild"].part_of) == (None, "bad")


def test_ten_minutes_direction_and_parent_make_one_thing() -> None:
    ringing = Ringing(Rate.parse("24 per day"))
    ringing.open([opening("first", 0)])
    assert ringing.open([opening("soon", TOGETHER)])["soon"].part_of == "first"
    assert ringing.open([opening("late", TOGETHER + 1)])["late"].part_of is None
    assert ringing.open([opening("fall", TOGETHER + 2, direction="down")])["fall"].part_of is None
    assert ringing.open([opening("other", TOGETHER + 3, watch="globex")])["other"].part_of is None


def test_half_of_the_posts_make_one_thing_where_parents_differ() -> None:
    for share, part_of in ((0.5, "whole"), (0.49, None)):
        ringing, asked = Ringing(Rate.parse("24 per day")), []

        def shared(one: Opening, other: Opening, share: float = share, asked: list[str] = asked) -> float:
            asked.append(f"{one.id} {other.id}")
            return share

        ringing.open([opening("whole", 0, watch="acme")], shared)
        found = ringing.open([opening("other", 60, watch="globex"), opening("late", TOGETHER + 1, watch="x")], shared)
        assert found["other"].part_of == part_of
        assert "whole other" in asked
        assert "whole late" not in asked


def test_a_part_that_grows_rings_only_where_it_is_far_worse_than_the_whole() -> None:
    ringing = Ringing(Rate.parse("1 per day"))
    ringing.open([opening("head", 0, 2.0), opening("part", 0, 1.2)])
    assert not ringing.grown("part", 600, 2.1)
    assert ringing.grown("part", 900, 6.0)
    assert not ringing.grown("part", 1000, 6.0)


def test_what_did_not_ring_may_ring_when_it_grows() -> None:
    ringing = Ringing(Rate.parse("1 per week"))
    assert ringing.open([opening("a", 0, 1.5)])["a"].told
    later = opening("b", DAY, 1.4)
    assert not ringing.open([later])["b"].told
    assert ringing.grown("b", DAY + 600, 9.0)


def test_a_policy_with_a_budget_of_its_own_takes_nothing_from_the_others() -> None:
    def at(day: int, policy: str) -> bool:
        one = Opening(f"{policy}{day}", {"watch": policy}, "up", day * DAY, 1.5, policy)
        return ringing.open([one])[one.id].told

    ringing = Ringing(Rate.parse("1 per week"), {"own": Rate.parse("1 per day")})
    assert [at(day, "own") for day in range(4)] == [True] * 4
    assert [at(day, "any") for day in range(4)] == [True, False, False, False]
    again = Ringing(Rate.parse("1 per week"), {"own": Rate.parse("1 per day")})
    again.load(ringing.save())
    ringing = again
    assert (at(4, "own"), at(4, "any")) == (True, False)


scores = st.floats(1, 20)


@given(st.lists(st.tuples(st.integers(0, 40 * 24), scores, st.booleans()), max_size=60), st.integers(0, 60))
@settings(deadline=None, max_examples=50)
def test_a_restart_changes_nothing(script: list[tuple[int, float, bool]], cut: int) -> None:
    def play(stop: int | None) -> list[object]:
        ringing, said = Ringing(Rate.parse("2 per week")), []
        for number, (hour, score, grows) in enumerate(sorted(script)):
            if number == stop:
                saved, ringing = ringing.save(), Ringing(Rate.parse("2 per week"))
                ringing.load(saved)
            said.append(ringing.open([opening(str(number), hour * 3600, score)]))
            if grows:
                said.append(ringing.grown(str(number), hour * 3600 + 60, score * 2))
        return said

    assert play(cut) == play(None)
