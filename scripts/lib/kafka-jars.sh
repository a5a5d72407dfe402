# shellcheck shell=bash
# kafka-jars.sh: sourced by scripts/kafka. Apache Kafka's jars from Maven Central, in a cache outside the
# source tree, pinned by version (the pom) and by checksum (the .sha256 file beside it).
#
# A cache directory is there whole or not at all: it is filled under another name, checked, and renamed.

kafka_version=4.3.1
kafka_pom=$lib/kafka-$kafka_version.pom.xml
kafka_sums=$lib/kafka-$kafka_version.sha256
kafka_jars=${XDG_CACHE_HOME:-$HOME/.cache}/aloqd/kafka-$kafka_version

# Needed by everything that starts a JVM.
need_java() {
	command -v java >/dev/null || die "no java here; install it: apt-get install default-jre-headless"
}

# The jars are there and are those of the committed list. They were checked when they were fetched, so that
# the list's own copy tells.
jars_are_there() {
	cmp -s "$kafka_sums" "$kafka_jars/SHA256SUMS"
}

# Checks a directory against the list, in both directions: a jar too many would be on the classpath, too.
check_jars() {
	local dir=$1 found listed
	if ! (cd "$dir" && sha256sum --check --strict --quiet "$kafka_sums") >&2; then
		die "what was downloaded is not what $kafka_sums lists; nothing was installed." \
		    "If Maven Central or a mirror of yours has altered a jar, do not use it"
	fi
	found=$(cd "$dir" && printf '%s\n' *.jar)
	listed=$(awk '{ print $2 }' "$kafka_sums")
	[[ $found == "$listed" ]] ||
		die "the download holds other files than $kafka_sums lists:" \
		    "$(diff <(echo "$listed") <(echo "$found") | grep '^[<>]' | head -5)"
}

# A directory to fill; removed at exit unless it has been renamed.
make_scratch() {
	mkdir -p "${kafka_jars%/*}"
	scratch=$(mktemp -d "$kafka_jars.XXXXXX")
	trap 'rm -rf "$scratch" "$scratch.log"' EXIT
}

# Downloads into the directory.
download_jars() {
	local dir=$1 log=$1.log
	command -v mvn >/dev/null || die "no mvn here; install it: apt-get install maven"
	say "fetching Kafka $kafka_version from Maven Central (about 100 MB, once)"
	if ! mvn -B -q -f "$kafka_pom" -DoutputDirectory="$dir" -Dmdep.useSubDirectoryPerArtifact=false \
	    dependency:copy-dependencies >"$log" 2>&1; then
		grep -v '^\[ERROR\] *$' "$log" | head -n 5 >&2
		die "could not fetch Kafka from Maven Central. It needs the network once: connect this machine" \
		    "(behind a proxy: ~/.m2/settings.xml) and run '$0 jars' again, or copy $kafka_jars" \
		    "here from a machine where that has worked"
	fi
	rm -f "$log"
}

# Makes sure that the jars are there.
ensure_jars() {
	local parent=${kafka_jars%/*} lock
	jars_are_there && return
	need_java
	mkdir -p "$parent"
	# Two who start at once must not fetch twice.
	exec {lock}>"$parent/.lock"
	flock "$lock"
	if ! jars_are_there; then
		make_scratch
		download_jars "$scratch"
		check_jars "$scratch"
		cp "$kafka_sums" "$scratch/SHA256SUMS"
		chmod 755 "$scratch"
		rm -rf "$kafka_jars"
		mv -T "$scratch" "$kafka_jars"
	fi
	exec {lock}>&-
}

# For whoever changes the pom on purpose: writes the list of checksums anew from a download.
update_sums() {
	need_java
	make_scratch
	download_jars "$scratch"
	(cd "$scratch" && sha256sum -- *.jar) >"$kafka_sums.new"
	mv "$kafka_sums.new" "$kafka_sums"
	say "$(wc -l <"$kafka_sums") jars listed in $kafka_sums"
}
