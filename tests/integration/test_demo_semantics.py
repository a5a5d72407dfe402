"""The table that teaches the words: it must show what they mean, and not only that nothing broke."""

import re

from harness.demo import demo

ROW = re.compile(r"^  (\w+) +(\d+) +(\d+) +(\d+) +(\d+) +(kept|no promise|BROKEN)$", re.MULTILINE)


def test_the_demo_of_the_guarantees_shows_what_each_one_does():
    said = demo("--semantics")
    rows = {name: (*map(int, counts), promise) for name, *counts, promise in ROW.findall(said)}
    lost, repeated = ({name: row[column] for name, row in rows.items()} for column in (2, 3))
    assert {name for name, row in rows.items() if row[4] == "kept"} == rows.keys() - {"acks_1"}, said
    assert lost["at_most_once"] > 0 and repeated["at_most_once"] == 0, said
    assert lost["at_least_once"] == 0 and repeated["at_least_once"] > 0, said
    assert lost["exactly_once"] == 0 and repeated["exactly_once"] == 0, said
    assert lost["acks_0"] > 0 and lost["acks_1"] > 0 and lost["acks_all"] == 0, said
