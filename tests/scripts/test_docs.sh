#!/bin/sh
# What the documents say holds: the proof that docs/guarantees.md names is there (tests, mutants), what links lead to is
# there, and aloqd takes the configurations that are shown.
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
		echo "$2" | sed 's/^/# /'
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

# A configuration is what is indented from "clusters = {" on.
shown=$(mktemp "${TMPDIR:-/tmp}/aloqd-docs.XXXXXX")
trap 'rm -f "$shown"' EXIT
for page in README.md docs/mirrormaker.md; do
	sed -n '/^    clusters = {/,/^[^ ]/s/^    //p' "$top/$page" >"$shown"
	expect_none "the configuration of $page is one" "$([ -s "$shown" ] || echo "none is shown"
		./aloqd -t -c "$shown" 2>&1 | grep -v ': configuration is valid$' || true)"
done
for page in README.md CONTRIBUTING.md docs/architecture.md docs/guarantees.md docs/mirrormaker.md docs/performance.md; do
	expect_none "links of $page lead somewhere" "$(grep -o -E '\]\([^)#:]+' "$top/$page" | cut -c 3- |
		while read -r link; do [ -e "$top/$(dirname "$page")/$link" ] || echo "$link"; done)"
done
echo "1..$number"
exit "$failures"
