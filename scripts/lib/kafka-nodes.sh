# shellcheck shell=bash
# kafka-nodes.sh: sourced by scripts/kafka. The nodes of one cluster, as processes of this machine.
#
# All state is in $data:
#   cluster            what `start` was told, as shell assignments: nodes, base_port, heap, cluster_id,
#                      jvm_options
#   node-N/server.properties, node-N/log/ (Kafka's data), node-N/server.log, node-N/pid
# A node listens on base_port + 2 (N - 1) for clients and on the port after it for the controllers; the
# ports stay the same for the life of $data, so that a restarted node is found again.

node_dir() { echo "$data/node-$1"; }
client_port() { echo $((base_port + 2 * ($1 - 1))); }
controller_port() { echo $((base_port + 2 * ($1 - 1) + 1)); }

load_cluster() {
	[[ -r $data/cluster ]] || die "no Kafka in $data; start one: $0 start --data $data"
	# shellcheck disable=SC1091
	. "$data/cluster"
}

check_node() {
	[[ $1 =~ ^[1-9]$ && $1 -le $nodes ]] || die "there is no node '$1'; this cluster has 1 to $nodes"
}

brokers() {
	local n list=
	for ((n = 1; n <= nodes; n++)); do
		list+=${list:+,}127.0.0.1:$(client_port "$n")
	done
	echo "$list"
}

# ---- processes ----

# When a process began, in clock ticks since boot: with the pid it names a process for good.
process_start() {
	local stat
	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
	# The name in brackets may hold blanks; the 20th field behind it is the start time.
	stat=${stat##*) }
	read -r -a stat <<<"$stat"
	[[ ${stat[0]} != Z ]] && echo "${stat[19]}"
}

# The pid of a node that runs (or is frozen). Fails otherwise.
node_pid() {
	local pid started
	read -r pid started 2>/dev/null <"$(node_dir "$1")/pid" || return 1
	[[ $(process_start "$pid") == "$started" ]] && echo "$pid"
}

node_is_frozen() {
	local pid
	pid=$(node_pid "$1") && grep -q '^State:.T' "/proc/$pid/status" 2>/dev/null
}

# Does the node answer the simplest request there is (ApiVersions, version 0)?
node_answers() {
	local socket port
	port=$(client_port "$1")
	{ exec {socket}<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
	printf '\0\0\0\012\0\022\0\0\0\0\0\001\377\377' >&"$socket"
	[[ $(timeout 2 head -c 4 <&"$socket" | wc -c) -eq 4 ]]
	local answered=$?
	exec {socket}>&-
	return "$answered"
}

# Kafka says this once the broker is registered, unfenced and serves all requests; the port answers earlier.
node_has_started() {
	grep -q 'Kafka Server started' "$(node_dir "$1")/server.log" 2>/dev/null && node_answers "$1"
}

# ---- ports ----

port_is_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Below the range that the kernel gives to outgoing connections, or one of those could sit on the port of a
# node that is stopped for a moment.
pick_base_port() {
	local try port base
	for ((try = 0; try < 50; try++)); do
		base=$((20000 + 8 * (RANDOM % 1500)))
		for ((port = base; port < base + 2 * nodes; port++)); do
			port_is_free "$port" || continue 2
		done
		echo "$base"
		return
	done
	die "no free ports between 20000 and 32000; give one with --port"
}

# ---- configuration ----

write_server_properties() {
	local n=$1 dir clients controllers voter voters='' replicas=1 min_isr=1 alias='' advertised=''
	dir=$(node_dir "$n")
	clients=PLAINTEXT://127.0.0.1:$(client_port "$n")
	controllers=CONTROLLER://127.0.0.1:$(controller_port "$n")
	for ((voter = 1; voter <= nodes; voter++)); do
		voters+=${voters:+,}$voter@127.0.0.1:$(controller_port "$voter")
	done
	if [[ -n $alias_port ]]; then
		alias=,ALIAS://127.0.0.1:$((alias_port + n - 1))
		advertised=,ALIAS://$alias_host:$((proxied_port + n - 1))
	fi
	if ((nodes > 1)); then
		replicas=$nodes
		min_isr=$((nodes - 1))
	fi
	{
		cat <<-END
			process.roles=broker,controller
			node.id=$n
			controller.quorum.voters=$voters
			listeners=$clients,$controllers$alias
			advertised.listeners=$clients$advertised
			listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,ALIAS:PLAINTEXT
			controller.listener.names=CONTROLLER
			log.dirs=$dir/log
			auto.create.topics.enable=false
			default.replication.factor=$replicas
			min.insync.replicas=$min_isr
			offsets.topic.replication.factor=$replicas
			offsets.topic.num.partitions=4
			transaction.state.log.replication.factor=$replicas
			transaction.state.log.min.isr=$min_isr
			transaction.state.log.num.partitions=4
			share.coordinator.state.topic.replication.factor=$replicas
			share.coordinator.state.topic.min.isr=$min_isr
			share.coordinator.state.topic.num.partitions=4
			group.initial.rebalance.delay.ms=0
			group.min.session.timeout.ms=1000
			log.segment.delete.delay.ms=1000
		END
		# A name that is set twice has its last value.
		((${#settings[@]} == 0)) || printf '%s\n' "${settings[@]}"
	} >"$dir/server.properties"
}

write_log_config() {
	cat >"$data/log4j2.properties" <<-'END'
		status = warn
		rootLogger.level = info
		rootLogger.appenderRef.stderr.ref = stderr
		appender.stderr.type = Console
		appender.stderr.name = stderr
		appender.stderr.target = SYSTEM_ERR
		appender.stderr.layout.type = PatternLayout
		appender.stderr.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
	END
}

new_cluster_id() {
	head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | cut -c 1-22
}

format_node() {
	local dir sharing_options
	dir=$(node_dir "$1")
	write_server_properties "$1"
	share_classes
	java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC ${sharing_options[@]+"${sharing_options[@]}"} \
	    -cp "$kafka_jars/*" kafka.tools.StorageTool format -t "$cluster_id" -c "$dir/server.properties" \
	    ${scram_users[@]+"${scram_users[@]}"} >"$dir/format.log" 2>&1 || {
		tail -n 5 "$dir/format.log" >&2
		die "could not format node $1; see $dir/format.log"
	}
}

# ---- life ----

# Starts the process of a node and does not wait for it to serve.
launch_node() {
	local n=$1 dir pid sharing_options
	dir=$(node_dir "$n")
	share_classes
	if [[ -e $dir/server.log ]]; then
		mv "$dir/server.log" "$dir/server.log.before"
	fi
	# In a session of its own: an interrupt at the terminal is not for the broker.
	setsid java "-Xms$heap" "-Xmx$heap" -XX:+ExitOnOutOfMemoryError ${jvm_options[@]+"${jvm_options[@]}"} \
	    ${sharing_options[@]+"${sharing_options[@]}"} "-Dlog4j2.configurationFile=$data/log4j2.properties" \
	    -cp "$kafka_jars/*" kafka.Kafka "$dir/server.properties" </dev/null >"$dir/server.log" 2>&1 &
	pid=$!
	echo "$pid $(process_start "$pid")" >"$dir/pid"
	disown "$pid"
}

wait_until_node_serves() {
	local n=$1 deadline=$((SECONDS + start_timeout_s)) log
	log=$(node_dir "$n")/server.log
	until node_has_started "$n"; do
		if ! node_pid "$n" >/dev/null; then
			tail -n 15 "$log" >&2
			die "node $n ended while it started; its log is $log"
		fi
		if ((SECONDS > deadline)); then
			tail -n 15 "$log" >&2
			die "node $n does not answer after $start_timeout_s s; its log is $log"
		fi
		sleep 0.1
	done
}

# Asks a node to end. A frozen one must run for that.
signal_node_stop() {
	local n=$1 signal=$2 pid
	pid=$(node_pid "$n") || return 0
	kill "-$signal" "$pid" 2>/dev/null || true
	kill -CONT "$pid" 2>/dev/null || true
}

# Waits until a node has ended; after the given seconds it is killed.
await_node_end() {
	local n=$1 patience_s=$2 deadline
	deadline=$((SECONDS + patience_s))
	while node_pid "$n" >/dev/null; do
		if ((SECONDS > deadline)); then
			say "node $n does not stop in $patience_s s: killing it"
			signal_node_stop "$n" KILL
			deadline=$((SECONDS + 10))
		fi
		sleep 0.05
	done
	rm -f "$(node_dir "$n")/pid"
}
