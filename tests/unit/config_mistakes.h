/* config_mistakes.h: for test_config_errors.c: wrong configurations, and all that is said of each. */
#pragma once
#include "config_files.h"

struct mistake {
	const char *text;
	const char *findings;
};

static const struct mistake mistakes[] = {

	/* ---- the file as a whole ---- */
	{ "", "error main.conf: pipelines: there are none, so there is nothing to do; add one: pipelines = { "
	      "NAME = { from = { "
	      "... }; to = { ... }; }; };\n" },
	{ GOOD_CONFIG("", "", "enabled = false;"), "warning main.conf: pipelines: all are disabled, so "
	                                           "nothing will be relayed; set enabled = true\n" },
	{ "aloqd = {\n  memory = \"1GiB\"\n  http \"x\"\n};\n",
	    "error main.conf:3: syntax error; look for a missing \";\", \"=\", quote or bracket on this line "
	    "or the one before\n" },
	{ "aloqd = {\n  memory = \"1GiB\";\n  memory = \"2GiB\";\n};\n",
	    "error main.conf:3: duplicate setting name; a key of this name stands in the same group already; "
	    "remove one of the "
	    "two\n" },
	{ "\naloqd = { memory = \"1GiB;\n};\n",
	    "error main.conf:2: this text does not end; close it with \"\n" },
	{ "\n\n/* no end\n", "error main.conf:3: this comment does not end; close it with */\n" },
	{ "a = \"x\\x00y\";\n", "error main.conf:1: a text holds \\x00; libconfig would end it there\n" },
	{ "aloqds = { };\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:1: aloqds: unknown key; did you mean \"aloqd\"?\n" },
	{ "zebra = 1;\n" GOOD_CONFIG("", "", ""), "error main.conf:1: zebra: unknown key; the keys here are "
	                                          "aloqd, clusters, defaults, pipelines\n" },
	{ GOOD_CONFIG("", "", "acks = 1; records = 5;"),
	    "error main.conf:6: pipelines.orders.acks: does not belong here; move it to pipelines.NAME.to\n"
	    "error main.conf:6: pipelines.orders.records: does not belong here; move it to pipelines.NAME.commit or "
	    "pipelines.NAME.rate\n" },
	{ "aloqd = 1;\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:1: aloqd: has the wrong type; write { ... }\n" },

	/* ---- numbers ---- */
	{ "a = 4294967297;\n", "error main.conf:1: the number 4294967297 does not fit 32 bits and would be "
	                       "read as another one; write 4294967297L\n" },
	{ "a = -2147483649;\n", "error main.conf:1: the number -2147483649 does not fit 32 bits and would be "
	                        "read as another one; write -2147483649L\n" },
	{ "a = 0xFFFFFFFF;\n", "error main.conf:1: the number 0xFFFFFFFF does not fit 32 bits and would be "
	                       "read as another one; write 0xFFFFFFFFL\n" },
	{ "a = 9223372036854775808L;\n", "error main.conf:1: the number 9223372036854775808L does not fit 64 "
	                                 "bits; write a smaller one\n" },
	{ GOOD_CONFIG("", "", "commit = { records = 4294967297L; };"),
	    "error main.conf:6: pipelines.orders.commit.records: 4294967297 is out of range; use 1 to "
	    "1000000000\n" },
	{ GOOD_CONFIG("", "", "commit = { records = \"1000\"; };"),
	    "error main.conf:6: pipelines.orders.commit.records: has the wrong type; write a whole number "
	    "without quotes\n" },
	{ GOOD_CONFIG("", "", "commit = { records = 10.0; };"),
	    "error main.conf:6: pipelines.orders.commit.records: has the wrong type; write a whole number "
	    "without quotes\n" },

	/* ---- aloqd ---- */
	{ "aloqd = { memory = 268435456; };\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:1: aloqd.memory: has the wrong type; write a text with a unit, for example "
	    "\"256MiB\"\n" },
	{ "aloqd = { memory = \"99999999999999999999GiB\"; };\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:1: aloqd.memory: \"99999999999999999999GiB\" is out of range; use \"32MiB\" to "
	    "\"1TiB\"\n" },
	{ "aloqd = { drain_timeout = \"30\"; };\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:1: aloqd.drain_timeout: \"30\" is not a duration; write a whole number with ms, "
	    "s, m, h or d, for "
	    "example \"250ms\"\n" },
	{ "aloqd = { drain_timeout = \"2h\"; };\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:1: aloqd.drain_timeout: \"2h\" is out of range; use \"0\" to \"1h\"\n" },
	{ "aloqd = { http = \"localhost:9797\"; };\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:1: aloqd.http: \"localhost:9797\" is not a listener; write a numeric address "
	    "and a port, for example "
	    "\"127.0.0.1:9797\" or \"[::1]:9797\", or \"off\"\n" },
	{ "aloqd = { http = \"127.0.0.1:65536\"; };\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:1: aloqd.http: \"127.0.0.1:65536\" is not a listener; write a numeric address "
	    "and a port, for "
	    "example \"127.0.0.1:9797\" or \"[::1]:9797\", or \"off\"\n" },
	{ "aloqd = { control = \"\"; };\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:1: aloqd.control: is empty; give its value or leave the key out\n" },
	{ "aloqd = { instance = \"a b\"; };\n" GOOD_CONFIG("", "", ""),
	    "error main.conf:1: aloqd.instance: \"a b\" holds a character that is not allowed; use letters, "
	    "digits, \".\", \"_\" "
	    "and \"-\"\n" },

	/* ---- clusters ---- */
	{ "clusters = { main = 1; };\npipelines = { };\n",
	    "error main.conf: pipelines: there are none, so there is nothing to do; add one: pipelines = { "
	    "NAME = { from = { ... "
	    "}; to = { ... }; }; };\n"
	    "error main.conf:1: clusters.main: has the wrong type; write { KEY = VALUE; ... }\n" },
	{ "clusters = { main = { brokers = \"a:9092, b:9092\"; }; };\n" GOOD_PIPELINE("", "", ""),
	    "error main.conf:1: clusters.main.brokers: \" b:9092\" is not a broker; write \"host:port\", "
	    "several with commas and "
	    "no blanks between them\n" },
	{ "clusters = { main = { brokers = \"a:0\"; }; };\n" GOOD_PIPELINE("", "", ""),
	    "error main.conf:1: clusters.main.brokers: \"a:0\" is not a broker; write \"host:port\", several "
	    "with commas and no "
	    "blanks between them\n" },
	{ "clusters = { main = { brokers = \"\"; }; };\n" GOOD_PIPELINE("", "", ""),
	    "error main.conf:1: clusters.main.brokers: \"\" is not a broker; write \"host:port\", several "
	    "with commas and no "
	    "blanks between them\n" },
	{ "clusters = { main = { brokers = \"a\"; tls = true; sasl = { mechanism = 1; }; }; };\n" GOOD_PIPELINE(
	      "", "", ""),
	    "error main.conf:1: clusters.main.tls: has the wrong type; write { KEY = VALUE; ... }\n"
	    "error main.conf:1: clusters.main.sasl.mechanism: has the wrong type; write a text in double quotes\n" },
	{ "clusters = { main = { brokers = \"a\"; }; ma*n = { brokers = \"a\"; }; };\n" GOOD_PIPELINE(
	      "", "", ""),
	    "error main.conf:1: clusters.ma*n: a name may not hold \"*\"; use letters, digits, \"_\" and "
	    "\"-\"\n" },
	{ "clusters = { main = { brokers = \"a\"; properties = [ \"plugin.library.paths=/tmp/x.so\",\n"
	  "\"ACKS=0\", \"ssl.engine.location=/x\", \"topic.acks=1\" ]; }; };\n" GOOD_PIPELINE("", "", ""),
	    "error main.conf:1: clusters.main.properties: \"plugin.library.paths\" is refused, because it "
	    "runs or loads code, which "
	    "a configuration file of a daemon must not do; remove it\n"
	    "error main.conf:1: clusters.main.properties: \"ACKS\" is refused, because a record is safe once "
	    "all in-sync replicas "
	    "have it: to.acks; remove it\n"
	    "error main.conf:1: clusters.main.properties: \"ssl.engine.location\" is refused, because it "
	    "runs or loads code, which a "
	    "configuration file of a daemon must not do; remove it\n"
	    "error main.conf:1: clusters.main.properties: \"topic.acks\" is refused, because a record is "
	    "safe once all in-sync "
	    "replicas have it: to.acks; remove it\n" },

	/* ---- from ---- */
	{ GOOD_CONFIG("cluster = \"main\";", "", ""),
	    "error main.conf:4: duplicate setting name; a key of this name stands in the same group already; "
	    "remove one of the "
	    "two\n" },
	{ GOOD_CONFIG("topcs = [ ];", "", ""),
	    "error main.conf:4: pipelines.orders.from.topcs: unknown key; did you mean \"topics\"?\n" },
	{ GOOD_CONFIG("isolation = \"dirty\";", "", ""),
	    "error main.conf:4: pipelines.orders.from.isolation: \"dirty\" is not a choice here; use "
	    "\"read_committed\" or "
	    "\"read_uncommitted\"\n" },
	{ GOOD_CONFIG("start = \"middle\";", "", ""),
	    "error main.conf:4: pipelines.orders.from.start: \"middle\" is not a choice here; use "
	    "\"earliest\", \"latest\", "
	    "\"none\" or \"timestamp:TIME\"\n" },
	{ GOOD_CONFIG("start = \"timestamp:2026-02-30T00:00:00Z\";", "", ""),
	    "error main.conf:4: pipelines.orders.from.start: \"timestamp:2026-02-30T00:00:00Z\" is not a "
	    "point in time; write "
	    "\"timestamp:2026-01-31T00:00:00Z\" or milliseconds since 1970\n" },
	{ GOOD_CONFIG("start = \"timestamp:yesterday\";", "", ""),
	    "error main.conf:4: pipelines.orders.from.start: \"timestamp:yesterday\" is not a point in time; "
	    "write "
	    "\"timestamp:2026-01-31T00:00:00Z\" or milliseconds since 1970\n" },
	{ GOOD_CONFIG("on_gap = \"ignore\";", "", ""),
	    "error main.conf:4: pipelines.orders.from.on_gap: \"ignore\" is not a choice here; use "
	    "\"block\", \"earliest\" or "
	    "\"latest\"\n" },
	{ GOOD_CONFIG("group = \"a\\nb\";", "", ""), "error main.conf:4: pipelines.orders.from.group: holds "
	                                             "a control character; write printable text\n" },
	{ GOOD_CONFIG("properties = \"a=b\";", "", ""),
	    "error main.conf:4: pipelines.orders.from.properties: is not a list of texts; write [ "
	    "\"name=value\", ... ]\n" },
	{ GOOD_CONFIG("properties = [ \"client.rack\" ];", "", ""),
	    "error main.conf:4: pipelines.orders.from.properties: \"client.rack\" is not a property; write "
	    "\"name=value\", the name "
	    "in letters, digits, \".\", \"_\" and \"-\"\n" },
	{ GOOD_CONFIG("properties = [ \"client.rack=a\", \"client.rack=b\" ];", "", ""),
	    "error main.conf:4: pipelines.orders.from.properties: \"client.rack\" is set twice; remove one "
	    "of the two\n" },
	{ GOOD_CONFIG("properties = [ \"one\", \"enable.auto.commit=true\", \"two\", \"fetch.min.bytes=1\" ];", "",
	      ""),
	    "error main.conf:4: pipelines.orders.from.properties: \"one\" is not a property; write "
	    "\"name=value\", the name in letters, digits, \".\", \"_\" and \"-\"\n"
	    "error main.conf:4: pipelines.orders.from.properties: \"two\" is not a property; write "
	    "\"name=value\", the name in letters, digits, \".\", \"_\" and \"-\"\n"
	    "error main.conf:4: pipelines.orders.from.properties: \"enable.auto.commit\" is refused, because "
	    "an offset may be committed only once its record is safe, which only the relay knows; remove "
	    "it\n" },
	{ GOOD_CONFIG("properties = [ \"enable.auto.commit=true\" ];", "", ""),
	    "error main.conf:4: pipelines.orders.from.properties: \"enable.auto.commit\" is refused, because "
	    "an offset may be "
	    "committed only once its record is safe, which only the relay knows; remove it\n" },
	{ GOOD_CONFIG("properties = [ \"group.id=x\" ];", "", ""),
	    "error main.conf:4: pipelines.orders.from.properties: \"group.id\" is refused, because it has "
	    "its own key: from.group; "
	    "remove it\n" },
	{ GOOD_CLUSTERS "pipelines = { p = { from = { cluster = \"mian\"; topics = [ \"a\" ]; }; to = { "
	                "topic = \"b\"; }; }; };\n",
	    "error main.conf:2: pipelines.p.from.cluster: \"mian\" is not a cluster; known: \"main\"\n" },
	{ "pipelines = { p = { from = { cluster = \"main\"; topics = [ \"a\" ]; }; to = { topic = \"b\"; }; "
	  "}; };\n",
	    "error main.conf:1: pipelines.p.from.cluster: \"main\" is not a cluster: there are none; add one "
	    "under clusters\n" },
	{ GOOD_CLUSTERS "pipelines = { p = { from = { cluster = \"main\"; }; to = { }; }; };\n",
	    "error main.conf:2: pipelines.p.from.topics: is missing; add it (source topics: names, and "
	    "regular expressions that begin with ^)\n"
	    "error main.conf:2: pipelines.p.to.topic: is missing; add it (target topic; {topic} stands for "
	    "the source's name)\n" },
	{ GOOD_CLUSTERS "pipelines = { p = { from = { cluster = \"main\"; topics = [ \"a b\", \"^c.*\", "
	                "\"d\", \"d\", \"..\", \"\" ];"
			" }; to = { topic = \"x\"; }; }; };\n",
	    "error main.conf:2: pipelines.p.from.topics: \"a b\" is no name of a topic; use up to 249 "
	    "letters, digits, \".\", \"_\" "
	    "and \"-\"\n"
	    "error main.conf:2: pipelines.p.from.topics: \"d\" is listed twice; remove one of the two\n"
	    "error main.conf:2: pipelines.p.from.topics: \"..\" is no name of a topic; use up to 249 "
	    "letters, digits, \".\", \"_\" "
	    "and \"-\"\n"
	    "error main.conf:2: pipelines.p.from.topics: \"\" is no name of a topic; use up to 249 letters, "
	    "digits, \".\", \"_\" "
	    "and \"-\"\n" },
	{ GOOD_CLUSTERS "pipelines = { p = { from = { cluster = \"main\"; topics = [ 1, 2 ]; }; to = { topic "
	                "= \"x\"; }; }; };\n",
	    "error main.conf:2: pipelines.p.from.topics: is not a list of texts; write [ \"TOPIC\", ... "
	    "]\n" },

	/* ---- to ---- */
	{ GOOD_CONFIG("", "acks = 2;", ""), "error main.conf:5: pipelines.orders.to.acks: \"2\" is not a "
	                                    "choice here; use \"all\", \"-1\", \"1\" or \"0\"\n" },
	{ GOOD_CONFIG("", "acks = 0;", ""),
	    "error main.conf:5: pipelines.orders.to.acks: delivery at_least_once contradicts acks = 0: "
	    "nothing says then that a "
	    "record was written; use acks = \"all\", or delivery = \"at_most_once\"\n" },
	{ GOOD_CONFIG("", "acks = 1;", ""),
	    "warning main.conf:5: pipelines.orders.to.acks: acks = 1 can lose records: those that the leader "
	    "acknowledged are gone "
	    "when it dies, or another broker leads, before a follower has copied them; use acks = \"all\" for a promise that holds\n" },
	{ GOOD_CONFIG("", "compression = \"brotli\";", ""),
	    "error main.conf:5: pipelines.orders.to.compression: \"brotli\" is not a choice here; use "
	    "\"none\", \"gzip\", "
	    "\"snappy\", \"lz4\" or \"zstd\"\n" },
	{ GOOD_CONFIG("", "partition = \"random\";", ""),
	    "error main.conf:5: pipelines.orders.to.partition: \"random\" is not a choice here; use \"same\" "
	    "or \"key\"\n" },
	{ GOOD_CONFIG("", "partition = { fixed = -1; };", ""),
	    "error main.conf:5: pipelines.orders.to.partition: fixed = -1 is out of range; use 0 to "
	    "2147483647\n" },
	{ GOOD_CONFIG("", "partition = { fixd = 1; };", ""),
	    "error main.conf:5: pipelines.orders.to.partition: is not a partition; use \"same\", \"key\" or "
	    "{ fixed = NUMBER; }\n" },
	{ GOOD_CONFIG("", "linger = \"1\";", ""),
	    "error main.conf:5: pipelines.orders.to.linger: \"1\" is not a duration; write a whole number "
	    "with us, ms, s, m, h or "
	    "d, for example \"250ms\"\n" },
	{ GOOD_CONFIG("", "linger = \"16m\";", ""), "error main.conf:5: pipelines.orders.to.linger: \"16m\" "
	                                            "is out of range; use \"0\" to \"15m\"\n" },
	{ GOOD_CONFIG(
	      "", "create = { partitions = 2; replication_factor = 0; }; partition = { fixed = 2; };", ""),
	    "error main.conf:5: pipelines.orders.to.create.replication_factor: 0 is out of range; use 1 or "
	    "more, or -1 for the "
	    "broker's default\n"
	    "error main.conf:5: pipelines.orders.to.create.partitions: 2 partitions do not hold the fixed "
	    "partition 2; use at "
	    "least 3\n" },
	{ GOOD_CONFIG("", "create = true;", ""), "error main.conf:5: pipelines.orders.to.create: has the "
	                                         "wrong type; write { KEY = VALUE; ... }\n" },
	{ GOOD_CONFIG(
	      "", "properties = [ \"linger.ms=5\", \"delivery.timeout.ms=1\", \"partitioner=random\" ];", ""),
	    "error main.conf:5: pipelines.orders.to.properties: \"linger.ms\" is refused, because it has its "
	    "own key: to.linger; "
	    "remove it\n"
	    "error main.conf:5: pipelines.orders.to.properties: \"delivery.timeout.ms\" is refused, because "
	    "a record must never "
	    "time out: it waits until the target has it; remove it\n"
	    "error main.conf:5: pipelines.orders.to.properties: \"partitioner\" is refused, because it has "
	    "its own key: "
	    "to.partition; remove it\n" },
	{ GOOD_CLUSTERS "pipelines = { p = { from = { cluster = \"main\"; topics = [ \"a\" ]; }; to = { "
	                "topic = \"x-{topik}\"; }; "
			"}; };\n",
	    "error main.conf:2: pipelines.p.to.topic: makes \"x-{topik}\" of the source \"a\", which is no "
	    "name of a topic; use up "
	    "to 249 letters, digits, \".\", \"_\" and \"-\", and {topic} for the source's name\n" },
	{ GOOD_CLUSTERS
	    "pipelines = { p = { from = { cluster = \"main\"; topics = [ \"a\" ]; }; to = { topic = "
	    "\"__consumer_offsets\"; }; }; };\n",
	    "error main.conf:2: pipelines.p.to.topic: \"__consumer_offsets\" is Kafka's own; use another "
	    "target\n" },
	{ GOOD_CLUSTERS
	    "pipelines = { p = { from = { cluster = \"main\"; topics = [ \"__consumer_offsets\" ]; }; to = { topic = "
	    "\"a\"; }; }; };\n",
	    "error main.conf:2: pipelines.p.from.topics: \"__consumer_offsets\" is Kafka's own, and each commit of "
	    "aloqd would add to it; remove it\n" },

	/* ---- the pipeline ---- */
	{ GOOD_CONFIG("", "", "delivery = \"exactly_once\"; commit = { interval = \"10s\"; };"),
	    "error main.conf:6: pipelines.orders.commit.interval: a transaction of exactly_once would be open for "
	    "10001 ms (commit.interval and to.linger together), and the brokers abort it after 15000; use 10000 "
	    "together at most\n" },
	{ GOOD_CONFIG("", "linger = \"30s\";", "delivery = \"exactly_once\";"),
	    "error main.conf:5: pipelines.orders.to.linger: a transaction of exactly_once would be open for "
	    "30100 ms (commit.interval and to.linger together), and the brokers abort it after 15000; use 10000 "
	    "together at most\n" },
	{ GOOD_CONFIG("", "", "commit = { interval = \"1h\"; };"), "" },
	{ GOOD_CONFIG("", "", "delivery = \"at_most_once\"; commit = { mode = \"sync\"; };"),
	    "error main.conf:6: pipelines.orders.commit.mode: \"sync\" is for delivery at_least_once alone: "
	    "at_most_once commits in "
	    "its own order; remove it\n" },
	{ GOOD_CONFIG("", "acks = 1;", "delivery = \"exactly_once\";"),
	    "error main.conf:5: pipelines.orders.to.acks: delivery exactly_once contradicts acks = 0 or 1: "
	    "Kafka's transactions "
	    "need all in-sync replicas; use acks = \"all\"\n" },
	{ GOOD_CONFIG("isolation = \"read_uncommitted\";", "", "delivery = \"exactly_once\";"),
	    "error main.conf:4: pipelines.orders.from.isolation: delivery exactly_once contradicts isolation "
	    "read_uncommitted: "
	    "records of aborted transactions would be relayed; use isolation = \"read_committed\"\n" },
	{ "clusters = { main = { brokers = \"a:1\"; }; other = { brokers = \"b:1\"; }; };\n" GOOD_PIPELINE(
	      "", "cluster = \"other\";", "delivery = \"exactly_once\";"),
	    "error main.conf:5: pipelines.orders.to.cluster: delivery exactly_once cannot go from \"main\" to "
	    "\"other\": a transaction of Kafka is within one cluster; use delivery = \"at_least_once\", or a "
	    "target in \"main\"\n" },
	{ GOOD_CONFIG("", "", "delivery = \"exactly-once\";"),
	    "error main.conf:6: pipelines.orders.delivery: \"exactly-once\" is not a choice here; use "
	    "\"at_least_once\", "
	    "\"at_most_once\" or \"exactly_once\"\n" },
	{ GOOD_CONFIG("", "", "on_error = \"skip\"; dead_letter = \"x\";"),
	    "error main.conf:6: pipelines.orders.dead_letter: is of no use with on_error = \"skip\"; set "
	    "on_error = \"dead_letter\", or remove it\n" },
	{ GOOD_CONFIG("", "", "on_error = \"dead_letter\";"),
	    "error main.conf:6: pipelines.orders.on_error: \"dead_letter\" needs a topic for what is refused; "
	    "add dead_letter = \"TOPIC\"\n" },
	{ GOOD_CONFIG("", "", "on_error = \"dead_letter\"; dead_letter = \"{topic}-dead\";"),
	    "error main.conf:6: pipelines.orders.dead_letter: \"{topic}-dead\" is no name of a topic; use up "
	    "to 249 letters, digits, \".\", \"_\" and \"-\"\n" },
	{ GOOD_CONFIG("", "", "on_error = \"dead_letter\"; dead_letter = \"__transaction_state\";"),
	    "error main.conf:6: pipelines.orders.dead_letter: \"__transaction_state\" is Kafka's own; use "
	    "another topic\n" },
	{ GOOD_CONFIG("", "", "on_error = \"dead_letter\"; dead_letter = \"relayed\";"),
	    "error main.conf:6: pipelines.orders.dead_letter: \"relayed\" is the target too: what was refused "
	    "would look like what was relayed; use another topic\n" },
	/* What a regular expression matches has a target each; GOOD_CONFIG has a source and a target already. */
	{ GOOD_CLUSTERS "pipelines = { orders = {\n"
			"  from = { cluster = \"main\"; topics = [ \"^o[a-z]+\" ]; };\n"
			"  to = { topic = \"all.{topic}.{topic}\"; };\n"
			"  on_error = \"dead_letter\"; dead_letter = \"all.ox.ox\"; }; };\n",
	    "error main.conf:5: pipelines.orders.dead_letter: \"all.ox.ox\" is the target too: what was refused "
	    "would look like what was relayed; use another topic\n" },
	{ GOOD_CLUSTERS "pipelines = { orders = {\n"
			"  from = { cluster = \"main\"; topics = [ \"^o[a-z]+\" ]; };\n"
			"  to = { topic = \"all.{topic}.{topic}\"; };\n"
			"  on_error = \"dead_letter\"; dead_letter = \"all.ox.ax\"; }; };\n",
	    "" },
	{ GOOD_CONFIG("", "", "on_error = \"dead_letter\"; dead_letter = \"orders\";"),
	    "error main.conf:6: pipelines.orders.dead_letter: \"orders\" is a source of this pipeline too: its "
	    "records would go round for ever; use another topic for dead letters\n" },
	{ GOOD_CONFIG("", "", "members = 3; rate = { records = 2; };"),
	    "error main.conf:6: pipelines.orders.rate.records: 2 cannot be shared by 3 members; use at least 3, or "
	    "fewer members\n" },
	{ GOOD_CONFIG("", "", "members = 3; rate = { bytes = \"2\"; };"),
	    "error main.conf:6: pipelines.orders.rate.bytes: 2 cannot be shared by 3 members; use at least 3, or "
	    "fewer members\n" },
	{ GOOD_CONFIG("", "", "members = 65;"),
	    "error main.conf:6: pipelines.orders.members: 65 is out of range; use 1 to 64\n" },
	{ GOOD_CONFIG("", "", "members = 0;"),
	    "error main.conf:6: pipelines.orders.members: 0 is out of range; use 1 to 64\n" },
	{ GOOD_CONFIG("", "", "rate = { records = -1; bytes = 1000; record = 5; };"),
	    "error main.conf:6: pipelines.orders.rate.record: unknown key; did you mean \"records\"?\n"
	    "error main.conf:6: pipelines.orders.rate.records: -1 is out of range; use 0 to 1000000000\n"
	    "error main.conf:6: pipelines.orders.rate.bytes: has the wrong type; write a text with a unit, "
	    "for example \"256MiB\"\n" },
	{ GOOD_CONFIG("", "", "rate = \"1MiB\";"),
	    "error main.conf:6: pipelines.orders.rate: has the wrong type; write { KEY = VALUE; ... }\n" },
	{ GOOD_CONFIG("", "", "enabled = \"yes\";"),
	    "error main.conf:6: pipelines.orders.enabled: has the wrong type; write true or false\n" },
	{ GOOD_CONFIG("", "", "commit = { mode = \"auto\"; interval = \"0\"; };"),
	    "error main.conf:6: pipelines.orders.commit.mode: \"auto\" is not a choice here; use \"async\" "
	    "or \"sync\"\n"
	    "error main.conf:6: pipelines.orders.commit.interval: \"0\" is out of range; use \"1ms\" to "
	    "\"1h\"\n" },
	{ GOOD_CONFIG("", "", "revoke_timeout = \"5m\";"),
	    "error main.conf:6: pipelines.orders.revoke_timeout: 300000 ms is not below max.poll.interval.ms less "
	    "heartbeat.interval.ms (300000 - 3000), after which the group may take the partitions away; use less\n" },
	{ GOOD_CONFIG("properties = [ \"max.poll.interval.ms=9000\" ];", "", ""),
	    "error main.conf:3: pipelines.orders.revoke_timeout: 10000 ms is not below max.poll.interval.ms less "
	    "heartbeat.interval.ms (9000 - 3000), after which the group may take the partitions away; use less\n" },
	{ GOOD_CONFIG("properties = [ \"max.poll.interval.ms=10500\", \"heartbeat.interval.ms=500\" ];", "", ""),
	    "error main.conf:3: pipelines.orders.revoke_timeout: 10000 ms is not below max.poll.interval.ms less "
	    "heartbeat.interval.ms (10500 - 500), after which the group may take the partitions away; use less\n" },
	{ GOOD_CLUSTERS "pipelines = { p = 1; };\n",
	    "error main.conf:2: pipelines.p: has the wrong type; write { KEY = VALUE; ... }\n" },

	/* ---- several pipelines ---- */
	{ GOOD_CLUSTERS "pipelines = {\n"
			"  a = { from = { cluster = \"main\"; topics = [ \"a\" ]; group = \"g\"; }; to = { "
	                "topic = \"x\"; }; };\n"
			"  b = { from = { cluster = \"main\"; topics = [ \"b\" ];\n    group = \"g\"; }; to "
	                "= { topic = \"x\"; }; };\n"
			"};\n",
	    "error main.conf:5: pipelines.b.from.group: the group \"g\" is that of pipeline \"a\" "
	    "(main.conf:3) too: they would "
	    "take each other's partitions and offsets; give each its own\n" },
	{ "clusters = { m = { brokers = \"a:1\"; }; n = { brokers = \"a:1\"; }; };\npipelines = {\n"
	  "  a = { from = { cluster = \"m\"; topics = [ \"a\" ]; group = \"g\"; }; to = { topic = \"x\"; }; "
	  "};\n"
	  "  b = { from = { cluster = \"n\"; topics = [ \"b\" ]; group = \"g\"; }; to = { topic = \"x\"; }; "
	  "};\n"
	  "};\n",
	    "error main.conf:4: pipelines.b.from.group: the group \"g\" is that of pipeline \"a\" "
	    "(main.conf:3) too: they would "
	    "take each other's partitions and offsets; give each its own\n" },
	{ GOOD_CLUSTERS "pipelines = {\n"
			"  a = { from = { cluster = \"main\"; topics = [ \"x\", \"a\" ]; }; to = { topic = "
	                "\"{topic}\"; }; };\n"
			"};\n",
	    "error main.conf:3: pipelines.a.to.topic: \"a\" is a source of this pipeline too: its records "
	    "would go round for ever; "
	    "use another target\n"
	    "error main.conf:3: pipelines.a.to.topic: \"x\" is a source of this pipeline too: its records "
	    "would go round for ever; "
	    "use another target\n" },
	{ "clusters = { m = { brokers = \"a:1\"; }; n = { brokers = \"a:1\"; }; };\npipelines = {\n"
	  "  a = { from = { cluster = \"m\"; topics = [ \"a\" ]; }; to = { cluster = \"n\"; topic = \"b\"; "
	  "}; };\n"
	  "  b = { from = { cluster = \"n\"; topics = [ \"b\" ]; }; to = { topic = \"c\"; }; };\n"
	  "  c = { from = { cluster = \"m\"; topics = [ \"c\", \"d\" ]; }; to = { topic = \"a\"; }; };\n"
	  "};\n",
	    "error main.conf:5: pipelines.c.to.topic: closes a loop in which records would go round for "
	    "ever: a -> b (a), b -> c "
	    "(b), c -> a (c); use another target\n" },
	{ GOOD_CLUSTERS "pipelines = {\n"
			"  a = { from = { cluster = \"main\"; topics = [ \"a\" ]; }; to = { topic = \"b\"; };\n"
			"    on_error = \"dead_letter\"; dead_letter = \"dead\"; };\n"
			"  again = { from = { cluster = \"main\"; topics = [ \"dead\" ]; }; to = { topic = "
			"\"a\"; }; };\n"
			"};\n",
	    "error main.conf:5: pipelines.again.to.topic: closes a loop in which records would go round for "
	    "ever: a -> dead (a), dead -> a (again); use another target\n" },
	/* Topics by regular expression. */
	{ GOOD_CLUSTERS "pipelines = { p = { from = { cluster = \"main\"; topics = [ \"^a(b\", \"^a)(b\", \"^\", "
			"\"^(a)\\\\1\", \"^(a{99}){99}\", \"^a\\n\" ]; }; to = { topic = \"x\"; }; }; };\n",
	    "error main.conf:2: pipelines.p.from.topics: \"^a(b\" is no regular expression (POSIX extended): "
	    "Unmatched ( or \\(; correct it\n"
	    "error main.conf:2: pipelines.p.from.topics: \"^a)(b\" has a \")\" without its \"(\"; add or "
	    "remove one\n"
	    "error main.conf:2: pipelines.p.from.topics: \"^\" matches no name; write ^.* for all topics\n"
	    "error main.conf:2: pipelines.p.from.topics: \"^(a)\\1\" refers back to a group, which can take for ever "
	    "to match; write it without\n"
	    "error main.conf:2: pipelines.p.from.topics: \"^(a{99}){99}\" repeats too much, which takes too much "
	    "memory; use + or * in place of large numbers\n"
	    "error main.conf:2: pipelines.p.from.topics: \"^a\\n\" holds characters that no topic has; remove them\n" },
	{ GOOD_CLUSTERS "pipelines = { p = { from = { cluster = \"main\"; topics = [ \"^orders-.*\" ]; }; "
			"to = { topic = \"{topic}-relayed\"; }; }; };\n",
	    "error main.conf:2: pipelines.p.to.topic: the source \"^orders-.*\" of this pipeline matches its own target: "
	    "records would go round for ever, as with orders-x -> orders-x-relayed (p); use another target, or a "
	    "narrower source\n" },
	{ GOOD_CLUSTERS "pipelines = { p = { from = { cluster = \"main\"; topics = [ \"^.*\" ]; }; "
			"to = { topic = \"all\"; }; }; };\n",
	    "error main.conf:2: pipelines.p.to.topic: the source \"^.*\" of this pipeline matches its own target: "
	    "records would go round for ever, as with x -> all (p); use another target, or a narrower source\n" },
	{ GOOD_CLUSTERS "pipelines = {\n"
			"  a = { from = { cluster = \"main\"; topics = [ \"^a[0-9]+\" ]; }; to = { topic = \"b.{topic}\"; }; };\n"
			"  b = { from = { cluster = \"main\"; topics = [ \"^b[.].*\" ]; }; to = { topic = \"a7\"; }; };\n"
			"};\n",
	    "error main.conf:4: pipelines.b.to.topic: closes a loop in which records would go round for ever: "
	    "a0 -> b.a0 (a), b.a0 -> a7 (b); use another target\n" },
	{ GOOD_CLUSTERS "pipelines = {\n"
			"  a = { from = { cluster = \"main\"; topics = [ \"in\" ]; }; to = { topic = \"out\"; };\n"
			"    on_error = \"dead_letter\"; dead_letter = \"in-dead\"; };\n"
			"  b = { from = { cluster = \"main\"; topics = [ \"^in-.*\" ]; }; to = { topic = \"in\"; }; };\n"
			"};\n",
	    "error main.conf:5: pipelines.b.to.topic: closes a loop in which records would go round for ever: "
	    "in -> in-dead (a), in-dead -> in (b); use another target\n" },
};
