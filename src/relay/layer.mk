# src/relay: the engine needs no Kafka and no thread, so that the simulation links it alone.
noinst_LIBRARIES += libengine.a
libengine_a_SOURCES = \
	src/relay/engine.c src/relay/engine.h src/relay/engine_internal.h \
	src/relay/engine_commit.c \
	src/relay/engine_events.c \
	src/relay/engine_parts.c \
	src/relay/engine_recovery.c \
	src/relay/engine_refusal.c \
	src/relay/engine_unblock.c \
	src/relay/engine_views.c \
	src/relay/strategy_at_least_once.c \
	src/relay/strategy_at_most_once.c \
	src/relay/strategy_exactly_once.c

librelay_a_SOURCES = \
	src/relay/pipeline.c src/relay/pipeline.h \
	src/relay/pipeline_calls.c \
	src/relay/pipeline_clients.c \
	src/relay/pipeline_internal.h \
	src/relay/pipeline_losses.c \
	src/relay/pipeline_orders.c \
	src/relay/pipeline_partitions.c \
	src/relay/pipeline_snapshot.c \
	src/relay/pipeline_topics.c
