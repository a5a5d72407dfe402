#!/usr/bin/python3
"""Counts the results of a test run.

    results.py [--logs] [--junit FILE]... [--step NAME=EXITCODE]... BUILD

Reads automake's .trs and .log files below BUILD (a program that speaks TAP counts once for each of its tests,
another one once), pytest's junit files, and the exit codes of steps that are one test each. Prints what failed,
with the logs if asked to, what was skipped, and the counts as the last line. Exit code 1 when anything failed or
nothing ran."""

import argparse
import pathlib
import re
import sys
import xml.etree.ElementTree

LOG_TAIL = 60


class Results:
    def __init__(self):
        self.passed = 0
        self.skipped = 0
        self.failures = []  # (name, text to show)

    def failed(self, name, text=""):
        self.failures.append((name, text))


def tail(path):
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-LOG_TAIL:])
    except OSError as error:
        return str(error)


def read_automake(build, results):
    """One .trs for each program of `make check`, with its output in the .log beside it."""
    for trs in sorted(build.rglob("*.trs")):
        name = str(trs.relative_to(build).with_suffix(""))
        log = trs.with_suffix(".log")
        verdict = re.search(r"^:test-result: (\w+)", trs.read_text(errors="replace"), re.M)
        verdict = verdict.group(1) if verdict else "ERROR"
        if verdict == "SKIP":
            results.skipped += 1
            continue
        text = log.read_text(errors="replace") if log.exists() else ""
        good = len(re.findall(r"^ok \d+", text, re.M))
        bad = re.findall(r"^not ok \d+(?: - (.*))?$", text, re.M)
        results.passed += good
        for test in bad:
            results.failed(f"{name}: {test}", tail(log))
        if verdict == "PASS":
            results.passed += not good and not bad
        elif not bad:
            # It crashed, or says only by its exit code that it failed.
            results.failed(name, tail(log))


def read_junit(path, results):
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        results.failed(f"pytest wrote no results: {error}")
        return
    cases = list(root.iter("testcase"))
    for case in cases:
        trouble = case.find("failure")
        if trouble is None:
            trouble = case.find("error")
        if trouble is not None:
            results.failed(f"{case.get('classname')}::{case.get('name')}", trouble.text or "")
        elif case.find("skipped") is not None:
            results.skipped += 1
        else:
            results.passed += 1
    if not cases:
        results.failed("pytest ran no test")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--logs", action="store_true")
    parser.add_argument("--junit", action="append", default=[], type=pathlib.Path)
    parser.add_argument("--step", action="append", default=[])
    parser.add_argument("build", type=pathlib.Path)
    options = parser.parse_args()

    results = Results()
    read_automake(options.build, results)
    for path in options.junit:
        read_junit(path, results)
    for step in options.step:
        name, _, code = step.rpartition("=")
        if code == "0":
            results.passed += 1
        else:
            results.failed(f"{name} (exit code {code})")

    for name, text in results.failures:
        print(f"FAILED {name}")
        if options.logs and text:
            print("    " + text.replace("\n", "\n    "))
    if results.skipped:
        print(f"{results.skipped} skipped")
    if not results.passed and not results.failures:
        print("nothing ran")
    print(f"{results.passed} passed, {len(results.failures)} failed")
    return 1 if results.failures or not results.passed else 0


sys.exit(main())
