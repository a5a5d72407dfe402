"""The checker sees each way to break the promise, and none where it is kept."""

import random

import pytest

from harness.checker import Place, compare, settled_prefix
from harness.workload import CREATED, APPENDED, mixed_record

COUNT = 400
PARTITIONS = 3


@pytest.fixture(name="source")
def source_fixture():
    source = {partition: [] for partition in range(PARTITIONS)}
    for index in range(COUNT):
        source[index % PARTITIONS].append(mixed_record(7, index))
    return source


@pytest.fixture(name="target")
def target_fixture(source):
    return {partition: list(records) for partition, records in source.items()}


def first_index(records, condition):
    return next(index for index, record in enumerate(records) if condition(record))


def test_an_exact_copy_is_exact(source, target):
    verdict = compare(source, target)
    assert verdict.kept_exactly() and verdict.compared == COUNT, verdict


def test_the_workload_is_the_same_for_the_same_seed():
    assert [mixed_record(3, index) for index in range(50)] == [mixed_record(3, index) for index in range(50)]
    assert mixed_record(3, 1) != mixed_record(4, 1)


def test_the_workload_has_every_shape():
    records = [mixed_record(1, index) for index in range(5000)]
    assert any(record.key is None for record in records) and any(record.key == b"" for record in records)
    assert any(record.value is None for record in records) and any(record.value == b"" for record in records)
    assert any(len(record.value or b"") > 9000 for record in records)
    names = [[name for name, _ in record.headers] for record in records]
    assert any(len(set(of_one)) < len(of_one) for of_one in names)
    assert any(value is None for record in records for _, value in record.headers)
    assert any(value == b"" for record in records for _, value in record.headers)


def test_one_dropped_is_lost(source, target):
    del target[1][17]
    verdict = compare(source, target)
    assert verdict.lost == ["source 1#17"] and not verdict.altered and not verdict.out_of_order, verdict


def test_the_last_one_dropped_is_lost(source, target):
    target[2].pop()
    verdict = compare(source, target)
    assert verdict.lost == [f"source 2#{len(source[2]) - 1}"] and not verdict.out_of_order, verdict


def test_an_empty_target_has_lost_all(source):
    assert len(compare(source, {partition: [] for partition in source}).lost) == COUNT


def test_one_duplicated_is_repeated(source, target):
    target[0].insert(11, target[0][10])
    verdict = compare(source, target)
    assert verdict.kept_at_least_once() and not verdict.kept_exactly(), verdict
    assert verdict.repeated == 1 and verdict.restarts == [Place(0, 10)]


def test_a_stalled_owners_late_request_breaks_the_order_but_not_the_copy_of_the_new_owner(source, target):
    late = source[0][50:60]
    # Among records that the new owner had written by then, and before it came to them.
    target[0][80:80] = late
    target[1][20:20] = source[1][30:40]
    verdict = compare(source, target)
    assert not verdict.kept_at_least_once() and verdict.kept_one_copy_in_order(), verdict
    assert verdict.repeated == 20 and verdict.out_of_order, verdict


def test_late_runs_are_what_is_out_of_its_place(source, target):
    assert compare(source, target).late_runs == 0
    late = target[0][20:30]
    del target[0][20:30]
    assert compare(source, target).late_runs == 0
    target[0][60:60] = late
    verdict = compare(source, target)
    assert verdict.late_runs == 1 and verdict.out_of_order and not verdict.repeated, verdict
    target[0][5], target[0][6] = target[0][6], target[0][5]
    target[1][7], target[1][9] = target[1][9], target[1][7]
    assert compare(source, target).late_runs == 4


def test_two_swapped_are_nobodys_late_request(source, target):
    target[0][5], target[0][6] = target[0][6], target[0][5]
    verdict = compare(source, target)
    assert not verdict.kept_one_copy_in_order() and verdict.without_order == ["source 0 in target 0"]


def test_what_is_lost_is_lost_with_a_stalled_owner_too(source, target):
    del target[2][7]
    assert not compare(source, target).kept_one_copy_in_order()


def test_at_most_once_may_lose_and_nothing_else(source, target):
    del target[1][17]
    assert compare(source, target).kept_at_most_once()
    target[0].insert(5, target[0][4])
    assert not compare(source, target).kept_at_most_once()


def test_a_restart_that_goes_on_without_gap_keeps_the_promise(source, target):
    target[0][40:40] = target[0][25:40]
    verdict = compare(source, target)
    assert verdict.kept_at_least_once() and verdict.repeated == 15, verdict
    assert verdict.restarts == [Place(0, 25)]


def test_a_restart_that_jumps_forward_is_out_of_order(source, target):
    # 0..39, 25..29, 40...: after the restart 30 to 39 were left out.
    target[0][40:40] = target[0][25:30]
    verdict = compare(source, target)
    assert verdict.out_of_order and not verdict.lost, verdict


def test_a_single_late_repeat_is_out_of_order(source, target):
    # What a stalled owner's last request looks like: an old record among new ones.
    target[0].insert(60, target[0][20])
    assert compare(source, target).out_of_order


def test_two_swapped_are_out_of_order(source, target):
    target[1][30], target[1][31] = target[1][31], target[1][30]
    verdict = compare(source, target)
    assert verdict.out_of_order and not verdict.lost and not verdict.altered, verdict


def test_one_in_another_partition_is_misplaced(source, target):
    target[2].insert(5, target[1].pop(30))
    assert compare(source, target).misplaced


@pytest.mark.parametrize("field, change", [
    ("value", lambda record: record.value[:-1] + bytes([record.value[-1] ^ 1])),
    ("value", lambda record: record.value + b"\0"),
    ("key", lambda record: record.key + b"x"),
    ("timestamp", lambda record: record.timestamp + 1),
    ("timestamp_type", lambda record: APPENDED),
    ("headers", lambda record: record.headers + (("new", b""),)),
])
def test_one_altered_field_is_altered(source, target, field, change):
    index = first_index(target[1], lambda record: record.key and record.value)
    record = target[1][index]
    assert record.timestamp_type == CREATED
    target[1][index] = record._replace(**{field: change(record)})
    verdict = compare(source, target)
    assert len(verdict.altered) == 1 and f"{field} " in verdict.altered[0] and not verdict.lost, verdict


def test_header_order_counts(source, target):
    index = first_index(target[0], lambda record: len(set(record.headers)) > 1)
    record = target[0][index]
    target[0][index] = record._replace(headers=tuple(reversed(record.headers)))
    if record.headers == tuple(reversed(record.headers)):
        target[0][index] = record._replace(headers=record.headers[1:] + record.headers[:1])
    assert len(compare(source, target).altered) == 1


def test_collapsed_duplicate_headers_count(source, target):
    def repeats_a_name(record):
        names = [name for name, _ in record.headers]
        return len(set(names)) < len(names)
    index = first_index(target[0], repeats_a_name)
    record = target[0][index]
    target[0][index] = record._replace(headers=tuple(dict(record.headers).items()))
    assert len(compare(source, target).altered) == 1


def swap_null_and_empty(data):
    return b"" if data is None else None


@pytest.mark.parametrize("field", ["key", "value"])
@pytest.mark.parametrize("from_value", [None, b""])
def test_null_and_empty_are_told_apart(source, target, field, from_value):
    partition = next(p for p in target if any(getattr(r, field) == from_value for r in target[p]))
    index = first_index(target[partition], lambda record: getattr(record, field) == from_value)
    record = target[partition][index]
    target[partition][index] = record._replace(**{field: swap_null_and_empty(from_value)})
    assert len(compare(source, target).altered) == 1


def test_null_and_empty_header_values_are_told_apart(source, target):
    index = first_index(target[0], lambda record: any(value is None for _, value in record.headers))
    record = target[0][index]
    target[0][index] = record._replace(headers=tuple((name, value or b"") for name, value in record.headers))
    assert len(compare(source, target).altered) == 1


def test_a_record_of_no_source_is_told(source, target):
    target[0].append(mixed_record(99, 5))
    verdict = compare(source, target)
    assert len(verdict.altered) == 1 and "of no source" in verdict.altered[0], verdict


def test_by_key_order_is_that_of_each_lane(source):
    """Several source partitions that meet in one target partition may mix, but each keeps its order."""
    rng = random.Random(5)
    queues = {partition: list(records) for partition, records in source.items()}
    target = {0: []}
    while any(queues.values()):
        target[0].append(queues[rng.choice([p for p in queues if queues[p]])].pop(0))
    assert compare(source, target, route=lambda place, record: 0).kept_exactly()
    first, second = [i for i, record in enumerate(target[0]) if record in source[1]][8:10]
    target[0][first], target[0][second] = target[0][second], target[0][first]
    assert compare(source, target, route=lambda place, record: 0).out_of_order


def test_a_free_route_takes_any_partition(source, target):
    moved = {0: target[1], 1: target[2], 2: target[0]}
    assert compare(source, moved).misplaced
    assert compare(source, moved, route=lambda place, record: None).kept_exactly()


def test_the_settled_prefix_ends_at_the_first_that_is_missing(source, target):
    offsets = [10 + 2 * index for index in range(len(source[0]))]
    assert settled_prefix(offsets, source[0], target[0], 999) == 999
    del target[0][7]
    assert settled_prefix(offsets, source[0], target[0], 999) == 24
