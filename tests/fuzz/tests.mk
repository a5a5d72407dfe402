# tests/fuzz: what reads a configuration, fed with anything. With libFuzzer (configure --with-sanitizers=...,
# fuzzer-no-link) it drives the targets, else tests/fuzz/loop.c does, for some seconds in `make check`.
config_generator = tests/fuzz/config_generator.c tests/fuzz/config_generator.h tests/sim/random.h
fuzz_sources = tests/fuzz/mutate.c tests/fuzz/mutate.h tests/fuzz/target.h tests/sim/random.h
fuzz_libs = libconf.a libcore.a libbase.a $(LIBCONFIG_LIBS) $(SYSTEMD_LIBS)
fuzz_programs = tests/fuzz/fuzz_config tests/fuzz/fuzz_values
check_PROGRAMS += $(fuzz_programs)
if LIBFUZZER
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
fuzz_sources += tests/fuzz/loop.c
fuzz_ldflags = $(AM_LDFLAGS)
TESTS += $(fuzz_programs)
endif

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(fuzz_sources) $(config_generator) $(config_tests_files)
tests_fuzz_fuzz_config_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests -I$(srcdir)/tests/unit \
	-DFUZZ_CORPUS=\"$(srcdir)/tests/fuzz/corpus/config\"
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_config_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_values_SOURCES = tests/fuzz/fuzz_values.c $(fuzz_sources)
tests_fuzz_fuzz_values_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests \
	-DFUZZ_CORPUS=\"$(srcdir)/tests/fuzz/corpus/values\"
tests_fuzz_fuzz_values_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_values_LDADD = $(fuzz_libs)

# For as long as one likes: make check-fuzz FUZZ_SECONDS=600
FUZZ_SECONDS = 60
.PHONY: check-fuzz
check-fuzz: $(fuzz_programs)
	for program in $(fuzz_programs); do ./$$program --seconds $(FUZZ_SECONDS) || exit; done

EXTRA_DIST += tests/fuzz/loop.c tests/fuzz/corpus
