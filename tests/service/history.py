"""What clients, the database and the provider saw of payments, and whether that can be: a pure function says so.

Clients write down what they were told, and when. Now and then somebody takes a snapshot of the tables, in one
transaction. The provider knows what it charged. All moments are those of one clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

FINAL = frozenset({"completed", "failed"})
CLEARING = "provider_clearing"
REVENUE = "order_revenue"


@dataclass(frozen=True)
class Money:
    """An amount in minor units."""

    amount: int
    currency: str


@dataclass(frozen=True)
class Payment:
    """A row of payments."""

    id: str
    order: str
    amount: Money
    status: str


@dataclass(frozen=True)
class Entry:
    """A row of the ledger."""

    payment: str
    account: str
    amount: Money


@dataclass(frozen=True)
class Snapshot:
    """The tables at one moment between two."""

    begun: float
    ended: float
    payments: tuple[Payment, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Told:
    """A client was told of a payment: that it is accepted or, later, how it stands."""

    moment: float
    """When the answer had come."""
    payment: str
    status: str
    key: str = ""
    """The idempotency key, of an answer to a request to pay."""
    body: bytes = b""


@dataclass(frozen=True)
class Charged:
    """The provider took money."""

    moment: float
    payment: str
    amount: Money


@dataclass
class History:
    """All that was seen. Appending to a list is safe between threads."""

    told: list[Told] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    charged: list[Charged] = field(default_factory=list)


def problems(history: History, *, ended: bool) -> list[str]:
    """What can't be; empty when all is well. Once all has ended, every payment must have come to its end."""
    snapshots = sorted(history.snapshots, key=lambda snapshot: snapshot.begun)
    found = [
        *_broken_keys(history.told),
        *_double_charges(history.charged),
        *_flipped(snapshots),
        *(problem for snapshot in snapshots for problem in _unbalanced(snapshot)),
        *(problem for snapshot in snapshots for problem in _paid_twice(snapshot)),
        *(problem for snapshot in snapshots for problem in _forgotten(snapshot, history.told)),
        *(problem for snapshot in snapshots for problem in _uncharged(snapshot, history.charged)),
    ]
    if ended:
        found += _unfinished(snapshots[-1], history.charged) if snapshots else ["there is no snapshot of the end"]
    return list(dict.fromkeys(found))


def _broken_keys(told: Iterable[Told]) -> Iterator[str]:
    """One key stands for one payment, and gets one answer, byte for byte."""
    answers: dict[str, set[tuple[str, bytes]]] = defaultdict(set)
    for each in told:
        if each.key:
            answers[each.key].add((each.payment, each.body))
    for key, different in answers.items():
        if len(different) > 1:
            yield f"key {key} got {len(different)} different answers: {sorted(different)}"


def _double_charges(charged: Iterable[Charged]) -> Iterator[str]:
    for payment, times in Counter(charge.payment for charge in charged).items():
        if times > 1:
            yield f"payment {payment} was charged {times} times"


def _flipped(snapshots: Iterable[Snapshot]) -> Iterator[str]:
    """What has come to its end stays there, and no payment vanishes."""
    known: dict[str, str] = {}
    for snapshot in snapshots:
        now = {payment.id: payment.status for payment in snapshot.payments}
        for payment, status in known.items():
            after = now.get(payment, "gone")
            if after == "gone" or (status in FINAL and after != status):
                yield f"payment {payment} was {status}, and then {after}"
        known = now


def _unbalanced(snapshot: Snapshot) -> Iterator[str]:
    """A completed payment has two entries that add up to nothing; any other has none."""
    entries: dict[str, list[Entry]] = defaultdict(list)
    for entry in snapshot.entries:
        entries[entry.payment].append(entry)
    for payment in snapshot.payments:
        posted = sorted(
            (entry.account, entry.amount.amount, entry.amount.currency) for entry in entries.pop(payment.id, [])
        )
        amount, currency = payment.amount.amount, payment.amount.currency
        right = [(REVENUE, -amount, currency), (CLEARING, amount, currency)] if payment.status == "completed" else []
        if posted != sorted(right):
            yield f"payment {payment.id} of {amount} {currency} is {payment.status}, and the ledger has {posted}"
    for stray in entries:
        yield f"the ledger has entries of {stray}, which is no payment"
    sums: Counter[str] = Counter()
    for entry in snapshot.entries:
        sums[entry.amount.currency] += entry.amount.amount
    for currency, total in sums.items():
        if total:
            yield f"the ledger adds up to {total} {currency}"


def _paid_twice(snapshot: Snapshot) -> Iterator[str]:
    """An order has one payment that has not failed."""
    for order, count in Counter(each.order for each in snapshot.payments if each.status != "failed").items():
        if count > 1:
            yield f"order {order} has {count} payments that have not failed"


def _forgotten(snapshot: Snapshot, told: Iterable[Told]) -> Iterator[str]:
    """What a client was told before the snapshot was begun is in it."""
    now = {payment.id: payment.status for payment in snapshot.payments}
    for each in told:
        if each.moment >= snapshot.begun:
            continue
        status = now.get(each.payment, "gone")
        if status == "gone" or (each.status in FINAL and status != each.status):
            yield f"a client was told that payment {each.payment} is {each.status}; later it is {status}"


def _uncharged(snapshot: Snapshot, charged: Iterable[Charged]) -> Iterator[str]:
    """What is completed was charged before, with the right amount; what failed never was."""
    charges = {charge.payment: charge for charge in charged}
    for payment in snapshot.payments:
        charge = charges.get(payment.id)
        if payment.status == "completed" and (charge is None or charge.moment > snapshot.ended):
            yield f"payment {payment.id} is completed, and the provider had not charged it"
        elif payment.status == "completed" and charge is not None and charge.amount != payment.amount:
            yield f"payment {payment.id} is of {payment.amount}, and {charge.amount} was charged"
        elif payment.status == "failed" and charge is not None:
            yield f"payment {payment.id} failed, and the provider charged it"


def _unfinished(last: Snapshot, charged: Iterable[Charged]) -> Iterator[str]:
    """Nothing is pending, all that was charged is in the ledger, and the sums are the same."""
    known = {payment.id: payment for payment in last.payments}
    for payment in last.payments:
        if payment.status not in FINAL:
            yield f"payment {payment.id} is {payment.status} for ever"
    theirs: Counter[str] = Counter()
    for charge in charged:
        theirs[charge.amount.currency] += charge.amount.amount
        if charge.payment not in known:
            yield f"{charge.amount} was charged for {charge.payment}, which is no payment"
        elif known[charge.payment].status != "completed":
            yield f"payment {charge.payment} was charged and is {known[charge.payment].status}"
    ours: Counter[str] = Counter()
    for entry in last.entries:
        if entry.account == CLEARING:
            ours[entry.amount.currency] += entry.amount.amount
    if +ours != +theirs:
        yield f"the ledger has {dict(ours)}, and the provider charged {dict(theirs)}"
