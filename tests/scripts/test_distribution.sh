#!/bin/sh
# What is released is what was tested: each file of the integration and system tests and of the package is in the
# distribution (make distcheck does not miss one that nothing else asks for), and all name one version.
set -eu
top=${srcdir:-$(dirname "$0")/../..}
cd "$top"
number=0
failures=0

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

# not_listed MAKEFILE FILE...: those that are no line of the list there.
not_listed() {
	makefile=$1
	shift
	for file in "$@"; do
		grep -q "^	$file\( \\\\\)\?$" "$makefile" || echo "$file"
	done
}

expect_none "each integration test is in EXTRA_DIST of tests/integration/tests.mk" \
	"$(not_listed tests/integration/tests.mk $(find tests/integration -name '*.py' | sort))"
expect_none "each system test is in EXTRA_DIST of tests/system/tests.mk" \
	"$(not_listed tests/system/tests.mk $(find tests/system -name '*.py' | sort))"
# debhelper leaves more there while it builds.
expect_none "each file of the package is in EXTRA_DIST of debian/dist.mk" "$(not_listed debian/dist.mk $(
	find debian -type f ! -name dist.mk ! -name files ! -name 'autoreconf.*' ! -path '*debhelper*' ! -path 'debian/aloqd/*' |
		sort))"
version=$(sed -n 's/^AC_INIT(\[aloqd\], \[\(.*\)\])$/\1/p' configure.ac)
expect_none "the package is of this version" "$(head -n 1 debian/changelog | grep -v "^aloqd ($version-[0-9]*) " || true)"
expect_none "NEWS begins with this version" "$(head -n 1 NEWS | grep -v "^$version " || true)"
echo "1..$number"
exit "$failures"
