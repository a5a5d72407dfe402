"""Measures relays on a real Kafka, in turn and several times, against bench/floor as the yardstick.

Two questions: what does a record cost when there is a backlog (records/s, CPU and peak memory), and how long does
it take when there is none (p50 and p99 at a steady rate). Figures of one machine and one minute mean little:
believe the ratios, which come from runs that took turns.
"""
import argparse
import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

# For topics and offsets only: no record passes through it.
try:
    from confluent_kafka import Consumer, KafkaException, TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:
    Consumer = None  # --help does without

TOP = pathlib.Path(__file__).resolve().parent.parent
PARTITIONS = 8
BUSY_LOAD = 0.5
LATENCY_RATE_PER_S = 5000
STEP_TIMEOUT_S = 120
STOP_TIMEOUT_S = 45

# What docs/performance.md promises of aloqd; --check holds it to that.
CPU_RATIO_MAX = 1.25
PEAK_MB_MAX = 200
P50_EXTRA_MS_MAX = 1.0


class Load:
    """A backlog: so many records of one size."""

    def __init__(self, name, records, size_bytes):
        self.name = name
        self.records = records
        self.size_bytes = size_bytes


LOADS = [Load("100 B", 2_000_000, 100), Load("1 KB", 500_000, 1024)]


# ---- the relays ----

def floor_command(build, options):
    def command(brokers, source, target, group, workdir):
        return [build / "bench/floor", "--brokers", brokers, "--from", source, "--to", target,
                "--group", group, *options]
    return command


def aloqd_command(program):
    def command(brokers, source, target, group, workdir):
        config = workdir / "aloqd.conf"
        config.write_text(f"""
aloqd = {{ control = "{workdir}/control.sock"; }};
clusters = {{ bench = {{ brokers = "{brokers}"; }}; }};
pipelines = {{
  bench = {{
    from = {{ cluster = "bench"; topics = [ "{source}" ]; group = "{group}"; start = "earliest"; }};
    to = {{ topic = "{target}"; }};
  }};
}};
""")
        return [program, "-c", config]
    return command


class Relay:
    """A relay's process, from start to SIGTERM."""

    def __init__(self, argv, log):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid
        # The kernel's own name of another process's CPU clock (clock_getcpuclockid(3)), in nanoseconds.
        self.cpu_clock = (~self.pid << 3) | 2

    def cpu_s(self):
        self.must_run()
        return time.clock_gettime(self.cpu_clock)

    def peak_mb(self):
        self.must_run()
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmHWM")

    def must_run(self):
        if self.process.poll() is not None:
            self.fail(f"ended by itself, status {self.process.returncode}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            if self.process.wait(STOP_TIMEOUT_S) != 0:
                self.fail(f"exit status {self.process.returncode} after SIGTERM")
        except subprocess.TimeoutExpired:
            self.fail(f"still there {STOP_TIMEOUT_S} s after SIGTERM")

    def fail(self, what):
        tail = self.log.read_text(errors="replace").splitlines()[-15:]
        raise SystemExit("\n".join([f"bench: {self.process.args[0]}: {what}; its last words:", *tail]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


# ---- Kafka ----

class Kafka:
    """Topics and offsets of the cluster."""

    def __init__(self, brokers):
        self.brokers = brokers
        self.admin = AdminClient({"bootstrap.servers": brokers, "log_level": 3})
        self.serial = 0

    def new_name(self, what):
        self.serial += 1
        return f"bench-{os.getpid()}-{what}-{self.serial}"

    def create(self, name, config=None):
        """Returns once all leaders answer."""
        new = NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=config or {})
        self.admin.create_topics([new])[name].result(STEP_TIMEOUT_S)

        def leaders_answer():
            try:
                return self.ends(consumer, name) == [0] * PARTITIONS
            except KafkaException:
                return False
        with self.consumer("bench-create") as consumer:
            wait_for(leaders_answer, f"answer of the leaders of {name}")

    def delete(self, *names):
        for future in self.admin.delete_topics(list(names)).values():
            with contextlib.suppress(KafkaException):
                future.result(STEP_TIMEOUT_S)

    @contextlib.contextmanager
    def consumer(self, group):
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": group, "log_level": 3,
                             "enable.auto.commit": False, "fetch.wait.max.ms": 10})
        try:
            yield consumer
        finally:
            consumer.close()

    def ends(self, consumer, topic):
        return [consumer.get_watermark_offsets(TopicPartition(topic, part), 10)[1] for part in range(PARTITIONS)]

    def append_times_s(self, consumer, topic, ends):
        """When the first and the last record were appended, by the broker's clock."""
        times_ms = []
        for part, end in enumerate(ends):
            for offset in (0, end - 1):
                consumer.assign([TopicPartition(topic, part, offset)])
                message = consumer.poll(STEP_TIMEOUT_S)
                if message is None or message.error():
                    raise SystemExit(f"bench: {topic} cannot be read: {message and message.error()}")
                times_ms.append(message.timestamp()[1])
        return min(times_ms) / 1000, max(times_ms) / 1000


def wait_for(condition, what, interval_s=0.1, timeout_s=STEP_TIMEOUT_S):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: no {what} within {timeout_s} s")
        time.sleep(interval_s)


# ---- the measurements ----

def measure_backlog(kafka, command, source, load, workdir):
    """Relays the backlog from start to end, until all of it is committed."""
    target = kafka.new_name("target")
    group = kafka.new_name("group")
    # Stamped by the broker, so that the target itself tells how long it took.
    kafka.create(target, {"message.timestamp.type": "LogAppendTime"})
    with kafka.consumer(group) as consumer:
        parts = [TopicPartition(source, part) for part in range(PARTITIONS)]
        wanted = kafka.ends(consumer, source)
        argv = command(kafka.brokers, source, target, group, workdir)
        with Relay(argv, workdir / "log") as relay:
            def all_committed():
                relay.must_run()
                return [part.offset for part in consumer.committed(parts, 10)] == wanted
            wait_for(all_committed, "commit of the whole backlog")
            cpu_us = relay.cpu_s() * 1e6 / load.records
            peak_mb = relay.peak_mb()
            relay.stop()
        ends = kafka.ends(consumer, target)
        if sum(ends) != load.records:
            raise SystemExit(f"bench: {argv[0]} made {sum(ends)} records of {load.records}")
        first_s, last_s = kafka.append_times_s(consumer, target, ends)
    kafka.delete(target)
    return {"rate": load.records / max(last_s - first_s, 1e-3), "cpu_us": cpu_us, "peak_mb": peak_mb}


def run_latency(build, kafka, source, target, seconds):
    argv = [build / "bench/latency", "--brokers", kafka.brokers, "--from", source, "--to", target,
            "--rate", str(LATENCY_RATE_PER_S), "--seconds", str(seconds)]
    done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, text=True, timeout=STEP_TIMEOUT_S)
    if done.returncode != 0:
        raise SystemExit("bench: the latency cannot be measured")
    values = dict(item.split("=") for item in done.stdout.split())
    return {name: int(values[f"{name}_us"]) / 1000 for name in ("calm", "p50", "p99")}


def measure_latency(kafka, command, build, seconds, workdir):
    """Records at a steady rate through the relay. Without a command: the same path without a relay."""
    source = kafka.new_name("source")
    kafka.create(source)
    if command is None:
        result = run_latency(build, kafka, source, source, seconds)
        kafka.delete(source)
        return result
    target = kafka.new_name("target")
    kafka.create(target)
    argv = command(kafka.brokers, source, target, kafka.new_name("group"), workdir)
    with Relay(argv, workdir / "log") as relay:
        before_s = relay.cpu_s()
        result = run_latency(build, kafka, source, target, seconds)
        result["cpu_us"] = (relay.cpu_s() - before_s) * 1e6 / (seconds * LATENCY_RATE_PER_S)
        result["peak_mb"] = relay.peak_mb()
        relay.stop()
    kafka.delete(source, target)
    return result


# ---- the report ----

def median(rows, key):
    return statistics.median(row[key] for row in rows)


def median_ratio(rows, base, key):
    """Of the ratios round by round: what slows a whole round down falls out."""
    return statistics.median(row[key] / other[key] for row, other in zip(rows, base))


def median_difference(rows, base, key):
    return statistics.median(row[key] - other[key] for row, other in zip(rows, base))


def print_backlog(load, results):
    base_name = next(iter(results))
    base = results[base_name]
    print(f"\nbacklog of {load.records:,} records of {load.name}, {PARTITIONS} partitions,"
          f" median of {len(base)} round(s), ratios to {base_name}")
    print(f"{'':12} {'records/s':>12} {'ratio':>6} {'CPU us/rec':>12} {'ratio':>6} {'peak MB':>9} {'ratio':>6}")
    for name, rows in results.items():
        print(f"{name:12} {median(rows, 'rate'):12,.0f} {median_ratio(rows, base, 'rate'):6.2f}"
              f" {median(rows, 'cpu_us'):12.3f} {median_ratio(rows, base, 'cpu_us'):6.2f}"
              f" {median(rows, 'peak_mb'):9.0f} {median_ratio(rows, base, 'peak_mb'):6.2f}", flush=True)


def print_latency(results):
    base_name = next(name for name in results if name != "no relay")
    base = results[base_name]
    print(f"\n{LATENCY_RATE_PER_S:,} records/s of 100 B, producer to consumer,"
          f" median of {len(base)} round(s), difference to {base_name}")
    print(f"{'':12} {'calm p50':>9} {'diff':>7} {'p50 ms':>8} {'diff':>7} {'p99 ms':>8}"
          f" {'CPU us/rec':>12} {'ratio':>6} {'peak MB':>9}")
    for name, rows in results.items():
        line = (f"{name:12} {median(rows, 'calm'):9.2f} {median_difference(rows, base, 'calm'):+7.2f}"
                f" {median(rows, 'p50'):8.2f} {median_difference(rows, base, 'p50'):+7.2f}"
                f" {median(rows, 'p99'):8.2f}")
        if name != "no relay":
            line += (f" {median(rows, 'cpu_us'):12.1f} {median_ratio(rows, base, 'cpu_us'):6.2f}"
                     f" {median(rows, 'peak_mb'):9.0f}")
        print(line, flush=True)


def broken_promises(backlogs, latencies):
    """What aloqd does not keep of what is promised, one sentence each."""
    broken = []

    def hold(what, value, bound, unit):
        if value > bound:
            broken.append(f"{what} is {value:.2f} {unit}, promised is {bound} at most")
    for load, results in backlogs:
        if "aloqd" in results and "floor" in results:
            hold(f"CPU per record of {load.name}",
                 median_ratio(results["aloqd"], results["floor"], "cpu_us"), CPU_RATIO_MAX, "x the floor's")
        if "aloqd" in results:
            hold(f"peak memory with {load.name}",
                 max(row["peak_mb"] for row in results["aloqd"]), PEAK_MB_MAX, "MB")
    if "aloqd" in latencies and "floor" in latencies:
        # Of the calmest second: it is not aloqd's fault when others want the CPU.
        hold("p50", median_difference(latencies["aloqd"], latencies["floor"], "calm"),
             P50_EXTRA_MS_MAX, "ms more than the floor's")
    return broken


# ---- the run ----

def warn_if_busy():
    """Ratios survive a busy machine, milliseconds do not."""
    load = os.getloadavg()[0]
    if load > BUSY_LOAD * os.cpu_count():
        print(f"bench: others keep this machine busy (load {load:.1f} on {os.cpu_count()} CPUs):"
              " believe the CPU ratios, not the rest", file=sys.stderr)


def take_turns(names, round_number):
    """Every second round goes backwards, so that no one is always first."""
    return names if round_number % 2 == 0 else names[::-1]


def run_all(kafka, relays, options, build, workdir):
    backlogs = []
    for load in [load for load in LOADS if "backlog" in options.measure]:
        source = kafka.new_name("backlog")
        kafka.create(source)
        subprocess.run([build / "bench/fill", "--brokers", kafka.brokers, "--topic", source,
                        "--records", str(load.records), "--bytes", str(load.size_bytes)],
                       check=True, timeout=STEP_TIMEOUT_S)
        results = {name: [] for name in relays}
        # One turn that does not count: a broker that has just been started is slow.
        measure_backlog(kafka, relays[next(iter(relays))], source, load, workdir)
        for round_number in range(options.rounds):
            for name in take_turns(list(relays), round_number):
                results[name].append(measure_backlog(kafka, relays[name], source, load, workdir))
        kafka.delete(source)
        print_backlog(load, results)
        backlogs.append((load, results))

    latencies = {}
    if "latency" in options.measure:
        commands = {**relays, "no relay": None}
        latencies = {name: [] for name in commands}
        measure_latency(kafka, relays[next(iter(relays))], build, options.seconds, workdir)
        for round_number in range(options.latency_rounds):
            for name in take_turns(list(commands), round_number):
                latencies[name].append(
                    measure_latency(kafka, commands[name], build, options.seconds, workdir))
        print_latency(latencies)
    return backlogs, latencies


def parse_arguments():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, metavar="DIR", default=TOP / "build",
                        help="where the tree is built (default: build/, made when it is missing)")
    parser.add_argument("--quick", action="store_true", help="3 rounds and shorter latency runs")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each takes its turn (default: 5)")
    parser.add_argument("--only", default="floor,aloqd", metavar="LIST", help="of floor and aloqd")
    parser.add_argument("--measure", default="backlog,latency", metavar="LIST", help="of backlog and latency")
    parser.add_argument("--aloqd", type=pathlib.Path, metavar="PROGRAM", help="another build's aloqd")
    parser.add_argument("--variant", action="append", default=[], metavar="NAME=OPTIONS",
                        help="another floor, with these options (may be repeated)")
    parser.add_argument("--brokers", metavar="LIST", help="a Kafka that runs already")
    parser.add_argument("--check", action="store_true",
                        help=f"exit status 1 when aloqd takes more than {CPU_RATIO_MAX} x the floor's CPU or"
                        f" {PEAK_MB_MAX} MB, or its p50 is more than {P50_EXTRA_MS_MAX} ms behind the floor's")
    options = parser.parse_args()
    options.only = options.only.split(",")
    options.measure = options.measure.split(",")
    if set(options.only) - {"floor", "aloqd"}:
        parser.error("--only takes floor and aloqd")
    if set(options.measure) - {"backlog", "latency"}:
        parser.error("--measure takes backlog and latency")
    if any("=" not in variant for variant in options.variant):
        parser.error("--variant takes NAME=OPTIONS")
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.latency_rounds = min(options.rounds, 3)
    options.seconds = 6 if options.quick else 11
    return options


def main():
    options = parse_arguments()
    build = options.build.resolve()
    if not (build / "config.status").exists():
        sys.exit(f"bench: {build} is no build; run configure there")
    relays = {}
    targets = ["bench/floor", "bench/fill", "bench/latency"]
    if "floor" in options.only:
        relays["floor"] = floor_command(build, [])
    for variant in options.variant:
        name, arguments = variant.split("=", 1)
        relays[name] = floor_command(build, shlex.split(arguments))
    if "aloqd" in options.only:
        relays["aloqd"] = aloqd_command(options.aloqd or build / "aloqd")
        if not options.aloqd:
            targets.append("aloqd")
    if Consumer is None:
        sys.exit("bench: no confluent_kafka here; install it: apt-get install python3-confluent-kafka")
    made = subprocess.run(["make", "-s", "-C", build, *targets], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if made.returncode != 0:
        sys.exit(f"{made.stdout}bench: the build in {build} failed")

    warn_if_busy()
    workdir = pathlib.Path(tempfile.mkdtemp(prefix="aloqd-bench."))
    script = [TOP / "scripts/kafka", "--data", workdir / "kafka"]
    try:
        brokers = options.brokers or subprocess.run([*script, "start", "--heap", "1g"], check=True, text=True,
                                                    stdout=subprocess.PIPE).stdout.split()[-1]
        backlogs, latencies = run_all(Kafka(brokers), relays, options, build, workdir)
    finally:
        if not options.brokers:
            subprocess.run([*script, "remove"], check=False)
        shutil.rmtree(workdir, ignore_errors=True)
    broken = broken_promises(backlogs, latencies) if options.check else []
    for sentence in broken:
        print(f"bench: {sentence}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
