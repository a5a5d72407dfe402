# src/sandbox: aloq-sandbox, what the demo and quick tests need in place of a Kafka.
bin_PROGRAMS += aloq-sandbox
dist_man_MANS += man/aloq-sandbox.1

noinst_LIBRARIES += libsandbox.a
libsandbox_a_SOURCES = \
	src/sandbox/audit.c src/sandbox/audit.h \
	src/sandbox/id_set.c src/sandbox/id_set.h

aloq_sandbox_SOURCES = \
	src/sandbox/arguments.c src/sandbox/arguments.h \
	src/sandbox/check.c \
	src/sandbox/cluster.c \
	src/sandbox/commands.h \
	src/sandbox/main.c \
	src/sandbox/orders.c \
	src/sandbox/track.c
aloq_sandbox_LDADD = libsandbox.a libctl.a libkafka.a libconf.a libcore.a libbase.a \
	$(RDKAFKA_LIBS) $(LIBCONFIG_LIBS) $(YAJL_LIBS) $(SYSTEMD_LIBS)
