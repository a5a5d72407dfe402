# bench: the yardstick and the load for bench/run, which builds them. Not built by `make`, not installed.
EXTRA_PROGRAMS = bench/floor bench/fill bench/latency
CLEANFILES += $(EXTRA_PROGRAMS)
EXTRA_DIST += bench/measure.py bench/run docs/performance.md

bench_floor_SOURCES = bench/floor.c
bench_floor_LDADD = $(RDKAFKA_LIBS)

bench_fill_SOURCES = bench/fill.c bench/client.c bench/client.h
bench_fill_LDADD = $(RDKAFKA_LIBS)

bench_latency_SOURCES = bench/latency.c bench/client.c bench/client.h
bench_latency_LDADD = $(RDKAFKA_LIBS)
