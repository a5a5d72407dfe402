# output.sh: sourced. How the scripts speak: a line a step; what a step prints goes to a log, which is shown
# when the step fails.

bold='' plain=''
if [[ -t 1 ]]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi

# step TEXT...: what happens now.
step() {
	printf '%s==> %s%s\n' "$bold" "$*" "$plain"
}

# die TEXT...: the script cannot go on.
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# run_logged LOG COMMAND...: runs it with its output in LOG; shows the end of it if it fails.
run_logged() {
	local log=$1 result=0
	shift
	mkdir -p "${log%/*}"
	"$@" >"$log" 2>&1 </dev/null || result=$?
	if ((result != 0)); then
		printf '%s\n' "---- the end of $log ----" >&2
		tail -n 60 "$log" >&2
		printf '%s\n' "---- failed (exit code $result): $*" >&2
	fi
	return "$result"
}

# wait_until SECONDS COMMAND...: until the command succeeds; fails when the time is over.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.1
	done
}
