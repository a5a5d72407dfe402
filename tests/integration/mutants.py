#!/usr/bin/python3
"""Breaks aloqd on purpose, one promise at a time, and checks that the tests notice: they are worth what they catch.

    tests/integration/mutants.py [NAME...]      these, or all: about 20 minutes on 2 cores
    tests/integration/mutants.py --quick        those that the simulation is to catch: a minute, no Kafka
    tests/integration/mutants.py --check        each still has its place and compiles: seconds, nothing is built

Run after a change to the engine, to source or sink, or to the harness; scripts/test runs the quick ones, `make check`
the check. Each mutant is one replacement in a copy of the tree, built and given to the tests that guard the promise. A
mutant whose place is not found any more, or that does not build, counts as one that has survived: move it to where its
promise is kept now. The last lines are a table: which mutant was caught by which test, and what that said. (The
simulation has mutants of its own, at the seam between engine, source and sink: tests/sim/sim --mutants.)

--check asks the compiler $COMPILE, a command with its flags, as `make check` gives it."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

TOP = pathlib.Path(__file__).resolve().parents[2]

# So long the tests of one mutant may take: one that hangs is caught, too.
TESTS_S = 600
# So long the simulation looks for a seed that shows a mutant.
SIM_S = 60

# path: the file; text: once in it; instead: what stands there in the mutant; guard: who must notice, an expression
# for pytest's -k (one failure is enough), or Sim.
Mutant = namedtuple("Mutant", "name path text instead guard")
Sim = namedtuple("Sim", "delivery")

MUTANTS = [
    Mutant("commits what is only read",
        "src/relay/strategy_at_least_once.c",
        "	return offset_tracker_mark(part->tracker);",
        "	return offset_tracker_end(part->tracker);",
        "kill_9_ten_times or drain_that_cannot_finish"),
    Mutant("commits one too many",
        "src/relay/strategy_at_least_once.c",
        "	return offset_tracker_mark(part->tracker);",
        "	return offset_tracker_mark(part->tracker) + (offset_tracker_mark(part->tracker) > 0);",
        "kill_9_ten_times or sigterm_ten_times"),
    Mutant("drops a record",
        "src/kafka/source.c",
        "rd_kafka_message_broker_id(message), leader_epoch)) {",
        "rd_kafka_message_broker_id(message), leader_epoch) || message->offset == 1234) {",
        "200000_mixed"),
    Mutant("doubles a record on a clean path",
        "src/kafka/sink.c",
        "	error = rd_kafka_produceva(sink->client.producer, fields, count);",
        "	if (message->offset == 1234)\n		rd_kafka_produce(fields[0].u.rkt, route->partition,\n"
        "		    RD_KAFKA_MSG_F_COPY, message->payload, message->len, message->key, message->key_len, NULL);\n"
        "	error = rd_kafka_produceva(sink->client.producer, fields, count);",
        "200000_mixed"),
    Mutant("swaps two records",
        "src/kafka/sink.c",
        "	const struct route *route = sink_route(sink, part, message);",
        """	const struct route *route = sink_route(sink, part, message);
	static uint64_t held_handle;
	static void *held;
	static bool swapped;

	if (part == 0 && message->offset == 1234 && !held) {
		held = payload;
		held_handle = handle;
		return 0;
	}
	if (part == 0 && message->offset == 1235 && held && !swapped) {
		swapped = true;
		if (op_submit(context, handle, part, payload, outcome, err) < 0)
			return err->code;
		return op_submit(context, held_handle, part, held, outcome, err);
	}""",
        "200000_mixed"),
    Mutant("names another offset as the source",
        "src/kafka/sink_headers.c",
        "route->provenance_length, message->offset);",
        "route->provenance_length, message->offset + 1);",
        "with_provenance"),
    Mutant("forgets the headers",
        "src/kafka/sink_headers.c",
        "		*copy = rd_kafka_headers_copy(headers);",
        "		*copy = NULL;",
        "byte_for_byte"),
    Mutant("makes an empty value of a null one",
        "src/kafka/sink.c",
        "	fields[count].u.mem.ptr = message->payload;",
        '	fields[count].u.mem.ptr = message->payload ? message->payload : "";',
        "byte_for_byte"),
    Mutant("makes a null key of an empty one",
        "src/kafka/sink.c",
        "	fields[count].u.mem.ptr = message->key;",
        "	fields[count].u.mem.ptr = message->key_len ? message->key : NULL;",
        "byte_for_byte"),
    Mutant("stamps anew",
        "src/kafka/sink.c",
        "	if (timestamp_ms > 0 &&",
        "	if (timestamp_ms > INT64_MAX / 2 &&",
        "byte_for_byte"),
    Mutant("ends without its last commit",
        "src/relay/strategy_at_least_once.c",
        "	return part->gone || commit_offset(part) <= part->committed;",
        "	return engine->draining || part->gone || commit_offset(part) <= part->committed;",
        "sigterm_ten_times"),
    Mutant("takes one partition's failed commit for all partitions'",
        "src/kafka/commit_answers.c",
        "item->err || is_of_partitions ? item->err : whole",
        "item->err ? item->err : whole",
        "a_topic_that_is_deleted_costs_the_others_nothing and matched and at_most_once"),
    Mutant("gives partitions up without settling them",
        "src/relay/pipeline_clients.c",
        ".revoke_timeout_us = ",
        ".revoke_timeout_us = 0 * ",
        "takes_over_from_the_other"),
    Mutant("gives up what stays in a cooperative rebalance",
        "src/kafka/source_assignment.c",
        "	for (uint32_t i = 0; i < source->part_count && !source->cooperative; i++)\n"
        "		leave(source, source->parts[i], lost);",
        "	for (uint32_t i = 0; i < source->part_count; i++)\n"
        "		leave(source, source->parts[i], lost);",
        "only_what_moves_is_given_up and at_least_once"),
    Mutant("takes what another one has read meanwhile for its own",
        "src/kafka/source_assignment.c",
        "	bool lost = told || (!source->closing && comes_too_late(source));",
        "	bool lost = told;",
        "the_promise_is_kept and stalled and at_most_once"),
    Mutant("does not take out what it takes in again elsewhere",
        "src/kafka/source_reading.c",
        "		if (source_part_at(source, list, i)->taken_up)\n			code = source_take_out(source, list);",
        "		if (source_part_at(source, list, i)->taken_up && !source->cooperative)\n"
        "			code = source_take_out(source, list);",
        "takes_one_partition_out_alone and earliest"),
    Mutant("answers a cooperative rebalance before what leaves is settled",
        "src/kafka/source_assignment.c",
        "	if (source->rebalance == REBALANCE_REVOKING && source->unreleased == 0 && !source->job)",
        "	if (source->rebalance == REBALANCE_REVOKING && (source->unreleased == 0 || source->cooperative) && !source->job)",
        "only_what_moves_is_given_up and at_least_once"),
    Mutant("reads on before the commit in sync mode",
        "src/relay/strategy_at_least_once.c",
        "	return room < limit - uncommitted_records ? room : limit - uncommitted_records;",
        "	return room;",
        "kill_9_in_sync_mode"),
    Mutant("relays aborted records",
        "src/core/delivery.c",
        '"isolation.level", "read_committed"',
        '"isolation.level", "read_uncommitted"',
        "read_committed_relays"),
    Mutant("believes what librdkafka leaves out",
        "src/kafka/source_doubts.c",
        "ISOLATION_READ_COMMITTED || part->read_again)",
        "ISOLATION_READ_COMMITTED || part->read_again || part->epoch > 0)",
        "overtaken"),
    Mutant("reads on in a log that was truncated and has grown again",
        "src/kafka/source_doubts.c",
        "source->validates && !part->validated &&",
        "source->validates && !part->validated && part->epoch == 0 &&",
        "blocks_too and newer and stopped"),
    Mutant("forgets that a log was cut",
        "src/kafka/topic_memory.c",
        "	found->is_cut = true;\n",
        "",
        "what_was_in_flight_when_the_log_was_cut or gives_the_partition_back"),
    Mutant("forgets that a log was cut once what was in flight is committed",
        "src/kafka/topic_memory.c",
        "	found->cut_read_to = read_to;",
        "	found->cut_read_to = committed;\n	(void)read_to;",
        "what_was_in_flight_when_the_log_was_cut or gives_the_partition_back"),
    Mutant("crosses gaps",
        "src/kafka/positions.c",
        "	if (on_gap == GAP_BLOCK) {",
        "	if (on_gap == GAP_BLOCK && facts->log_start > (1 << 30)) {",
        "on_gap_block or opens_while_reading"),
    Mutant("sends for ever what no segment of the target holds",
        "src/kafka/error_class.c",
        "	{ RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, REMEDY_SKIP, REPORT_REFUSED,",
        "	{ RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, REMEDY_RETRY, REPORT_RETRY,",
        "that_no_segment_of_the_target_holds and block"),
    Mutant("makes batches larger than a segment of the target",
        "src/kafka/preflight.c",
        '(!is_max && strcmp(rd_kafka_ConfigEntry_name(entry), "segment.bytes")) ||',
        "!is_max ||",
        "not_larger_than_a_segment"),
    Mutant("knows no bound of memory",
        "src/relay/pipeline_clients.c",
        "	uint64_t window = pipeline->memory_bytes / 6;",
        "	uint64_t window = pipeline->memory_bytes * 6;",
        "1_gb or small_records"),
    Mutant("polls no more while its window is full",
        "src/relay/engine.c",
        "	engine->source_ops->serve(engine->source);",
        "	if (engine->held_records < engine->config.limits.window_records / 2)\n"
        "		engine->source_ops->serve(engine->source);",
        "full_window_stops_no_polling"),
    Mutant("ends transactions in the thread that polls",
        "src/kafka/sink_transaction.c",
        "	worker_submit(sink->worker, adding_offsets, commit_run, commit_done, job);",
        "	commit_run(sink->worker, job);\n	commit_done(job, false);",
        "transaction_that_hangs"),
    Mutant("leaves the offsets out of the transaction",
        "src/kafka/sink_transaction.c",
        "	error = call_until_done(&send_offsets, worker, commit_bound_us);",
        "	error = NULL;\n	(void)send_offsets;",
        "exactly_once and kill_9_ten_times"),
    Mutant("adds its offsets without its membership",
        "src/kafka/sink_transaction.c",
        ".group = job->token->metadata };",
        ".group = rd_kafka_consumer_group_metadata_new(job->sink->pipeline->from.group) };",
        "commits_nothing_beside"),
    Mutant("waits for a coordinator that is gone",
        "src/kafka/settings.c",
        "	if (client_library_at_least(2, 10, 0))",
        "	if (client_library_at_least(99, 0, 0))",
        "coordinator_is_gone"),
    Mutant("waits for ever for a call that does not return",
        "src/relay/pipeline_calls.c",
        "			pipeline->hangs_in = watches[i]->doing;",
        "			pipeline->hangs_in = NULL;",
        "ends_with_a_failure_and_the_next_one_goes_on"),
    # ---- the rules of delivery, for the simulation to notice ----
    Mutant("settles what is only sent",
        "src/core/offset_tracker.c",
        "		if (slot->state != SLOT_SETTLED)\n			return;",
        "		if (slot->state == SLOT_WAITING)\n			return;",
        Sim("at_least_once")),
    Mutant("moves the mark over what is not settled",
        "src/core/offset_tracker.c",
        "	if (seq == tracker->mark_seq)",
        "	tracker->mark = slot->next;\n	if (seq == tracker->mark_seq)",
        Sim("at_least_once")),
    Mutant("lets a late report of an old epoch count",
        "src/relay/engine_parts.c",
        "	part->tracker = offset_tracker_new(position, part->next_seq);",
        "	part->tracker = offset_tracker_new(position, 0);",
        Sim("at_least_once")),
    Mutant("writes on behind the new owner of a lost partition",
        "src/relay/engine_events.c",
        "	if (part->ended)\n		engine_give_up_flight(engine);",
        "",
        Sim("at_least_once")),
    Mutant("gives a partition up with records in flight",
        "src/relay/engine.c",
        "		else if (!has_flight(part) && part->commit_sent < 0 &&",
        "		else if (part->commit_sent < 0 &&",
        Sim("at_least_once")),
    Mutant("gives a partition up uncommitted",
        "src/relay/engine.c",
        "	if (engine->strategy->is_settled(engine, part))\n		return true;",
        "	if (engine)\n		return true;",
        Sim("at_least_once")),
    Mutant("commits while a commit is on its way",
        "src/relay/engine_commit.c",
        "	if (engine->commit_outstanding)\n		return false;",
        "",
        Sim("at_least_once")),
    Mutant("blocks at a record that is not the one at fault",
        "src/relay/engine_refusal.c",
        "	if (engine->alone == handle_make(part->number, seq))\n",
        "	if (seq != UINT64_MAX)\n",
        Sim("at_least_once")),
    Mutant("skips the neighbours of a refused record",
        "src/relay/engine_refusal.c",
        "	engine->group_room = engine->group_size - 1;\n",
        "	engine->group_room = engine->group_size;\n",
        Sim("at_least_once")),
    Mutant("sends a refused record again after an aborted transaction",
        "src/relay/engine.c",
        "	if (!slot->fault)\n",
        "	if (!slot->fault || slot->maybe_written)\n",
        Sim("exactly_once")),
    Mutant("sends again what may have been written",
        "src/relay/strategy_at_most_once.c",
        "	if (!offset_tracker_slot(part->tracker, seq)->maybe_written) {",
        "	if (outcome == REPORT_RETRY || !offset_tracker_slot(part->tracker, seq)->maybe_written) {",
        Sim("at_most_once")),
    Mutant("sends what was overtaken",
        "src/relay/strategy_at_most_once.c",
        "seq < written_seq",
        "seq < written_seq && seq == 0",
        Sim("at_most_once")),
    Mutant("gives nothing back",
        "src/relay/strategy_at_most_once.c",
        "	part->committed = -1;\n",
        "",
        Sim("at_most_once")),
    Mutant("sends the rest of a batch past the one that failed",
        "src/relay/strategy_at_least_once.c",
        "			repeats = repeats || slot->maybe_written || !engine->config.idempotent;",
        "			repeats = false;",
        Sim("at_least_once")),
    Mutant("produces before its commit is answered",
        "src/relay/strategy_at_most_once.c",
        "	return slot->next <= part->committed;",
        "	return slot->next <= part->committed || part->commit_sent >= slot->next;",
        Sim("at_most_once")),
    Mutant("sends again all that has failed",
        "src/relay/strategy_at_most_once.c",
        "	.on_failed = on_failed,",
        "	.on_failed = engine_send_again,",
        Sim("at_most_once")),
    Mutant("commits a transaction that must be aborted",
        "src/relay/strategy_exactly_once.c",
        "offset_tracker_in_flight(part->tracker) > 0))\n		engine_recover(engine, false);",
        "offset_tracker_in_flight(part->tracker) > 0))\n		engine->now_us += 0;",
        Sim("exactly_once")),
    Mutant("takes an aborted transaction for a committed one",
        "src/relay/strategy_exactly_once.c",
        "		send_again(engine);\n		engine_recover(engine, true);\n		break;\n	case TXN_UNKNOWN:",
        "		engine_take_answers(engine, engine->marks, engine->txn_mark_count);\n		break;\n"
        "	case TXN_UNKNOWN:",
        Sim("exactly_once")),
    Mutant("takes an unknown end of a transaction for a commit",
        "src/relay/strategy_exactly_once.c",
        "	switch (outcome) {",
        "	switch (outcome == TXN_UNKNOWN ? TXN_COMMITTED : outcome) {",
        Sim("exactly_once")),
    Mutant("goes on from memory after an unknown transaction",
        "src/relay/strategy_exactly_once.c",
        "		engine->txn_rewind = true;\n		engine_recover(engine, true);",
        "		engine->txn_rewind = false;\n		engine_recover(engine, true);",
        Sim("exactly_once")),
    Mutant("commits a transaction before all its reports are in",
        "src/relay/strategy_exactly_once.c",
        "	if (engine->txn_state == TXN_CLOSING && engine->in_flight == 0 && engine->sink_state == SINK_OPEN)",
        "	if (engine->txn_state == TXN_CLOSING && engine->sink_state == SINK_OPEN)",
        Sim("exactly_once")),
]


class NotTried(Exception):
    """The mutant could not be given to its tests: nobody has caught it."""


def mutate(sources, mutant):
    """The mutated text of its file."""
    whole = (sources / mutant.path).read_text()
    count = whole.count(mutant.text)
    if count != 1:
        raise NotTried(f"NO PLACE: its text stands {count} times in {mutant.path}")
    return whole.replace(mutant.text, mutant.instead)


class Tree:
    """A copy of the sources and a build of it, which mutants change and give back."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="aloqd-mutants-"))
        self.sources, self.objects = self.directory / "tree", self.directory / "build"
        shutil.copytree(TOP, self.sources, ignore=shutil.ignore_patterns(
            ".git", "build*", "autom4te.cache", "*.o", "__pycache__"))
        # build-aux was left out with build*; it comes from bootstrap.
        subprocess.run(["./bootstrap"], cwd=self.sources, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True)
        self.objects.mkdir()
        subprocess.run([self.sources / "configure"], cwd=self.objects, stdout=subprocess.DEVNULL, check=True)

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def build(self, *targets):
        done = subprocess.run(["make", "-s", "-j2", *targets], cwd=self.objects, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            errors = [line for line in done.stdout.splitlines() if "error:" in line]
            raise NotTried(f"DOES NOT BUILD: {(errors or done.stdout.splitlines()[-1:] or ['no word why'])[0]}")


def run(command, limit_s, **options):
    """(exit status, output); None when it had to be stopped."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options) as process:
        try:
            output, _ = process.communicate(timeout=limit_s)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            # pytest ends its Kafkas and daemons.
            process.terminate()
            try:
                output, _ = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
            return None, output


def ask_simulation(tree, guard):
    """(test that has caught it or None, what it said)"""
    tree.build("tests/sim/sim")
    status, output = run(["./tests/sim/sim", "--delivery", guard.delivery, "--seconds", str(SIM_S)], SIM_S + 60,
                         cwd=tree.objects)
    if status == 0:
        return None, ""
    rule = re.search(r"^seed (\d+), \w+: broken: (.*)$", output, re.MULTILINE)
    if rule:
        return "the simulation", f"{rule[2]} (seed {rule[1]})"
    # The engine's own assertions may be faster than the checker.
    return "the simulation", f"ends with {status}: {output.strip().splitlines()[-1] if output.strip() else ''}"


def ask_integration(tree, expression):
    tree.build("aloqd", "aloqctl", "tests/integration/aloqd-faults")
    status, output = run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", expression,
                          TOP / "tests/integration"], TESTS_S, env={**os.environ, "ALOQD_BUILD": str(tree.objects)})
    if status not in (None, 0, 1):
        raise NotTried(f"NO TESTS: pytest ends with {status}: {(output.strip().splitlines() or [''])[-1]}")
    if status == 0:
        return None, ""
    test = re.search(r"^FAILED \S*::(\S+)", output, re.MULTILINE)
    why = [line[4:].strip() for line in output.splitlines() if line.startswith("E  ")]
    return test[1] if test else expression, why[0] if why else f"not done after {TESTS_S} s"


def try_mutant(tree, mutant):
    """(test that has caught it or None, what it said)"""
    path = tree.sources / mutant.path
    whole = path.read_text()
    try:
        path.write_text(mutate(tree.sources, mutant))
        if isinstance(mutant.guard, Sim):
            return ask_simulation(tree, mutant.guard)
        return ask_integration(tree, mutant.guard)
    except NotTried as why:
        return None, str(why)
    finally:
        path.write_text(whole)


def table(rows):
    """Aligned, a line each."""
    rows = [("mutant", "caught by", "which said"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2][:120]}".rstrip() for row in rows)


def compile_mutant(mutant):
    """What is wrong with it; None if nothing is."""
    try:
        text = mutate(TOP, mutant)
    except NotTried as why:
        return str(why)
    done = subprocess.run([*shlex.split(os.environ["COMPILE"]), "-w", "-fsyntax-only", "-x", "c", "-"], input=text,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return f"DOES NOT COMPILE: {done.stdout.strip()}" if done.returncode else None


def check():
    """Can all of them still be tried?"""
    names = [mutant.name for mutant in MUTANTS]
    faults = [f"{name}: TWO OF THIS NAME" for name in set(names) if names.count(name) > 1]
    for mutant in MUTANTS:
        fault = compile_mutant(mutant)
        if fault:
            faults.append(f"{mutant.name}: {fault}")
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(MUTANTS)} mutants have their places and compile")


def choose(arguments):
    if arguments == ["--quick"]:
        return [mutant for mutant in MUTANTS if isinstance(mutant.guard, Sim)]
    known = [mutant.name for mutant in MUTANTS]
    unknown = set(arguments) - set(known)
    if unknown:
        sys.exit(f"no such mutant: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    return [mutant for mutant in MUTANTS if mutant.name in arguments or not arguments]


def provide_newer_librdkafka():
    """As scripts/test does, for the tests that need one: without it their mutants survive."""
    if "ALOQD_NEWER_LIBRDKAFKA" not in os.environ:
        said = subprocess.run([TOP / "scripts/librdkafka", "--if-needed"], stdout=subprocess.PIPE, text=True, check=False)
        if said.stdout:
            os.environ["ALOQD_NEWER_LIBRDKAFKA"] = said.stdout.strip()


def main(arguments):
    if arguments == ["--check"]:
        check()
        return
    chosen = choose(arguments)
    if not all(isinstance(mutant.guard, Sim) for mutant in chosen):
        provide_newer_librdkafka()
    began, rows, survivors = time.monotonic(), [], []
    tree = Tree()
    try:
        for mutant in chosen:
            test, why = try_mutant(tree, mutant)
            print(f"{'caught  ' if test else 'SURVIVED'}  {mutant.name}", flush=True)
            rows.append((mutant.name, test or "NOBODY", why))
            if not test:
                survivors.append(mutant.name)
    finally:
        tree.remove()
    print()
    print(table(rows))
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants caught in {time.monotonic() - began:.0f} s")
    if survivors:
        sys.exit(f"survived: {', '.join(survivors)}")


if __name__ == "__main__":
    main(sys.argv[1:])
