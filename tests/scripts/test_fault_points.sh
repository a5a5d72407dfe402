#!/bin/sh
# What is installed has no fault points; what the tests run has.
set -eu
names() {
	grep -a -o -E 'ALOQD_FAULT_POINT|(after|before)-(commit|produce|report|release)' "$1" | sort -u
}
echo "1..2"
failures=0
if [ -z "$(names aloqd)" ]; then
	echo "ok 1 - aloqd has no fault point"
else
	names aloqd | sed 's/^/# in aloqd: /'
	echo "not ok 1 - aloqd has no fault point"
	failures=1
fi
# Or the test above would pass because it looks for the wrong words.
if [ "$(names tests/integration/aloqd-faults | wc -l)" -ge 5 ]; then
	echo "ok 2 - aloqd-faults has them"
else
	echo "not ok 2 - aloqd-faults has them"
	failures=1
fi
exit "$failures"
