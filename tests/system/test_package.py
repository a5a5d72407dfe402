"""The Debian package in a running system: installed, upgraded under load, removed, purged."""

import pathlib
import subprocess

from conftest import DEB
from harness.config import QUICK_SESSION
from harness.trial import Trial
from harness.waiting import eventually
from harness.workload import Load
from machine.service import Service

TOP = pathlib.Path(__file__).resolve().parents[2]


def install(machine, path):
    place = machine.copy_in(path, f"/var/tmp/{pathlib.Path(path).name}")
    return machine.run("sh", "-c", f"apt-get -q -y install {place} || {{ apt-get -q update && "
                                   f"apt-get -q -y install {place}; }}", timeout_s=300)


def next_version(directory):
    """The same package as a later version."""
    tree = directory / "tree"
    subprocess.run(["dpkg-deb", "-R", DEB, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text("".join(f"{line}+next\n" if line.startswith("Version: ") else f"{line}\n"
                               for line in control.read_text().splitlines()))
    made = directory / "aloqd_next.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, made], check=True, stdout=subprocess.DEVNULL)
    return made


def test_from_the_installation_to_the_purge(bare_machine, kafka, topic, tmp_path, request):
    machine = bare_machine
    main, instance = Service(machine), Service(machine, "one")
    request.node.services = [main, instance]
    install(machine, DEB)
    assert machine.run("systemctl", "is-enabled", "aloqd").strip() == "enabled"
    assert main.show("ActiveState") == "active", main.log_tail()
    assert instance.show("ActiveState") == "inactive"
    assert machine.run("getent", "passwd", "aloqd").startswith("aloqd:")
    assert machine.run("man", "-w", "aloqd", "aloqd.conf", "aloqctl").count("aloq") == 3 \
        if machine.try_run("which", "man").returncode == 0 else True
    for script in ("package", "relays"):
        machine.copy_in(TOP / "debian/tests" / script, "/var/tmp/test")
        machine.run("sh", "/var/tmp/test", timeout_s=120)

    # The programs are replaced while both relay.
    trials = [Trial(kafka, lambda suffix, name=name: topic(f"{name}.{suffix}"), 2) for name in ("main", "one")]
    for aloqd, trial in zip((main, instance), trials):
        aloqd.write_config(trial.settings(from_properties=QUICK_SESSION))
        aloqd.systemctl("restart")
        aloqd.await_ready()
    pids = [main.pid(), instance.pid()]
    with Load(kafka.brokers, trials[0].source, 2, rate=1000), Load(kafka.brokers, trials[1].source, 2, rate=1000):
        main.await_acked(1000)
        said = install(machine, next_version(tmp_path))
        # The configuration is somebody's work, and stays without a question.
        assert "Configuration file" not in said, said
        for aloqd in (main, instance):
            aloqd.await_ready()
            aloqd.await_acked(1000)
    assert not {main.pid(), instance.pid()} & set(pids), "both run the new program"
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "aloqd").endswith("+next")
    for aloqd, trial in zip((main, instance), trials):
        trial.await_caught_up(aloqd)
        verdict = trial.verdict()
        assert verdict.kept_exactly(), verdict

    machine.run("apt-get", "-q", "-y", "remove", "aloqd", timeout_s=120)
    for aloqd in (main, instance):
        eventually(lambda unit=aloqd: unit.show("ActiveState") in ("inactive", "failed"), 30, aloqd.name)
        assert aloqd.show("Result") == "success", aloqd.log_tail()
    assert not machine.live("/usr/sbin/aloqd").exists()
    assert machine.live("/etc/aloqd/aloqd.conf").exists()
    machine.run("apt-get", "-q", "-y", "purge", "aloqd", timeout_s=120)
    left = {path for path in machine.made_in_it("*aloqd*") if not path.startswith("/var/tmp/")}
    # What the operator has made is not the package's to delete.
    assert left == {"/etc/aloqd"}, left
    assert [path.name for path in machine.live("/etc/aloqd").iterdir()] == ["one.conf"]
