# bench: the yardstick and the load for bench/run. Not built by `make` and not installed.
BENCH_PROGRAMS = bench/floor bench/fill bench/latency
EXTRA_PROGRAMS = $(BENCH_PROGRAMS)
CLEANFILES += $(BENCH_PROGRAMS)
EXTRA_DIST += bench/run

bench_floor_SOURCES = bench/floor.c
bench_floor_LDADD = $(RDKAFKA_LIBS)

bench_fill_SOURCES = bench/fill.c bench/client.c bench/client.h
bench_fill_LDADD = $(RDKAFKA_LIBS)

bench_latency_SOURCES = bench/latency.c bench/client.c bench/client.h
bench_latency_LDADD = $(RDKAFKA_LIBS)
