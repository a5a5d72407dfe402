#!/bin/sh
# The alerts and the dashboard that come with aloqd: they are right, each alert says what to do and is tested, and they
# ask for nothing that aloqd(8) does not list. Without promtool (Debian: prometheus) what it would say is skipped.
set -eu
top=${srcdir:-$(dirname "$0")/../..}
work=$(mktemp -d "${TMPDIR:-/tmp}/aloqd-prometheus.XXXXXX")
trap 'rm -rf "$work"' EXIT
rules=$top/examples/prometheus/aloqd.rules.yml
failures=0
number=0

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

# expect_tool NAME COMMAND...: promtool takes it.
expect_tool() {
	name=$1
	shift
	if ! command -v promtool >/dev/null; then
		number=$((number + 1))
		echo "ok $number - $name # SKIP there is no promtool"
	elif said=$("$@" 2>&1); then
		expect_none "$name" ""
	else
		expect_none "$name" "$said"
	fi
}

alerts=$(sed -n 's/^ *- alert: *//p' "$rules")
expect_none "there are alerts" "$([ "$(echo "$alerts" | wc -l)" -ge 10 ] || echo "$alerts")"
expect_none "each alert has a severity, a summary and what to do" "$(for word in severity summary what_to_do; do
	[ "$(grep -c "^ *$word:" "$rules")" = "$(echo "$alerts" | wc -l)" ] || echo "$word: not in each alert"
done)"

# Functions and labels have no such names; a histogram's series end in what its family does not.
sed -n '/^\.Sh METRICS/,/^\.Sh ENVIRONMENT/p' "$top/man/aloqd.8" | grep -o -E '\b(aloqd|process)_[a-z_]+' |
	sort -u >"$work/known"
for file in "$rules" "$top/examples/prometheus/aloqd.rules.test.yml" "$top/examples/grafana/aloqd.json"; do
	expect_none "$(basename "$file") asks for what aloqd(8) lists" "$(grep -o -E '\baloqd_[a-z_]+' "$file" |
		sed 's/_seconds_bucket$/_seconds/' | sort -u | comm -13 "$work/known" -)"
done

cp "$top"/examples/prometheus/*.yml "$work"
expect_tool "promtool takes the rules" promtool check rules "$work/aloqd.rules.yml"
expect_tool "promtool takes the configuration" promtool check config "$work/prometheus.yml"
expect_tool "the rules do what their tests say" promtool test rules "$work/aloqd.rules.test.yml"
tests=$top/examples/prometheus/aloqd.rules.test.yml
expect_none "each alert is tested: that it fires, and that it does not while all is well" "$(for alert in $alerts; do
	grep -q -E "alertname: $alert\$|alertname=\"$alert\"" "$tests" || echo "$alert could be missing"
	grep -q -E "alertname: $alert }" "$tests" || echo "$alert could always fire"
done)"
echo "1..$number"
exit "$failures"
