#!/bin/sh
# Reads the #include lines below SRC and says which of them break the order of the layers.
#
#   layers.sh SRC
#
# A folder of src/ may include from itself and from those before it in the list. librdkafka's headers are for
# src/kafka alone, core is pure logic, and the engine in relay knows no Kafka. Exit code 1 when a line breaks this.
set -eu
src=$1
find "$src" -mindepth 2 -name '*.[ch]' | LC_ALL=C sort | xargs awk -v src="$src" '
BEGIN {
	count = split("base core config kafka relay process daemon ctl sandbox", names, " ")
	for (i = 1; i <= count; i++)
		rank[names[i]] = i
	# What waits, talks to files, to the network or to other threads has no place in pure logic.
	impure = "^(pthread|threads|stdatomic|semaphore|unistd|fcntl|poll|signal|netdb|dirent|syslog|spawn" \
	    "|arpa/.*|netinet/.*|sys/.*|systemd/.*|curl/.*|yajl/.*|microhttpd|libconfig)\\.h$"
	core_may_not = "^base/(log|worker)\\.h$"
}
function complain(why) {
	printf "%s:%d: %s: %s\n", FILENAME, FNR, header, why
	broken = 1
}
FNR == 1 {
	file = substr(FILENAME, length(src) + 2)
	folder = file
	sub(/\/.*/, "", folder)
	files++
	if (!(folder in rank)) {
		printf "%s: src/%s is not in the list of layers\n", FILENAME, folder
		broken = 1
	}
}
folder == "core" && /clock_(monotonic_us|realtime_ms|gettime)[ \t]*\(/ {
	header = "a clock is read"
	complain("src/core is told the time")
}
/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
	system_header = $0 ~ /</
	header = $0
	sub(/^[^<"]*[<"]/, "", header)
	sub(/[>"].*/, "", header)
	if (header ~ /^librdkafka\// && folder != "kafka")
		complain("only src/kafka may include librdkafka")
	if (folder == "core" && (header ~ impure || header ~ core_may_not))
		complain("src/core is pure: no I/O, no threads")
	if (system_header || header == "config.h")
		next
	layer = header
	if (!sub(/\/.*/, "", layer) || !(layer in rank)) {
		complain("headers are named from src/: \"LAYER/file.h\"")
		next
	}
	if (rank[layer] > rank[folder])
		complain("src/" folder " may not include from src/" layer ", which is below it")
	if (layer == "kafka" && file ~ /^relay\/(engine|strategy)/)
		complain("the engine knows no Kafka")
}
END {
	if (!files) {
		print src ": no source files"
		broken = 1
	}
	exit broken
}'
