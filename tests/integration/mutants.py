#!/usr/bin/python3
"""Breaks aloqd on purpose, one promise at a time, and checks that the integration tests notice.

Run by hand after a change to the engine, to source or sink, or to the harness:

    tests/integration/mutants.py [NAME...]

Each mutant is one replacement in a copy of the tree. A mutant whose place is not found any more is an error:
move it to where its promise is kept now. Takes some minutes; needs what the integration tests need."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]

# name: file, text in it, what stands there instead, the tests of which at least one must fail (pytest's -k)
MUTANTS = {
    "commits what is only read": (
        "src/relay/strategy_at_least_once.c",
        "	return offset_tracker_mark(part->tracker);",
        "	return offset_tracker_end(part->tracker);",
        "kill_9_ten_times or drain_that_cannot_finish"),
    "commits one too many": (
        "src/relay/strategy_at_least_once.c",
        "	return offset_tracker_mark(part->tracker);",
        "	return offset_tracker_mark(part->tracker) + (offset_tracker_mark(part->tracker) > 0);",
        "kill_9_ten_times or sigterm_ten_times"),
    "drops a record": (
        "src/kafka/source.c",
        "	if (!message) {",
        "	if (!message || message->offset == 1234) {",
        "200000_mixed"),
    "doubles a record on a clean path": (
        "src/kafka/sink.c",
        "	error = rd_kafka_produceva(sink->client.producer, fields, count);",
        "	if (message->offset == 1234)\n		rd_kafka_produce(fields[0].u.rkt, route->partition,\n"
        "		    RD_KAFKA_MSG_F_COPY, message->payload, message->len, message->key, message->key_len, NULL);\n"
        "	error = rd_kafka_produceva(sink->client.producer, fields, count);",
        "200000_mixed"),
    "forgets the headers": (
        "src/kafka/sink.c",
        "	return rd_kafka_headers_copy(headers);",
        "	return NULL;",
        "byte_for_byte"),
    "makes an empty value of a null one": (
        "src/kafka/sink.c",
        "	fields[count].u.mem.ptr = message->payload;",
        '	fields[count].u.mem.ptr = message->payload ? message->payload : "";',
        "byte_for_byte"),
    "makes a null key of an empty one": (
        "src/kafka/sink.c",
        "	fields[count].u.mem.ptr = message->key;",
        "	fields[count].u.mem.ptr = message->key_len ? message->key : NULL;",
        "byte_for_byte"),
    "stamps anew": (
        "src/kafka/sink.c",
        "	if (timestamp_ms > 0 &&",
        "	if (timestamp_ms > INT64_MAX / 2 &&",
        "byte_for_byte"),
    "ends without its last commit": (
        "src/relay/strategy_at_least_once.c",
        "	return commit_offset(part) <= part->committed;",
        "	return engine->draining || commit_offset(part) <= part->committed;",
        "sigterm_ten_times"),
    "gives partitions up without settling them": (
        "src/relay/pipeline_clients.c",
        ".revoke_timeout_us = ",
        ".revoke_timeout_us = 0 * ",
        "takes_over_from_the_other"),
    "reads on before the commit in sync mode": (
        "src/relay/strategy_at_least_once.c",
        "	return room < limit - uncommitted_records ? room : limit - uncommitted_records;",
        "	return room;",
        "kill_9_in_sync_mode"),
    "relays aborted records": (
        "src/core/delivery.c",
        '"isolation.level", "read_committed"',
        '"isolation.level", "read_uncommitted"',
        "read_committed_relays"),
    "crosses gaps": (
        "src/kafka/positions.c",
        "	if (from->on_gap == GAP_BLOCK) {",
        "	if (from->on_gap == GAP_BLOCK && log_start > (1 << 30)) {",
        "on_gap_block or opens_while_reading"),
    "knows no bound of memory": (
        "src/relay/pipeline_clients.c",
        "	uint64_t window = pipeline->memory_bytes / 6;",
        "	uint64_t window = pipeline->memory_bytes * 6;",
        "1_gb or small_records"),
}


def build(tree, objects):
    done = subprocess.run(["make", "-s", "-j2", "aloqd", "aloqctl"], cwd=objects, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"does not build in {tree}:\n{done.stdout[-3000:]}"


def tests_fail(objects, expression):
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                           "-k", expression, TOP / "tests/integration"],
                          env={**os.environ, "ALOQD_BUILD": str(objects)}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode in (0, 1), f"pytest says {done.returncode}:\n{done.stdout[-3000:]}"
    why = [line[4:] for line in done.stdout.splitlines() if line.startswith("E  ")]
    return done.returncode == 1, why[0].strip()[:150] if why else ""


def main(names):
    unknown = set(names) - set(MUTANTS)
    if unknown:
        sys.exit(f"no such mutant: {', '.join(sorted(unknown))}; there are: {', '.join(MUTANTS)}")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="aloqd-mutants-"))
    tree, objects, survivors = directory / "tree", directory / "build", []
    try:
        shutil.copytree(TOP, tree, ignore=shutil.ignore_patterns(".git", "build*", "autom4te.cache", "*.o"))
        # build-aux was left out with build*; it comes from bootstrap.
        subprocess.run(["./bootstrap"], cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True)
        objects.mkdir()
        subprocess.run([tree / "configure"], cwd=objects, stdout=subprocess.DEVNULL, check=True)
        build(tree, objects)
        for name in names or MUTANTS:
            path, text, instead, expression = MUTANTS[name]
            whole = (tree / path).read_text()
            if whole.count(text) != 1:
                print(f"NO PLACE  {name}: not found once in {path}", flush=True)
                survivors.append(name)
                continue
            (tree / path).write_text(whole.replace(text, instead))
            build(tree, objects)
            caught, why = tests_fail(objects, expression)
            print(f"{'caught  ' if caught else 'SURVIVED'}  {name}: {why}", flush=True)
            if not caught:
                survivors.append(name)
            (tree / path).write_text(whole)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if survivors:
        sys.exit(f"{len(survivors)} survived: {', '.join(survivors)}")


if __name__ == "__main__":
    main(sys.argv[1:])
