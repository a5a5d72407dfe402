#!/bin/bash
# What the demo's options do, and that a broken promise does not look like a kept one. Runs no Kafka.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
number=0
failures=0

work=$(mktemp -d "${TMPDIR:-/tmp}/aloqd-demo-test.XXXXXX")
trap 'rm -rf "$work"' EXIT

# holds NAME CONDITION: the condition is evaluated; what was said is in $work/out.
holds() {
	number=$((number + 1))
	if eval "$2"; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		sed 's/^/# /' "$work/out"
		failures=$((failures + 1))
	fi
}

# run COMMAND...: in a shell of its own; sets result.
run() {
	result=0
	("$@") >"$work/out" 2>&1 || result=$?
}

said() { grep -q -F -e "$1" "$work/out"; }

# Before it does anything else.
demo() { timeout 10 "$top/scripts/demo" "$@"; }

run demo --help
holds "--help names the plays" '((result == 0)) && said "[--kafka | --semantics]"'
run demo --sematics
holds "an unknown option is a wrong call" '((result == 64)) && said usage:'
run demo semantics
holds "an argument is a wrong call" '((result == 64)) && said usage:'
run demo --kafka --semantics
holds "one play at a time" '((result == 64)) && said usage:'

# ---- the table of --semantics, with counts of our own ----

brokers=nowhere
. "$top/scripts/lib/output.sh"
. "$top/scripts/lib/demo-semantics.sh"
# What the demo would say of a log that it keeps, and of a topic that it cannot compare.
keep_log() { echo "$work/log"; }
give_up() { echo "gave up: $*"; exit 1; }

# counts LOST REPEATED CODE: what `aloq-sandbox check` says from now on.
counts() {
	local report
	report=$(printf '  %-14s%8d\n' produced 100 relayed $((100 - $1)) lost "$1" repeated "$2" "out of order" 0 altered 0)
	eval "aloq-sandbox() { echo '$report'; return $3; }"
}

counts 3 0 1
row at_most_once nowhere 'repeated == 0 && altered == 0' words >"$work/out"
holds "what at_most_once loses is allowed" \
    '((broken == 0)) && said "  at_most_once         100       97        3         0   kept"'
run end_semantics
holds "kept promises end with 0" '((result == 0))'
row at_least_once nowhere 'lost + altered + out_of_order == 0' words >"$work/out"
holds "what at_least_once loses breaks it" '((broken == 1)) && said BROKEN'
counts 0 2 0
row exactly_once nowhere 'lost + repeated + altered + out_of_order == 0' words >"$work/out"
holds "what exactly_once repeats breaks it" '((broken == 2)) && said BROKEN'
row acks_1 nowhere '' words >"$work/out"
holds "where nothing is promised nothing breaks" '((broken == 2)) && said "no promise"'
run end_semantics
holds "broken promises end with 1, and the log is kept" '((result == 1)) && said "$work/log"'
counts 0 0 69
run row acks_all nowhere '' words
holds "what cannot be compared is a failure" '((result == 1)) && said "gave up"'

echo "1..$number"
((failures == 0))
