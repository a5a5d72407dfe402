# src/config
libconf_a_SOURCES = \
	src/config/check_cluster.c src/config/check_pipeline.c src/config/check_properties.c \
	src/config/check_topology.c \
	src/config/loops.c src/config/loops.h \
	src/config/config.c src/config/config.h \
	src/config/default_values.c src/config/default_values.h \
	src/config/diff.c src/config/diff.h \
	src/config/dump.c src/config/dump.h \
	src/config/findings.c src/config/findings.h \
	src/config/keys.c src/config/keys.h \
	src/config/load.c src/config/load.h \
	src/config/parse.c \
	src/config/property_list.c src/config/property_list.h \
	src/config/redact.c src/config/redact.h \
	src/config/secret.c src/config/secret.h \
	src/config/source_text.c src/config/source_text.h \
	src/config/timestamp.c src/config/timestamp.h \
	src/config/value_text.c src/config/value_text.h \
	src/config/values.c src/config/values.h
