#!/bin/sh
# The units as they are built: systemd takes them, and rates their sandbox as tight as is promised.
set -eu
top=${srcdir:-$(dirname "$0")/../..}
work=$(mktemp -d "${TMPDIR:-/tmp}/aloqd-units.XXXXXX")
trap 'rm -rf "$work"' EXIT
threshold=15 # systemd-analyze's 1.5
failures=0
number=0

# report RESULT NAME: with what the last command said, if it failed.
report() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$work/said"
		failures=1
	fi
}

# expect NAME COMMAND...
expect() {
	name=$1
	shift
	result=0
	"$@" >"$work/said" 2>&1 || result=1
	report "$result" "$name"
}

refuses() {
	! "$@"
}

# Takes the unit as it is, but for the program, which need not be installed yet.
verify() {
	sed -E -e 's,^(ExecStart|ExecReload)=[^ ]*,\1=/bin/true,' -e '/^Documentation=/d' "systemd/$1" >"$work/$1"
	systemd-analyze --man=no --recursive-errors=no verify "$work/$1" >"$work/verified" 2>&1
	cat "$work/verified"
	[ ! -s "$work/verified" ]
}

rate() {
	systemd-analyze security --offline=yes --no-pager --threshold="$threshold" "$1"
}

for unit in aloqd.service aloqd@.service; do
	expect "nothing is left to be filled in in $unit" refuses grep -n -E '@[a-z_]+@' "systemd/$unit"
done
expect "aloqd.service runs without arguments" grep -q -x 'ExecStart=[^ ]*/aloqd' systemd/aloqd.service
expect "an instance has a configuration of its own" \
	grep -q -x 'ExecStart=[^ ]*/aloqd -c /.*/aloqd/%i\.conf' systemd/aloqd@.service
# Not /run/aloqd/NAME: that goes when aloqd.service stops.
expect "an instance has a directory of its own for its control socket" \
	grep -q -x 'RuntimeDirectory=aloqd-%i' systemd/aloqd@.service

if ! command -v systemd-analyze >/dev/null; then
	echo "1..$number"
	echo "# SKIP there is no systemd-analyze here"
	exit "$failures"
fi
for unit in aloqd.service aloqd@.service; do
	expect "systemd finds nothing wrong with $unit" verify "$unit"
	expect "the sandbox of $unit is rated 1.5 at most" rate "systemd/$unit"
done
sed '/^PrivateUsers=/d; /^CapabilityBoundingSet=/d' systemd/aloqd.service >"$work/aloqd.service"
expect "the rating notices what is taken out" refuses rate "$work/aloqd.service"
echo "1..$number"
exit "$failures"
