"""What to ask for, so that few requests fetch all: computed from the map, never written by hand."""

from msgspec import Struct

from chargebridge.wire.modbus.register_map import Entry, RegisterMap


class Batch(Struct, frozen=True):
    """One request: ``count`` from address ``at`` on, answered with ``words`` registers of 16 bits."""

    at: int
    count: int
    words: int
    entries: tuple[Entry, ...]


def batches(chosen: RegisterMap) -> list[Batch]:
    """All requests, in the order of their addresses."""
    gap = 0 if chosen.objects else chosen.gap
    return _grouped(chosen, sorted(chosen.registers, key=lambda entry: entry.at), gap, chosen.most)


def split(chosen: RegisterMap, batch: Batch) -> list[Batch]:
    """Smaller requests for what a device refused as one: without what lies between, then each value alone; empty if it cannot be split."""
    dense = _grouped(chosen, list(batch.entries), 0, chosen.most)
    if len(dense) > 1:
        return dense
    return [_batch(chosen, [entry]) for entry in batch.entries] if len(batch.entries) > 1 else []


def _grouped(chosen: RegisterMap, entries: list[Entry], gap: int, most: int) -> list[Batch]:
    groups: list[list[Entry]] = []
    for entry in entries:
        group = groups[-1] if groups else None
        if group and entry.at - _end(chosen, group[-1]) <= gap and _end(chosen, entry) - group[0].at <= most:
            group.append(entry)
        else:
            groups.append([entry])
    return [_batch(chosen, group) for group in groups]


def _batch(chosen: RegisterMap, group: list[Entry]) -> Batch:
    at = group[0].at
    count = _end(chosen, group[-1]) - at
    words = sum(entry.type.size for entry in group) if chosen.objects else count
    return Batch(at, count, words, tuple(group))


def _end(chosen: RegisterMap, entry: Entry) -> int:
    return entry.at + (1 if chosen.objects else entry.type.size)
