#!/bin/sh
# What is released is what was tested: each file of the integration tests is in the distribution. (make distcheck does
# not miss one that nothing else asks for.)
set -eu
top=${srcdir:-$(dirname "$0")/../..}
missing=$(cd "$top" && for file in $(find tests/integration -name '*.py' | sort); do
	grep -q "^	$file\( \\\\\)\?$" tests/integration/tests.mk || echo "$file"
done)
if [ -n "$missing" ]; then
	echo "not ok 1 - each integration test is in EXTRA_DIST of tests/integration/tests.mk"
	echo "$missing" | sed 's/^/# not there: /'
	echo 1..1
	exit 1
fi
echo "ok 1 - each integration test is in EXTRA_DIST of tests/integration/tests.mk"
echo 1..1
