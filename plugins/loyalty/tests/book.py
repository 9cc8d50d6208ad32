"""The ledger in plain Python, written apart from the product: what every movement must lead to."""

from dataclasses import dataclass, field

TIERS = ((1000, "platinum"), (500, "gold"), (100, "silver"), (0, "bronze"))


class Refusal(Exception):
    """The movement must be refused with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(eq=False)
class Lot:
    """Points that end on ``day``, or never; ``place`` is their age."""

    day: int | None
    place: int
    left: int
    opened_by: "Entry | None" = None

    @property
    def order(self) -> tuple[bool, int, int]:
        return self.day is None, self.day or 0, self.place


@dataclass(eq=False)
class Entry:
    """A movement: whose, why, how many, and what it took from which lot."""

    owner: int
    kind: str
    points: int
    taken: list[tuple[Lot, int]] = field(default_factory=list)
    id: str = ""
    reversed: bool = False


class Book:
    """The customers of a run, by number."""

    def __init__(self, customers: int) -> None:
        self.lots: list[list[Lot]] = [[] for _ in range(customers)]
        self.entries: list[Entry] = []
        self.places = 0

    def balance(self, owner: int) -> int:
        return sum(lot.left for lot in self.lots[owner])

    def tier(self, owner: int) -> str:
        return next(code for least, code in TIERS if self.balance(owner) >= least)

    def give(self, owner: int, kind: str, *parts: tuple[int, int | None]) -> Entry:
        entry = Entry(owner, kind, sum(points for points, _ in parts))
        for points, day in parts:
            self.places += 1
            self.lots[owner].append(Lot(day, self.places, points, entry))
        self.entries.append(entry)
        return entry

    def take(self, owner: int, kind: str, points: int, first: Entry | None = None) -> Entry:
        if points > self.balance(owner):
            raise Refusal(409)
        entry = Entry(owner, kind, -points)
        for lot in sorted(
            self.lots[owner],
            key=lambda lot: (first is None or lot.opened_by is not first, *lot.order),
        ):
            part = min(points, lot.left)
            if part:
                lot.left -= part
                points -= part
                entry.taken.append((lot, part))
        self.entries.append(entry)
        return entry

    def adjust(self, owner: int, points: int) -> Entry:
        if points >= 0:
            return self.give(owner, "adjusted", *([(points, None)] if points else []))
        return self.take(owner, "adjusted", min(-points, self.balance(owner)))

    def reverse(self, entry: Entry, points: int | None) -> Entry:
        if entry.kind not in ("earned", "redeemed", "adjusted") or entry.points == 0:
            raise Refusal(409)
        if entry.reversed:
            raise Refusal(409)
        amount = points or abs(entry.points)
        if amount > abs(entry.points):
            raise Refusal(400)
        entry.reversed = True
        if entry.points > 0:
            amount = min(amount, self.balance(entry.owner))
            return self.take(entry.owner, "reversed", amount, entry)
        back = Entry(entry.owner, "reversed", amount)
        for lot, part in sorted(entry.taken, key=lambda pair: pair[0].order, reverse=True):
            lot.left += min(part, amount)
            amount -= min(part, amount)
        self.entries.append(back)
        return back

    def transfer(self, giver: int, receiver: int, points: int) -> tuple[Entry, Entry]:
        if giver == receiver:
            raise Refusal(400)
        gone = self.take(giver, "transferred", points)
        parts: dict[int | None, int] = {}
        for lot, part in gone.taken:
            parts[lot.day] = parts.get(lot.day, 0) + part
        lots = [(points, day) for day, points in parts.items()]
        return gone, self.give(receiver, "transferred", *lots)

    def expire(self, day: int) -> list[Entry]:
        found = []
        for owner, lots in enumerate(self.lots):
            due = [lot for lot in lots if lot.day is not None and lot.day <= day and lot.left]
            if due:
                entry = Entry(owner, "expired", -sum(lot.left for lot in due))
                for lot in due:
                    lot.left = 0
                self.entries.append(entry)
                found.append(entry)
        return found
