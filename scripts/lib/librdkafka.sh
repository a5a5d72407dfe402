# shellcheck shell=bash
# librdkafka.sh: sourced after output.sh, and packages.sh for the last functions. A newer librdkafka than the system's, in a
# cache outside the source tree.
#
# The cache's directory is there whole or not at all: it is filled under another name and renamed.

librdkafka_version=2.16.1
librdkafka_cache=${XDG_CACHE_HOME:-$HOME/.cache}/aloqd/librdkafka-$librdkafka_version
# Cooperative rebalances do what they should from this one on; see docs/guarantees.md.
librdkafka_good_since=2.10

# Of the wheels for CPython 3.11, which no Python here has to be: only the library is taken out.
declare -A librdkafka_sums=(
	[x86_64]=24f613cc81a856b6fbb2d7d11044a9aa770044eecc1f83ff84618688b056be06
	[aarch64]=c012a1d74f95e91c9c43f0aa996d5fea8582397144c1f96b553f24b594afa7c6
)

# Is the system's too old for what the tests want to try?
newer_librdkafka_is_needed() {
	local have
	have=$(pkg-config --modversion rdkafka 2>/dev/null) || return 0
	[[ $(printf '%s\n' "$have" "$librdkafka_good_since" | sort -V | head -n 1) != "$librdkafka_good_since" ]]
}

# Into $librdkafka_cache, unless it is there.
fetch_librdkafka() {
	local machine scratch sum
	[[ -e $librdkafka_cache/librdkafka.so.1 ]] && return
	machine=$(uname -m)
	sum=${librdkafka_sums[$machine]-}
	[[ -n $sum ]] || die "there is no librdkafka $librdkafka_version to fetch for $machine"
	/usr/bin/python3 -m pip --version >/dev/null 2>&1 || die "no pip here; install it: apt-get install python3-pip"
	mkdir -p "${librdkafka_cache%/*}"
	scratch=$(mktemp -d "$librdkafka_cache.XXXXXX")
	# shellcheck disable=SC2064 # now
	trap "rm -rf '$scratch'" EXIT
	step "fetching librdkafka $librdkafka_version from PyPI (4 MB, once)" >&2
	echo "confluent-kafka==$librdkafka_version --hash=sha256:$sum" >"$scratch/wanted"
	run_logged "$scratch.log" /usr/bin/python3 -m pip download -q --no-deps --only-binary :all: --implementation cp \
	    --python-version 3.11 --abi cp311 --platform "manylinux_2_28_$machine" --require-hashes \
	    --dest "$scratch" -r "$scratch/wanted" >&2 || {
		rm -f "$scratch.log"
		die "could not fetch librdkafka $librdkafka_version from PyPI. It needs the network once; or copy" \
		    "$librdkafka_cache here from a machine where that has worked"
	}
	rm -f "$scratch.log" "$scratch/wanted"
	/usr/bin/python3 -m zipfile -e "$scratch"/*.whl "$scratch"
	mkdir "$scratch/out"
	mv "$scratch"/confluent_kafka.libs/librdkafka-*.so.1 "$scratch/out/librdkafka.so.1"
	# Whoever else has fetched it meanwhile has fetched the same.
	mv -T "$scratch/out" "$librdkafka_cache" 2>/dev/null || [[ -e $librdkafka_cache/librdkafka.so.1 ]]
}

# need_packages_for_librdkafka LOG: what fetches it is there, where it will be fetched.
need_packages_for_librdkafka() {
	[[ -z ${ALOQD_NEWER_LIBRDKAFKA-} ]] && newer_librdkafka_is_needed || return 0
	need_packages "$1" python3-pip
}

# Where the system's is too old, ALOQD_NEWER_LIBRDKAFKA names a newer one's directory, as the integration tests read it.
# Without network they can do without. Needs $top.
provide_newer_librdkafka() {
	[[ -z ${ALOQD_NEWER_LIBRDKAFKA-} ]] && newer_librdkafka_is_needed || return 0
	ALOQD_NEWER_LIBRDKAFKA=$("$top/scripts/librdkafka") && export ALOQD_NEWER_LIBRDKAFKA
}
