#!/bin/sh
# The journal's catalog and src/base/log_ids.h know the same events, and the catalog is one that journalctl takes.
set -eu
top=${srcdir:-$(dirname "$0")/../..}
work=$(mktemp -d "${TMPDIR:-/tmp}/aloqd-catalog.XXXXXX")
trap 'rm -rf "$work"' EXIT
catalog=$top/systemd/aloqd.catalog
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

# Ids are 32 hex digits in quotes there, and behind two dashes here.
grep -o -E '"[0-9a-f]{32}"' "$top/src/base/log_ids.h" | tr -d '"' | sort >"$work/ids"
sed -n 's/^-- \([0-9a-f]*\)$/\1/p' "$catalog" | sort >"$work/entries"
expect_none "each id has one entry" "$(comm -23 "$work/ids" "$work/entries")"
expect_none "each entry has an id" "$(comm -13 "$work/ids" "$work/entries")"
expect_none "there are ids" "$([ -s "$work/ids" ] || echo "none in log_ids.h")"
# A field that an event does not have stays as @FIELD@ in the reader's text.
expect_none "entries use only fields that aloqd logs" "$(grep -o -E '@[A-Z_]+@' "$catalog" | sort -u |
	grep -v -x -E '@ALOQD_(PIPELINE|MEMBER|TOPIC|PARTITION|OFFSET)@' || true)"
expect_none "entries say who defines them, and where to read on" "$(for header in Subject Defined-By Documentation; do
	[ "$(grep -c "^$header: " "$catalog")" = "$(wc -l <"$work/ids")" ] || echo "$header: not in each entry"
done)"
expect_none "lines fit a terminal" "$(grep -n -E '^.{81}' "$catalog" || true)"

number=$((number + 1))
if command -v journalctl >/dev/null; then
	mkdir -p "$work/root/usr/lib/systemd/catalog" "$work/root/var/lib/systemd/catalog"
	cp "$catalog" "$work/root/usr/lib/systemd/catalog"
	journalctl --root="$work/root" --update-catalog
	journalctl --root="$work/root" --list-catalog | awk '{ print $1 }' | sort >"$work/listed"
	if cmp "$work/ids" "$work/listed"; then
		echo "ok $number - journalctl lists them all"
	else
		echo "not ok $number - journalctl lists them all"
		failures=1
	fi
else
	echo "ok $number - journalctl lists them all # SKIP there is no journalctl here"
fi
echo "1..$number"
exit "$failures"
