#!/bin/sh
# The life of a daemon under a sanitizer: aloqd relays orders on a mock cluster with each guarantee that it has there,
# is asked for its pages, gets SIGTERM, and ends with 0: which a sanitizer that has found something prevents.
#
#   relay.sh PROGRAMS DAEMON [COMMAND...]    PROGRAMS: a build folder with aloqctl and aloq-sandbox; DAEMON: a build
#                                            folder with the aloqd to run; COMMAND...: what runs it (valgrind, env)
set -eu
programs=$1
daemon=$2/aloqd
shift 2
orders=2000
work=$(mktemp -d "${TMPDIR:-/tmp}/aloqd-relay.XXXXXX")
cluster= aloqd=
clean_up() {
	[ -z "$aloqd" ] || kill -KILL "$aloqd" 2>/dev/null || true
	[ -z "$cluster" ] || kill "$cluster" 2>/dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT

fail() {
	echo "relay.sh: $*" >&2
	sed 's/^/| /' "$work/log" >&2
	exit 1
}

# until_there FILE: within half a minute.
until_there() {
	tries=0
	until [ -e "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || fail "$1 does not appear"
		sleep 0.1
	done
}

"$programs/aloq-sandbox" cluster --brokers 2 --topic source:4 --topic least:4 --topic most:4 --ready-file "$work/ready" \
    >/dev/null &
cluster=$!
until_there "$work/ready"
brokers=$(sed -n 's/^bootstrap.servers=//p' "$work/ready")
# One member each: the mock cluster refuses commits while another member leaves the group, and a drain is not clean then.
cat >"$work/aloqd.conf" <<EOS
aloqd = { control = "$work/control.sock"; http = "off"; log_level = "debug"; };
clusters = { main = { brokers = "$brokers"; }; };
pipelines = {
	least = { from = { cluster = "main"; topics = [ "source" ]; }; to = { topic = "least"; }; };
	most = { delivery = "at_most_once"; from = { cluster = "main"; topics = [ "^sour.e" ]; };
		to = { topic = "most"; partition = "key"; compression = "lz4"; }; };
	absent = { from = { cluster = "main"; topics = [ "absent" ]; }; to = { topic = "least"; }; };
};
EOS
"$programs/aloq-sandbox" orders --brokers "$brokers" --topic source --count "$orders" >/dev/null
"$@" "$daemon" -c "$work/aloqd.conf" >"$work/log" 2>&1 &
aloqd=$!
for target in least most; do
	timeout 120 "$programs/aloq-sandbox" track --brokers "$brokers" --topic "$target" --count "$orders" --every "$orders" \
	    >"$work/track" 2>&1 || fail "not all orders arrive in $target: $(tail -n 1 "$work/track")"
done
for pipeline in '' least absent; do
	"$programs/aloqctl" --socket "$work/control.sock" status $pipeline >"$work/status" 2>&1 ||
		fail "aloqctl status $pipeline: $(cat "$work/status")"
done
kill -TERM "$aloqd"
result=0
wait "$aloqd" || result=$?
aloqd=
[ "$result" = 0 ] || fail "aloqd ends with $result"
grep -q 'ended: drained' "$work/log" || fail "aloqd did not drain"
echo "$orders orders relayed twice, drained, nothing found"
