"""The judge of histories of payments: it lets what can be pass, and names each thing that can't."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.service.history import CLEARING, REVENUE, Charged, Entry, History, Money, Payment, Snapshot, Told, problems

TEN = Money(1000, "EUR")
MINUS_TEN = Money(-1000, "EUR")
PAID = (Entry("p1", CLEARING, TEN), Entry("p1", REVENUE, MINUS_TEN))
P1 = Payment("p1", "o1", TEN, "pending")
P2 = Payment("p2", "o2", TEN, "failed")
DONE = replace(P1, status="completed")


def good() -> History:
    """One payment that is accepted, charged and completed, and another that fails."""
    return History(
        told=[
            Told(1.0, "p1", "pending", key="k1", body=b"{}"),
            Told(1.1, "p1", "pending", key="k1", body=b"{}"),
            Told(5.0, "p1", "completed"),
            Told(5.1, "p2", "failed"),
        ],
        snapshots=[
            Snapshot(0.0, 0.1, (), ()),
            Snapshot(2.0, 2.1, (P1, replace(P2, status="unknown")), ()),
            Snapshot(4.0, 4.1, (DONE, P2), PAID),
            Snapshot(6.0, 6.1, (DONE, P2), PAID),
        ],
        charged=[Charged(3.0, "p1", TEN)],
    )


def with_last(history: History, *payments: Payment, entries: tuple[Entry, ...] = PAID) -> History:
    """The history with another snapshot at its end."""
    history.snapshots.append(Snapshot(7.0, 7.1, payments, entries))
    return history


def test_a_history_that_can_be_has_no_problems() -> None:
    """The ground that the bad ones are made from."""
    assert problems(good(), ended=True) == []
    assert problems(History(), ended=False) == []


def test_a_payment_may_be_open_until_the_end() -> None:
    """Whether it must be settled depends on whether all has ended."""
    history = with_last(good(), DONE, P2, replace(P1, id="p3", order="o3", status="unknown"))
    assert problems(history, ended=False) == []
    assert problems(history, ended=True) == ["payment p3 is unknown for ever"]


BAD = {
    "got 2 different answers": lambda h: h.told.append(Told(5.5, "p1", "pending", key="k1", body=b"{ }")),
    "was charged 2 times": lambda h: h.charged.append(Charged(3.5, "p1", TEN)),
    "was completed, and then failed": lambda h: with_last(h, replace(DONE, status="failed"), P2, entries=()),
    "was failed, and then completed": lambda h: with_last(h, DONE, replace(P2, status="completed")),
    "was failed, and then gone": lambda h: with_last(h, DONE),
    "the ledger has []": lambda h: with_last(h, DONE, P2, entries=()),
    "the ledger has [('provider_clearing'": lambda h: with_last(h, DONE, P2, entries=PAID[:1]),
    "is failed, and the ledger has [(": lambda h: with_last(
        h, DONE, P2, entries=(*PAID, replace(PAID[0], payment="p2"))
    ),
    "which is no payment": lambda h: with_last(h, DONE, P2, entries=(*PAID, replace(PAID[0], payment="p9"))),
    "adds up to 1000 EUR": lambda h: with_last(h, DONE, P2, entries=PAID[:1]),
    "order o1 has 2 payments": lambda h: with_last(h, DONE, P2, replace(P1, id="p3")),
    "told that payment p2 is completed": lambda h: h.told.append(Told(5.5, "p2", "completed")),
    "told that payment p9 is pending; later it is gone": lambda h: h.told.append(Told(1.0, "p9", "pending", "k9")),
    "completed, and the provider had not charged": lambda h: h.charged.clear(),
    "and Money(amount=999, currency='EUR') was charged": lambda h: h.charged.__setitem__(
        0, Charged(3.0, "p1", Money(999, "EUR"))
    ),
    "failed, and the provider charged it": lambda h: h.charged.append(Charged(3.0, "p2", TEN)),
    "was charged for p9, which is no payment": lambda h: h.charged.append(Charged(3.0, "p9", TEN)),
    "the provider charged {'EUR': 2000}": lambda h: h.charged.append(Charged(3.0, "p9", TEN)),
    "payment p1 was charged and is pending": lambda h: h.snapshots.__setitem__(
        slice(2, 4), [Snapshot(6.0, 6.1, (P1, P2), ())]
    ),
    "there is no snapshot of the end": lambda h: h.snapshots.clear(),
}


@pytest.mark.parametrize("problem", BAD)
def test_what_can_not_be_is_named(problem: str) -> None:
    """Each mistake on its own."""
    history = good()
    BAD[problem](history)
    found = problems(history, ended=True)
    assert [each for each in found if problem in each], found


def test_a_charge_after_the_snapshot_explains_nothing() -> None:
    """Completed in the tables before the provider took the money."""
    history = good()
    history.charged[0] = replace(history.charged[0], moment=4.5)
    assert problems(history, ended=True) == ["payment p1 is completed, and the provider had not charged it"]


def test_what_is_told_during_a_snapshot_need_not_be_in_it() -> None:
    """It may have happened after the tables were read."""
    history = good()
    history.told.append(Told(2.05, "p1", "completed"))
    assert problems(history, ended=True) == []
