#!/bin/sh
# The mutants of tests/integration can still be tried: each has its place, once, and compiles.
set -eu
mutants=${srcdir:-$(dirname "$0")/../..}/tests/integration/mutants.py
python=/usr/bin/python3
if ! [ -x "$python" ]; then
	echo "no $python here"
	exit 77
fi
exec "$python" "$mutants" --check
