#!/bin/sh
# The layers of src/ are kept, and layers.sh would see it if they were not.
set -eu
here=$(dirname "$0")
src=${srcdir:-$here/../..}/src
work=$(mktemp -d "${TMPDIR:-/tmp}/aloqd-layers.XXXXXX")
trap 'rm -rf "$work"' EXIT
number=0
failures=0

report() { # report RESULT NAME
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failures=$((failures + 1))
	fi
}

# plant FILE LINE: a tree with one file that has this line.
plant() {
	rm -rf "$work/src"
	mkdir -p "$work/src/${1%/*}"
	printf '#include <stdint.h>\n%s\n' "$2" >"$work/src/$1"
}

refused() { # refused NAME FILE LINE
	plant "$2" "$3"
	if sh "$here/layers.sh" "$work/src" >"$work/out"; then
		report 1 "$1"
	elif grep -q "^$work/src/$2:2: " "$work/out"; then
		report 0 "$1"
	else
		cat "$work/out"
		report 1 "$1: names the line"
	fi
}

allowed() { # allowed NAME FILE LINE
	plant "$2" "$3"
	result=0
	sh "$here/layers.sh" "$work/src" || result=1
	report "$result" "$1"
}

result=0
sh "$here/layers.sh" "$src" || result=1
report "$result" "src keeps its layers"

refused "base may not include from core" base/x.c '#include "core/backoff.h"'
refused "core may not include from kafka" core/x.h '#include "kafka/client.h"'
refused "config may not include from relay" config/x.c '  #  include "relay/engine.h"'
refused "kafka may not include from relay" kafka/x.c '#include "relay/engine.h"'
refused "ctl may not include from sandbox" ctl/x.c '#include "sandbox/audit.h"'
refused "only kafka includes librdkafka" relay/x.c '#include <librdkafka/rdkafka.h>'
refused "the sandbox does not include librdkafka" sandbox/x.c '#include <librdkafka/rdkafka_mock.h>'
refused "core starts no threads" core/x.c '#include <pthread.h>'
refused "core does no I/O" core/x.c '#include <sys/socket.h>'
refused "core reads no clock" core/x.c 'return clock_monotonic_us();'
refused "the engine knows no Kafka" relay/engine_x.c '#include "kafka/source.h"'
refused "the strategies know no Kafka" relay/strategy_x.c '#include "kafka/sink.h"'
refused "headers are named from src" daemon/x.c '#include "http.h"'

allowed "kafka includes librdkafka" kafka/x.c '#include <librdkafka/rdkafka.h>'
allowed "relay includes from kafka" relay/pipeline.c '#include "kafka/source.h"'
allowed "a folder includes from itself" daemon/x.c '#include "daemon/http.h"'
allowed "core knows the units of time" core/x.c '#include "base/clock.h"'
allowed "config.h of the build is for all" daemon/x.c '#include "config.h"'

rm -rf "$work/src"
mkdir -p "$work/src/misc"
echo '#include <stdio.h>' >"$work/src/misc/x.c"
result=0
sh "$here/layers.sh" "$work/src" >"$work/out" && result=1
report "$result" "a folder that is no layer is refused"

rm -rf "$work/src"
mkdir -p "$work/src"
result=0
sh "$here/layers.sh" "$work/src" >"$work/out" 2>&1 && result=1
report "$result" "a tree without sources is refused"

echo "1..$number"
[ "$failures" = 0 ]
