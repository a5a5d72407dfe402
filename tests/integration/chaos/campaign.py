"""Rounds over the table, and what came of them."""

import argparse
import contextlib
import pathlib
import random
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass

from harness.cluster import three_nodes

from . import broker_faults, daemon_faults, network_faults, record_faults  # noqa: F401: they fill the table
from .bout import Bout, rows
from .promise import DELIVERIES, FAULTS

HOUR_S = 3600.0


@dataclass
class Tally:
    """One row of the table, over all rounds."""

    rounds: int = 0
    records: int = 0
    lost: int = 0
    repeated: int = 0
    out_of_order: int = 0
    took_s: float = 0.0
    broken: int = 0
    skipped: str = ""

    def add(self, verdict):
        self.records += verdict.compared
        self.lost += len(verdict.lost)
        self.repeated += verdict.repeated
        self.out_of_order += len(verdict.out_of_order)

    def result(self):
        if self.skipped:
            return f"skipped: {self.skipped}"
        if not self.rounds:
            return "not run"
        return f"BROKEN {self.broken} times" if self.broken else "kept"


def table(tallies):
    """The summary, as lines."""
    head = ("fault", "delivery", "rounds", "records", "lost", "repeated", "disorder", "seconds", "promise")
    body = [(name, delivery, tally.rounds, tally.records, tally.lost, tally.repeated, tally.out_of_order,
             round(tally.took_s), tally.result()) for (name, delivery), tally in tallies.items()]
    rows_of_text = [tuple(map(str, row)) for row in (head, *body)]
    widths = [max(len(row[column]) for row in rows_of_text) for column in range(len(head) - 1)]
    return [_line(row, widths) for row in rows_of_text]


def _line(row, widths):
    cells = [cell.ljust(width) if column < 2 else cell.rjust(width)
             for column, (cell, width) in enumerate(zip(row, widths))]
    return "  ".join([*cells, row[-1]])


class Campaign:
    """Runs bouts on a cluster, and keeps what a broken one leaves behind. A cluster that a bout has wrecked is
    replaced by a new one."""

    def __init__(self, seed, *, whole, keep):
        self.seed, self.whole, self.keep = seed, whole, keep
        self.tallies = {}
        self._cluster_of = contextlib.ExitStack()
        self.cluster = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._cluster_of.close()

    def _new_cluster(self):
        self._cluster_of.close()
        self.cluster = self._cluster_of.enter_context(three_nodes())

    def run(self, fault, delivery, round_number):
        tally = self.tallies.setdefault((fault.name, delivery), Tally())
        tally.skipped = fault.needs() or ""
        if tally.skipped:
            return
        if self.cluster is None:
            self._new_cluster()
        began = time.monotonic()
        say(f"{fault.name}, {delivery}, round {round_number}: {fault.title}")
        verdict, broken, trace, bout = None, [], "", None
        try:
            bout = Bout(self.cluster, fault, delivery, f"{self.seed} {round_number}", whole=self.whole)
            verdict, broken = bout.run()
            tally.add(verdict)
        except Exception as error:  # pylint: disable=broad-except: whatever it is, the promise is not shown to be kept
            broken, trace = [f"{type(error).__name__}: {error}".strip()], traceback.format_exc()
        finally:
            # An interrupted one counts for nothing.
            tally.rounds += verdict is not None or bool(broken)
            tally.took_s += time.monotonic() - began
            if bout is not None:
                if broken:
                    self._keep_files(bout, round_number, verdict, [*broken, trace])
                self._close(bout)
        if broken:
            tally.broken += 1
            say(f"    BROKEN: {'; '.join(broken)}\n    {verdict}\n    again: scripts/chaos --seed {self.seed}"
                f" --round {round_number} --fault {fault.name} --delivery {delivery}")
        else:
            say(f"    kept in {time.monotonic() - began:.0f} s: {verdict}")

    def _close(self, bout):
        try:
            bout.close()
        except Exception:  # pylint: disable=broad-except: the next bout shall not suffer from it
            say(f"    the cluster is replaced: {traceback.format_exc()}")
            self._new_cluster()

    def _keep_files(self, bout, round_number, verdict, texts):
        self.keep.mkdir(parents=True, exist_ok=True)
        stem = f"{bout.fault.name}.{bout.delivery}.{round_number}"
        (self.keep / f"{stem}.txt").write_text("\n".join([*texts, repr(verdict), repr(bout.evidence), ""]))
        for name, log in bout.logs().items():
            (self.keep / f"{stem}.{name}.log").write_text(log)
        for node in range(1, self.cluster.nodes + 1):
            for log in self.cluster.node_directory(node).glob("server.log*"):
                (self.keep / f"{stem}.node-{node}.{log.name}").write_bytes(log.read_bytes())
        say(f"    logs are in {self.keep}, as {stem}.*")


def say(text):
    print(text, flush=True)


def chosen_rows(options):
    unknown = set(options.fault) - set(FAULTS)
    if unknown:
        sys.exit(f"no such fault: {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}")
    deliveries = [name for name in DELIVERIES if not options.delivery or name in options.delivery]
    return [(fault, delivery) for fault, delivery in rows(deliveries)
            if not options.fault or fault.name in options.fault]


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/chaos", description="""Puts aloqd under every fault of the table,
        with every delivery, on a Kafka of three nodes, and compares every record afterwards.""")
    parser.add_argument("--hours", type=float, help="round after round until this time is over (default: one)")
    parser.add_argument("--seed", type=int, help="of all that is random (default: a fresh one, which is printed)")
    parser.add_argument("--round", type=int, default=1,
                        help="the first round's number: with the seed it makes a schedule")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--delivery", action="append", default=[], choices=DELIVERIES, help="only this one")
    parser.add_argument("--short", action="store_true", help="each fault in its short form, as scripts/test has some")
    parser.add_argument("--list", action="store_true", help="print the faults and end")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    if options.list:
        for one in FAULTS.values():
            print(f"{one.name:32} {one.title}")
        return 0
    chosen = chosen_rows(options)
    if not chosen:
        sys.exit("nothing to run: the fault does not concern the delivery")
    seed = random.SystemRandom().randrange(1 << 31) if options.seed is None else options.seed
    say(f"seed {seed}")
    began, round_number = time.monotonic(), options.round
    keep = pathlib.Path(tempfile.gettempdir()) / f"aloqd-chaos-{seed}"
    with Campaign(seed, whole=not options.short, keep=keep) as campaign:
        ends_s = began + (options.hours or 0) * HOUR_S
        try:
            while True:
                for fault, delivery in chosen:
                    # A round that has begun is ended, but for the time that was asked for.
                    if round_number > options.round and time.monotonic() >= ends_s:
                        break
                    campaign.run(fault, delivery, round_number)
                round_number += 1
                if time.monotonic() >= ends_s:
                    break
        except KeyboardInterrupt:
            say("interrupted; so far:")
    say("\n".join(table(campaign.tallies)))
    broken = sum(tally.broken for tally in campaign.tallies.values())
    bouts = sum(tally.rounds for tally in campaign.tallies.values())
    say(f"seed {seed}: {bouts} bouts, {broken} broken promises, {(time.monotonic() - began) / 60:.0f} min")
    return 1 if broken or not bouts else 0
