#!/bin/sh
# What docs/guarantees.md names as its proof is there: tests, and mutants.
set -eu
top=${srcdir:-$(dirname "$0")/../..}
failures=0
number=0

# expect_none NAME LINES: there are no lines; those that are, are told.
expect_none() {
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		echo "$2" | sed 's/^/# not there: /'
		failures=1
	fi
}

document=$top/docs/guarantees.md
tests=$(grep -o -E 'test_[a-z0-9_]+' "$document" | sort -u)
expect_none "each test that is named exists" "$(for name in $tests; do
	[ -e "$top/tests/integration/$name.py" ] ||
		grep -q "def $name(" "$top"/tests/integration/test_*.py || echo "$name"
done)"
expect_none "each mutant that is named exists" "$(grep -o -E 'mutants? "[^|]*' "$document" | grep -o -E '"[^"]+"' | sort -u |
	while read -r name; do
		grep -q -F "    Mutant($name," "$top/tests/integration/mutants.py" || echo "$name"
	done)"
expect_none "each mutant of the simulation that is named exists" "$(grep -o -E 'simulation, mutants? `[^|]*' "$document" |
	grep -o -E '`[a-z-]+`' | tr -d '`' | sort -u | while read -r name; do
		grep -q -F "{ \"$name\"," "$top/tests/sim/shim.c" || echo "$name"
	done)"
expect_none "many are named" "$([ "$(echo "$tests" | wc -l)" -ge 20 ] || echo "twenty tests")"
echo "1..$number"
exit "$failures"
