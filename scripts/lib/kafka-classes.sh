# shellcheck shell=bash
# kafka-classes.sh: sourced by scripts/kafka after kafka-jars.sh and kafka-nodes.sh. Kafka's classes as the JVM maps them
# into memory (class data sharing): it starts with half the work of reading them from a hundred jars.
#
# The archive lies beside the jars, and is made once for each JVM, by a node that does nothing else. Without it everything
# works the same; where it can not be made, an empty file says so, and it is not tried again.

# Of this JVM. One that was made by another would be of no use.
classes_archive() {
	local java library
	java=$(readlink -f "$(command -v java)")
	library=${java%/bin/java}/lib/server/libjvm.so
	echo "$kafka_jars/classes-$(stat -Lc %s-%Y "$library" 2>/dev/null || echo unknown).jsa"
}

# Sets sharing_options: what a JVM is to be given, if anything. It goes on without, and need not say so, where the archive
# does not fit.
share_classes() {
	local archive
	archive=$(classes_archive)
	sharing_options=()
	[[ ! -s $archive ]] ||
		sharing_options=("-XX:SharedArchiveFile=$archive" -Xlog:cds=off -Xlog:cds+dynamic=off)
}

# Makes sure that there is an archive, where there can be one.
ensure_classes() {
	local archive lock
	archive=$(classes_archive)
	[[ ! -e $archive ]] || return 0
	# Two who start at once need not make it twice.
	{ exec {lock}>"$kafka_jars/.classes.lock"; } 2>/dev/null || return 0
	flock "$lock"
	if [[ ! -e $archive ]]; then
		say "getting Kafka's classes ready for this JVM (some seconds, once)"
		# In a shell of its own: it is another cluster, and may die.
		if ! (dump_classes "$archive" {lock}>&-) >/dev/null 2>&1; then
			say "that failed: nodes start without, and slower (to try it again, remove $archive)"
			touch "$archive"
		fi
	fi
	exec {lock}>&-
}

# The JVM writes the archive, of all that it has loaded, when it ends. Called where set -e does not hold.
dump_classes() {
	local archive=$1
	data=$(mktemp -d) || exit 1
	nodes=1 heap=256m settings=() scram_users=() alias_port=''
	jvm_options=("-XX:ArchiveClassesAtExit=$archive.$$")
	trap 'signal_node_stop 1 KILL; rm -rf "$data" "$archive.$$"' EXIT
	base_port=$(pick_base_port) && cluster_id=$(new_cluster_id) && write_log_config && mkdir "$(node_dir 1)" &&
		format_node 1 && launch_node 1 && wait_until_node_serves 1 && signal_node_stop 1 TERM &&
		await_node_end 1 60 && mv "$archive.$$" "$archive"
}
