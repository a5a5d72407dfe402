"""Source against target: what was lost, repeated, put out of order, altered.

The promise of at_least_once, for the records of one source partition that belong in one target partition
(a lane): their first occurrences are in source order and all there, byte for byte; after a repeat the
sequence goes on without a gap from the point where it restarted. So every step in a lane is either to the
next record, or back to one that was there before: a restart.

The checker works on plain lists, so that it can be tested with mutants (test_checker.py)."""

from bisect import bisect_left
from collections import namedtuple

# A place in the source: partition and index into its list of records.
Place = namedtuple("Place", "partition index")


class Verdict:
    """What the comparison found. Lists hold readable descriptions; `restarts` holds for each jump back the
    Place where the sequence went on, `repeated` counts the records that were there a second time.
    `without_order` has the lanes that do not even hold one whole copy in order among the repeats; `late_runs` counts what
    would have to be taken out of the lanes, repeats aside, for the rest to be in order: pieces of records one after another,
    as a request has them."""

    def __init__(self):
        self.lost = []
        self.altered = []
        self.out_of_order = []
        self.misplaced = []
        self.restarts = []
        self.without_order = []
        self.late_runs = 0
        self.repeated = 0
        self.compared = 0

    def kept_at_least_once(self):
        return not (self.lost or self.altered or self.out_of_order or self.misplaced)

    def kept_exactly(self):
        return self.kept_at_least_once() and not self.repeated

    def kept_at_most_once(self):
        """Nothing is repeated, out of order, or not as it was; some may be missing."""
        return not (self.repeated or self.out_of_order or self.altered or self.misplaced)

    def kept_one_copy_in_order(self):
        """What remains of the order when the last request of an owner that was stalled for longer than its
        session came late, anywhere among the new owner's records: those are in order, whole."""
        return not (self.lost or self.altered or self.without_order or self.misplaced)

    def __repr__(self):
        parts = [f"{self.compared} compared, {self.repeated} repeated in {len(self.restarts)} restarts"]
        for name in ("lost", "altered", "out_of_order", "without_order", "misplaced"):
            found = getattr(self, name)
            if found:
                parts.append(f"{len(found)} {name}: " + "; ".join(found[:4]))
        return ". ".join(parts)


def compare(source, target, route=lambda place, record: place.partition):
    """source and target are {partition: [Record, ...]}. route says for a Place and its Record in which target
    partition it belongs (default: the same number), or None where any one will do."""
    verdict = Verdict()
    places = _places(source)
    lanes, unknown, found_in = _lanes(places, target)
    expected = _expected_lanes(source, route, found_in)
    missing = {lane: len(indexes) for lane, indexes in expected.items()}
    for lane in sorted(set(expected) | set(lanes)):
        missing[lane] = _walk_lane(verdict, lane, expected.get(lane, []), lanes.get(lane, []))
    _explain_missing(verdict, source, expected, missing, unknown)
    verdict.compared = sum(map(len, source.values()))
    return verdict


def _places(source):
    places = {}
    for partition, records in source.items():
        for index, record in enumerate(records):
            earlier = places.setdefault(record, Place(partition, index))
            assert earlier == Place(partition, index), (
                f"the source holds one record twice, at {earlier} and {Place(partition, index)}: the checker "
                "cannot tell them apart")
    return places


def _lanes(places, target):
    """Splits each target partition by source partition: {(source, target): [index, ...]} in log order, the
    records that are in no source, and where each record came first."""
    lanes, unknown, found_in = {}, [], {}
    for partition, records in target.items():
        for position, record in enumerate(records):
            place = places.get(record)
            if place is None:
                unknown.append((partition, position, record))
                continue
            lanes.setdefault((place.partition, partition), []).append(place.index)
            found_in.setdefault(place, partition)
    return lanes, unknown, found_in


def _expected_lanes(source, route, found_in):
    expected = {}
    for partition, records in source.items():
        for index, record in enumerate(records):
            place = Place(partition, index)
            where = route(place, record)
            if where is None:
                where = found_in.get(place)
            expected.setdefault((partition, where), []).append(index)
    return expected


def _walk_lane(verdict, lane, expected, found):
    """Follows one lane; returns the set of source indexes that never came."""
    source_partition, target_partition = lane
    rank = {index: position for position, index in enumerate(expected)}
    seen, jumps, once = set(), [], []
    last = -1
    for index in found:
        position = rank.get(index)
        if position is None:
            verdict.misplaced.append(f"source {source_partition}#{index} is in target {target_partition}")
            continue
        if position in seen:
            verdict.repeated += 1
        if position <= last and position in seen:
            verdict.restarts.append(Place(source_partition, index))
        elif position != last + 1:
            jumps.append((last, position))
        if position not in seen:
            once.append(position)
        seen.add(position)
        last = position
    for before, after in jumps:
        # Over records that never came at all: those are lost or altered, and the order is not at fault.
        if before < after and seen.isdisjoint(range(before + 1, after)):
            continue
        verdict.out_of_order.append(
            f"source {source_partition}#{expected[after]} follows "
            f"{'#%d' % expected[before] if before >= 0 else 'the beginning'} in target {target_partition}")
    verdict.late_runs += _late_runs(once)
    if len(seen) == len(expected) and not _holds_in_order(found, expected):
        verdict.without_order.append(f"source {source_partition} in target {target_partition}")
    return {index for position, index in enumerate(expected) if position not in seen}


def _late_runs(positions):
    """Into how many pieces that which is not in order falls: what the longest ascending sequence leaves out."""
    ends, places, before = [], [], [None] * len(positions)
    for place, position in enumerate(positions):
        length = bisect_left(ends, position)
        before[place] = places[length - 1] if length else None
        ends[length:length + 1], places[length:length + 1] = [position], [place]
    in_order, place = set(), places[-1] if places else None
    while place is not None:
        in_order.add(place)
        place = before[place]
    return sum(place not in in_order and (place == 0 or place - 1 in in_order or positions[place - 1] > position)
               for place, position in enumerate(positions))


def _holds_in_order(found, wanted):
    """Is there, with whatever between them, one after the other all that is wanted?"""
    rest = iter(found)
    return all(index in rest for index in wanted)


def _explain_missing(verdict, source, expected, missing, unknown):
    """A record that is missing, and an unknown one that resembles it in its lane: altered. Else lost."""
    for lane in sorted(expected, key=str):
        source_partition, target_partition = lane
        strangers = [stranger for stranger in unknown if stranger[0] == target_partition]
        for index in sorted(missing[lane]):
            record = source[source_partition][index]
            stranger = next((s for s in strangers if _resemblance(s[2], record) >= 3), None)
            if stranger is None:
                verdict.lost.append(f"source {source_partition}#{index}")
            else:
                strangers.remove(stranger)
                unknown.remove(stranger)
                verdict.altered.append(
                    f"source {source_partition}#{index}: {_difference(record, stranger[2])}")
    for partition, position, record in unknown:
        verdict.altered.append(f"target {partition}#{position} is of no source: {_short(record)}")


def _resemblance(one, other):
    """How many fields two records share, of five."""
    return sum(a == b for a, b in zip(one, other))


def _difference(one, other):
    return ", ".join(f"{name} {_short(a)} became {_short(b)}"
                     for name, a, b in zip(one._fields, one, other) if a != b)


def _short(value):
    text = repr(value)
    return text if len(text) <= 80 else text[:60] + f"... ({len(text)} characters)"


def settled_prefix(source_offsets, source, target, log_end):
    """For one source partition: the offset below which every record is in the target; log_end when all are.
    No commit may lie beyond it. source and target are the lists of records of the partition pair."""
    held = set(target)
    for offset, record in zip(source_offsets, source):
        if record not in held:
            return offset
    return log_end
