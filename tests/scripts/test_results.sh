#!/bin/sh
# A run of scripts/test in which something failed, or nothing ran, does not look like a good one.
set -eu
here=$(dirname "$0")
results=${srcdir:-$here/../..}/scripts/lib/results.py
python=/usr/bin/python3
if ! [ -x "$python" ]; then
	echo "no $python here"
	exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/aloqd-results.XXXXXX")
trap 'rm -rf "$work"' EXIT
number=0
failures=0

# program NAME RESULT OUTPUT: what automake leaves of a test program.
program() {
	mkdir -p "$work/build"
	printf ':test-result: %s\n:copy-in-global-log: no\n' "$2" >"$work/build/$1.trs"
	printf '%b' "$3" >"$work/build/$1.log"
}

# expect NAME EXITCODE LASTLINE OPTIONS...
expect() {
	name=$1 code=$2 last=$3
	shift 3
	mkdir -p "$work/build"
	got=0
	"$python" "$results" "$@" "$work/build" >"$work/out" || got=$?
	number=$((number + 1))
	if [ "$got" = "$code" ] && [ "$(tail -n 1 "$work/out")" = "$last" ]; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		echo "# exit code $got, expected $code"
		sed 's/^/# /' "$work/out"
		failures=$((failures + 1))
	fi
	rm -rf "$work/build"
}

expect "nothing ran is a failure" 1 "0 passed, 0 failed"

program plain PASS 'all is well\n'
expect "a plain program counts once" 0 "1 passed, 0 failed"

program tap PASS '1..3\nok 1 - a\nok 2 - b\nok 3 - c\n'
expect "a program that speaks TAP counts once for each test" 0 "3 passed, 0 failed"

program tap FAIL '1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c\n'
expect "one bad test of three" 1 "2 passed, 1 failed"

program tap FAIL '1..3\nok 1 - a\n'
expect "a crash after a good test is a failure" 1 "1 passed, 1 failed"

program plain FAIL ''
expect "a plain failure" 1 "0 passed, 1 failed"

program plain ERROR 'could not run'
expect "a program that could not run is a failure" 1 "0 passed, 1 failed"

program skipped SKIP ''
expect "nothing but skipped tests is a failure" 1 "0 passed, 0 failed"

cat >"$work/good.xml" <<'END'
<testsuites><testsuite><testcase classname="m" name="a"/>
<testcase classname="m" name="b"><skipped/></testcase></testsuite></testsuites>
END
expect "pytest's good tests count" 0 "1 passed, 0 failed" --junit "$work/good.xml"

cat >"$work/bad.xml" <<'END'
<testsuites><testsuite><testcase classname="m" name="a"/>
<testcase classname="m" name="b"><failure>x</failure></testcase>
<testcase classname="m" name="c"><error>y</error></testcase></testsuite></testsuites>
END
expect "pytest's failures and errors count" 1 "1 passed, 2 failed" --junit "$work/bad.xml"

program plain PASS ''
expect "pytest that left no results is a failure" 1 "1 passed, 1 failed" --junit "$work/none.xml"

program plain PASS ''
expect "a step counts" 0 "2 passed, 0 failed" --step "make distcheck=0"

program plain PASS ''
expect "a step that failed is a failure" 1 "1 passed, 1 failed" --step "make distcheck=2"

echo "1..$number"
[ "$failures" = 0 ]
