#!/bin/sh
# aloq-sandbox as people use it: a mock cluster, orders, a tracker and the check, each a process.
set -eu
sandbox=${ALOQD_BUILD:-.}/aloq-sandbox
aloqctl=${ALOQD_BUILD:-.}/aloqctl
aloqd=${ALOQD_BUILD:-.}/aloqd
work=$(mktemp -d "${TMPDIR:-/tmp}/aloqd-sandbox.XXXXXX")
cluster= other= audit=
clean_up() {
	[ -z "$cluster" ] || kill "$cluster" 2>/dev/null || true
	[ -z "$other" ] || kill "$other" 2>/dev/null || true
	[ -z "$audit" ] || kill "$audit" 2>/dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT
number=0
failures=0

# expect NAME EXITCODE TEXT COMMAND...: it ends with the code and has printed the text.
expect() {
	name=$1 code=$2 text=$3
	shift 3
	got=0
	timeout 30 "$@" >"$work/out" 2>&1 || got=$?
	number=$((number + 1))
	if [ "$got" = "$code" ] && { [ -z "$text" ] || grep -q -e "$text" "$work/out"; }; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		echo "# exit code $got, expected $code"
		sed 's/^/# /' "$work/out"
		failures=$((failures + 1))
	fi
}

"$sandbox" cluster --brokers 2 --topic source:3 --topic target:3 --topic empty:1 --ready-file "$work/ready" \
    >"$work/cluster.out" &
cluster=$!
"$sandbox" cluster --topic source:3 --ready-file "$work/other" >/dev/null &
other=$!
tries=0
until { [ -e "$work/ready" ] && [ -e "$work/other" ]; } || [ "$tries" = 100 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
expect "the ready file and the output both name the brokers" 0 '' \
    cmp "$work/ready" "$work/cluster.out"
brokers=$(sed -n 's/^bootstrap.servers=//p' "$work/ready")
# Beside the rest: it waits for much that a mock cluster never answers.
cat >"$work/aloqd.conf" <<END
clusters = { main = { brokers = "$brokers"; }; };
pipelines = { relay = { from = { cluster = "main"; topics = [ "source" ]; }; to = { topic = "target"; }; }; };
END
timeout 60 "$aloqd" --check-brokers -c "$work/aloqd.conf" >"$work/audit" 2>&1 &
audit=$!

expect "orders are produced and acknowledged" 0 '^300 orders produced, 300 delivered' \
    "$sandbox" orders --brokers "$brokers" --topic source --count 300
expect "the tracker ends when all have arrived" 0 '^300 orders arrived, 300 of them different, 0 again$' \
    "$sandbox" track --brokers "$brokers" --topic source --count 300
expect "the tracker prints an order and where it came" 0 \
    '^order .* x .* partition [0-2] offset [0-9]*$' \
    "$sandbox" track --brokers "$brokers" --topic source --count 300 --every 100
expect "a topic holds what itself holds" 0 '^  relayed  *300$' \
    "$sandbox" check --brokers "$brokers" --source source --target source
expect "what did not arrive is lost, and breaks the promise" 1 '^  lost  *300$' \
    "$sandbox" check --brokers "$brokers" --source source --target empty
expect "the target may be in another cluster" 1 '^  lost  *300$' \
    "$sandbox" check --brokers "$brokers" --source source --target source \
    --target-brokers "$(sed -n 's/^bootstrap.servers=//p' "$work/other")"
expect "orders can be produced at a rate" 0 '^100 orders produced, 100 delivered' \
    "$sandbox" orders --brokers "$brokers" --topic target --count 100 --rate 500
expect "the same order at another time is altered" 1 '^  altered  *100$' \
    "$sandbox" check --brokers "$brokers" --source source --target target
"$sandbox" orders --brokers "$brokers" --topic target --count 1 >"$work/out"
expect "an order that was produced twice cannot be checked" 65 'order 1 is there twice' \
    "$sandbox" check --brokers "$brokers" --source target --target empty
expect "a topic that was not given is a wrong call" 64 'topic is missing' \
    "$sandbox" orders --brokers "$brokers"
expect "a number out of its range is a wrong call" 64 'count 0: a whole number from 1' \
    "$sandbox" orders --brokers "$brokers" --topic source --count 0
expect "a topic without partitions is a wrong call" 64 'NAME:PARTITIONS is wanted' \
    "$sandbox" cluster --topic source
# The mock cluster does not know the requests about groups.
expect "no offset is set of a group whose members cannot be seen, and aloqctl ends" 69 \
    'who is in the group "readers" cannot be seen: ' \
    "$aloqctl" offsets seek --brokers "$brokers" --group readers --topic source --to latest
expect "nor has one been set" 0 '^source  *0  *-  *0  *[1-9]' \
    "$aloqctl" offsets show --brokers "$brokers" --group readers --topic source
result=0
wait "$audit" || result=$?
audit=
expect "nor does the audit see who is in the group, says so, and ends" 0 \
    'who is in the group aloqd-relay cannot be seen' sh -c 'cat "$1"; exit "$2"' - "$work/audit" "$result"

kill "$cluster"
result=0
wait "$cluster" || result=$?
cluster=
expect "the cluster ends cleanly on SIGTERM" 0 '' test "$result" = 0

echo "1..$number"
[ "$failures" = 0 ]
