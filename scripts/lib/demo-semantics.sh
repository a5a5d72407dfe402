# demo-semantics.sh: sourced by scripts/demo. The three guarantees under the same kills, and the three values of
# acks under the death of a leader: what is lost, what is repeated, and why.

semantics_orders=12000
semantics_rate=800 # a second
broken=0           # promises that were not kept

# ---- the three-node Kafka ----

on_kafka3() {
	"$top/scripts/kafka" "$1" --data "$work/kafka" "${@:2}"
}

# Killed nodes and killed relays are to be missed soon.
start_three_nodes() {
	step "a Kafka of three nodes starts"
	run_logged "$work/kafka.log" on_kafka3 start --nodes 3 --heap 384m --jvm -XX:TieredStopAtLevel=1 --jvm -XX:+UseSerialGC \
	    --set broker.session.timeout.ms=3000 --set broker.heartbeat.interval.ms=500 || exit
	brokers=$(tail -n 1 "$work/kafka.log")
}

# make_topic NAME [OPTION...]: as kafka-topics.sh --create would.
make_topic() {
	run_logged "$work/topic.log" on_kafka3 exec org.apache.kafka.tools.TopicCommand --bootstrap-server "$brokers" \
	    --create --topic "$@" || exit
}

# ---- what runs ----

# pipeline NAME DELIVERY ACKS SOURCE_CLUSTER [SETTING]: its text in the configuration; the target topic has its name.
pipeline() {
	cat <<-END
		  $1 = {
		    from = { cluster = "$4"; topics = [ "orders" ]; properties = [ "session.timeout.ms=$session_ms" ]; };
		    to = { cluster = "target"; topic = "$1"; acks = "$3"; linger = "$linger"; };
		    delivery = "$2"; ${5-}
		  };
	END
}

# config SOURCE_BROKERS PIPELINES
config() {
	cat >"$work/aloqd.conf" <<-END
		aloqd = { control = "$work/control.sock"; };
		clusters = { source = { brokers = "$1"; }; target = { brokers = "$brokers"; }; };
		pipelines = {
		$2
		};
	END
	aloqd -t -c "$work/aloqd.conf" >"$work/config.log" 2>&1 || give_up "the configuration is refused" "$work/config.log"
}

# acknowledged PIPELINE: how many orders, since aloqd was started.
acknowledged() {
	aloqctl --socket "$work/control.sock" status 2>/dev/null | awk -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == "ACKED") column = i }
		$1 == name && column { print $column }'
}

has_acked() {
	local acked
	acked=$(acknowledged "$1")
	[[ $acked =~ ^[0-9]+$ ]] && ((acked >= $2))
}

# Have these pipelines settled all orders there are? By the log's end, as the lag is only as new as that.
have_settled_all() {
	local name
	for name in "$@"; do
		aloqctl --socket "$work/control.sock" status "$name" 2>/dev/null | awk -v all="$semantics_orders" '
			$1 == "orders" { end += $7; lag += $8 }
			END { exit !(end == all && lag == 0) }' || return 1
	done
}

# Has this pipeline acknowledged so many since it was started, or all that was left?
is_at_work() {
	has_acked "$1" "$2" || have_settled_all "$1"
}

# semantics_producer BROKERS FIRST COUNT
semantics_producer() {
	aloq-sandbox orders --brokers "$1" --topic orders --first "$2" --count "$3" --rate "$semantics_rate" \
	    >"$work/producer.log" 2>&1 &
	producer=$!
}

await_producer() {
	wait "$producer" || give_up "not all orders could be produced" "$work/producer.log"
	producer=''
	step "$(cat "$work/producer.log")"
}

await_all_settled() {
	wait_until 90 have_settled_all "$@" || give_up "not everything was relayed within 90 s" "$work/aloqd.log"
}

drain_semantics() {
	local result=0
	kill -TERM "$relay"
	wait "$relay" || result=$?
	relay=''
	((result == 0)) && return
	echo "aloqd ended with exit code $result instead of 0"
	broken=$((broken + 1))
}

# ---- the verdict ----

# compare_topic TARGET SOURCE_BROKERS: sets produced, relayed, lost, repeated, out_of_order, altered.
compare_topic() {
	local result=0
	aloq-sandbox check --brokers "$2" --source orders --target "$1" --target-brokers "$brokers" \
	    >"$work/check.log" 2>&1 || result=$?
	((result <= 1)) || give_up "$1 could not be compared" "$work/check.log"
	read -r produced relayed lost repeated out_of_order altered < <(
		awk '/^  [a-z ]+[0-9]+$/ { printf "%s ", $NF } END { print "" }' "$work/check.log")
}

# row NAME SOURCE_BROKERS PROMISE WORDS: one target in the table; PROMISE is a condition over the counts. Empty: nothing
# is promised for this fault.
row() {
	local kept='no promise'
	compare_topic "$1" "$2"
	if [[ -n $3 ]]; then
		if (($3)); then
			kept=kept
		else
			kept=BROKEN
			broken=$((broken + 1))
		fi
	fi
	printf '  %-15s%9d%9d%9d%10d   %s\n      %s\n' "$1" "$produced" "$relayed" "$lost" "$repeated" "$kept" "$4"
}

table_head() {
	printf '\n  %-15s%9s%9s%9s%10s   %s\n' "" produced relayed lost repeated promise
}

# ---- first play: the guarantees ----

play_guarantees() {
	local kill pipelines=(at_most_once at_least_once exactly_once)
	session_ms=3000
	# So long a producer gathers what it sends: so that a kill always finds something there.
	linger=500ms
	# No kill comes as late: so that each finds something that is written and not committed, whatever the machine.
	local seldom='commit = { records = 1000000; interval = "60s"; };'
	make_topic orders --partitions 3
	make_topic at_most_once --partitions 3
	make_topic at_least_once --partitions 3
	make_topic exactly_once --partitions 3
	config "$brokers" "$(pipeline at_most_once at_most_once all target
		pipeline at_least_once at_least_once all target "$seldom"
		pipeline exactly_once exactly_once all target)"
	step "one aloqd, three pipelines, one for each guarantee: orders -> at_most_once, at_least_once, exactly_once"
	start_relay
	semantics_producer "$brokers" 1 "$semantics_orders"
	for kill in 1 2 3; do
		# One of them decides, each in its turn: on a busy machine the others may be slow, and it would be at its end.
		if ! wait_until 120 is_at_work "${pipelines[kill - 1]}" 1500; then
			aloqctl --socket "$work/control.sock" status >&2 || true
			give_up "${pipelines[kill - 1]} has not relayed 1500 orders within 120 s of its start, nor all that were left" \
			    "$work/aloqd.log"
		fi
		step "kill -9 $relay ($kill of 3): all three die in the middle of their work, and are started again"
		kill -KILL "$relay"
		wait "$relay" 2>/dev/null || true
		start_relay
	done
	await_producer
	await_all_settled at_most_once at_least_once exactly_once
	drain_semantics
	table_head
	row at_most_once "$brokers" 'repeated == 0 && altered == 0' \
	    "the offset goes first: what was not written yet at a kill is gone"
	row at_least_once "$brokers" 'lost + altered + out_of_order == 0' \
	    "the offset goes last: what was written and not committed comes again"
	row exactly_once "$brokers" 'lost + repeated + altered + out_of_order == 0' \
	    "both go in one transaction: a reader with read_committed sees each order once"
}

# ---- second play: acks ----

# The source is a cluster of its own, so that nothing but the target suffers.
play_acks() {
	local words first=$((semantics_orders / 3))
	session_ms=45000
	linger=5ms
	step "a cluster of its own for the source, a mock one, so that only the target suffers"
	aloq-sandbox cluster --topic orders:1 --ready-file "$work/cluster" >"$work/cluster.log" 2>&1 &
	cluster=$!
	wait_until 10 test -e "$work/cluster" || give_up "the mock cluster did not start" "$work/cluster.log"
	source_brokers=$(sed -n 's/^bootstrap.servers=//p' "$work/cluster")
	# One partition each; the first replica leads.
	make_topic acks_0 --replica-assignment 1:2:3
	make_topic acks_1 --replica-assignment 1:2:3
	make_topic acks_all --replica-assignment 1:2:3
	config "$source_brokers" "$(pipeline acks_0 at_most_once 0 source
		pipeline acks_1 at_least_once 1 source
		pipeline acks_all at_least_once all source)"
	step "three pipelines to three copies of one topic; node 1 leads, nodes 2 and 3 follow. aloqd's warning for acks=1:"
	grep -o 'acks.*' "$work/config.log" | head -n 1 || true
	start_relay
	semantics_producer "$source_brokers" 1 "$first"
	wait_until 60 has_acked acks_all 2000 && wait_until 60 has_acked acks_1 2000 ||
		give_up "not 2000 orders have been relayed with acks=1 and acks=all within 60 s" "$work/aloqd.log"
	await_producer
	step "the followers are frozen (SIGSTOP): what node 1 acknowledges from now on, it has alone"
	on_kafka3 freeze-node 2
	on_kafka3 freeze-node 3
	acked=$(acknowledged acks_1)
	semantics_producer "$source_brokers" $((first + 1)) $((semantics_orders - first))
	wait_until 60 has_acked acks_1 $((acked + 1500)) || give_up "the leader does not acknowledge alone" "$work/aloqd.log"
	step "with acks=1 node 1 has acknowledged $(($(acknowledged acks_1) - acked)) orders alone." \
	    "It is killed (kill -9), and the followers are thawed: one of them leads now"
	run_logged "$work/kafka.log" on_kafka3 stop-node 1 --hard || exit
	on_kafka3 thaw-node 2
	on_kafka3 thaw-node 3
	await_producer
	await_all_settled acks_0 acks_1 acks_all
	drain_semantics
	table_head
	row acks_0 "$source_brokers" 'repeated == 0 && altered == 0' \
	    "nobody is asked: lost is what the leader had alone, and what was sent while none led"
	compare_topic acks_1 "$source_brokers"
	words="what the leader alone had acknowledged died with it: at_least_once with acks=1 says so beforehand"
	((lost > 0)) || words="a follower had copied everything in time: luck, and no promise"
	row acks_1 "$source_brokers" '' "$words"
	row acks_all "$source_brokers" 'lost + altered + out_of_order == 0' \
	    "acknowledged means that the followers have it, too"
}

play_semantics() {
	start_three_nodes
	play_guarantees
	play_acks
	printf '\n  time: %d s\n' "$((SECONDS - began))"
	end_semantics
}

# The last word, and the exit code.
end_semantics() {
	((broken == 0)) || die "$broken promises were not kept; aloqd's log: $(keep_log)"
	echo "Every promise was kept. docs/guarantees.md says what each one is, and what it is not."
}
