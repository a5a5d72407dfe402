#!/bin/bash
# What bash completes for the three programs: commands, options, files, and the names of pipelines that the configuration
# has and that the daemon runs.
set -euo pipefail
top=${srcdir:-$(dirname "$0")/../..}
build=$(cd "${ALOQD_BUILD:-.}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/aloqd-completion.XXXXXX")
aloqd=
clean_up() {
	[[ -z $aloqd ]] || kill "$aloqd" 2>/dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT
number=0
failures=0

check() {
	number=$((number + 1))
	if [[ $2 == "$3" ]]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		echo "# expected '$2', got '$3'"
		failures=1
	fi
}

# completed WORD...: what the last word may become.
completed() {
	local program=$1
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	"$(complete -p "$program" | sed 's/.*-F \([^ ]*\) .*/\1/')" "$build/$program" "${COMP_WORDS[COMP_CWORD]}" \
	    "${COMP_WORDS[COMP_CWORD - 1]}"
	echo "${COMPREPLY[*]}"
}

for program in aloqd aloqctl aloq-sandbox; do
	. "$top/etc/bash-completion/$program"
done
cat >"$work/aloqd.conf" <<EOS
aloqd = { control = "$work/control.sock"; };
clusters = { main = { brokers = "127.0.0.1:9"; }; other = { brokers = "127.0.0.1:9"; }; };
pipelines = {
	orders = { from = { cluster = "main"; topics = [ "a" ]; }; to = { topic = "b"; }; };
	orders-2 = { from = { cluster = "main"; topics = [ "c" ]; }; to = { topic = "d"; }; };
	items = { from = { cluster = "main"; topics = [ "e" ]; }; to = { topic = "f"; }; };
};
EOS

for program in aloqd aloqctl; do
	for option in $("$build/$program" --help | grep -o -E '(^|[ ,])--?[a-zA-Z][a-z-]*' | tr -d ' ,' | sort -u); do
		check "$program $option is completed" "$option" "$(completed "$program" "$option" | tr ' ' '\n' | grep -x -e "$option")"
	done
done
check "a unique beginning of an option is completed" --test-config "$(completed aloqd --te)"
check "files stand behind -c" "$work/aloqd.conf" "$(completed aloqd -c "$work/al")"
check "files stand behind --config" "$work/aloqd.conf" "$(completed aloqd --config "$work/al")"
check "nothing else does" '' "$(completed aloqd -c "$work/none")"

check "the names of pipelines come from the configuration" "orders orders-2" \
    "$(completed aloqd -c "$work/aloqd.conf" --explain ord)"
check "all of them, and no cluster" "orders orders-2 items" "$(completed aloqd -c "$work/aloqd.conf" --explain '')"
check "an option may follow as well" --check-brokers "$(completed aloqd --explain --ch)"

check "commands are completed" status "$(completed aloqctl stat)"
check "a command stands behind an option with its value" status "$(completed aloqctl --socket "$work/s" stat)"
check "commands stand behind help" pause "$(completed aloqctl help pau)"
check "a command's options are completed" "--json" "$(completed aloqctl status --j)"
check "files stand behind a command's -c, too" "$work/aloqd.conf" "$(completed aloqctl consume -c "$work/al")"
check "a command's own options are completed" "--key-separator --key" "$(completed aloqctl produce --key)"
check "no daemon, no names" '' "$(completed aloqctl --socket "$work/control.sock" status '')"
"$build/aloqd" -c "$work/aloqd.conf" >"$work/log" 2>&1 &
aloqd=$!
tries=0
until "$build/aloqctl" --socket "$work/control.sock" status >/dev/null 2>&1 || ((++tries > 100)); do
	sleep 0.1
done
check "the names of pipelines come from the daemon" "orders orders-2" \
    "$(completed aloqctl --socket "$work/control.sock" status ord)"
check "all of them" "orders orders-2 items" "$(completed aloqctl --socket "$work/control.sock" status '')"
check "and so for a pause" items "$(completed aloqctl --socket "$work/control.sock" pause it)"
check "an action stands before it" "export" "$(completed aloqctl offsets ex)"
check "all actions" "show export import seek" "$(completed aloqctl offsets '')"
check "and behind it a pipeline" items "$(completed aloqctl --socket "$work/control.sock" offsets seek it)"
check "and so for a wait, as many as one likes" "orders orders-2" \
    "$(completed aloqctl --socket "$work/control.sock" wait items ord)"
check "and so behind options" items "$(completed aloqctl --socket "$work/control.sock" unblock --retry it)"
check "levels of the log" "warning" "$(completed aloqctl log-level wa)"
check "one is enough" '' "$(completed aloqctl --socket "$work/control.sock" status orders '')"

# A partition that is blocked needs a broker: a program that prints what aloqctl prints then.
cat >"$work/aloqctl" <<'EOS'
#!/bin/sh
case $* in
*--help) echo "  unblock PIPELINE TOPIC PARTITION" ;;
*"status orders") printf 'pipeline     orders\nstate        blocked\n\n%s\n%s\n%s\n%s\n' \
    'MEMBER  TOPIC   PARTITION  STATE    COMMITTED' '1  in.a  3  blocked  7' '2  in.a  4  reading  7' '2  in.b  10  blocked  7' ;;
esac
EOS
chmod +x "$work/aloqctl"
real=$build
build=$work
check "the topics with blocked partitions" "in.a in.b" "$(completed aloqctl unblock --skip orders in)"
check "and of them the partitions" "3" "$(completed aloqctl unblock orders in.a '')"
check "nothing of a pipeline that has none" "" "$(completed aloqctl unblock other in)"
build=$real

check "the sandbox's commands are completed" cluster "$(completed aloq-sandbox cl)"
check "a command's options are completed" "--brokers --source --target --target-brokers" "$(completed aloq-sandbox check --)"
check "files stand behind --ready-file" "$work/aloqd.conf" "$(completed aloq-sandbox cluster --ready-file "$work/aloqd.c")"
echo "1..$number"
exit "$failures"
