# src/ctl: aloqctl.
bin_PROGRAMS += aloqctl

noinst_LIBRARIES += libctl.a
libctl_a_SOURCES = \
	src/ctl/answer.c src/ctl/answer.h \
	src/ctl/call.c src/ctl/command.h \
	src/ctl/command_consume.c \
	src/ctl/command_explain.c \
	src/ctl/command_help.c \
	src/ctl/command_log_level.c \
	src/ctl/command_offsets.c \
	src/ctl/command_pause.c \
	src/ctl/command_produce.c \
	src/ctl/command_reload.c \
	src/ctl/command_start.c \
	src/ctl/command_status.c \
	src/ctl/command_unblock.c \
	src/ctl/command_verify.c \
	src/ctl/command_wait.c \
	src/ctl/commands.c src/ctl/commands.h \
	src/ctl/comparison.c src/ctl/comparison.h src/ctl/comparison_internal.h \
	src/ctl/comparison_match.c src/ctl/comparison_order.c \
	src/ctl/connection.c src/ctl/connection.h \
	src/ctl/content_hash.c src/ctl/content_hash.h \
	src/ctl/control_client.c src/ctl/control_client.h \
	src/ctl/help.c src/ctl/help.h \
	src/ctl/entry_sorter.c src/ctl/entry_sorter.h \
	src/ctl/json_text.c src/ctl/json_text.h \
	src/ctl/json_tree.c src/ctl/json_tree.h \
	src/ctl/line_reader.c src/ctl/line_reader.h \
	src/ctl/offsets_file.c src/ctl/offsets_file.h \
	src/ctl/option_value.c src/ctl/option_value.h \
	src/ctl/order.c src/ctl/order.h \
	src/ctl/partition_answer.c src/ctl/partition_answer.h \
	src/ctl/pipeline_answer.c src/ctl/pipeline_answer.h \
	src/ctl/progress.c src/ctl/progress.h \
	src/ctl/record_line.c src/ctl/record_line.h src/ctl/record_parse.c \
	src/ctl/reload.c src/ctl/reload.h \
	src/ctl/screen.c src/ctl/screen.h \
	src/ctl/status.c src/ctl/status.h \
	src/ctl/status_watch.c src/ctl/status_watch.h \
	src/ctl/table.c src/ctl/table.h \
	src/ctl/tell.c src/ctl/tell.h \
	src/ctl/verdict_print.c src/ctl/verdict_print.h \
	src/ctl/wait.c src/ctl/wait.h

aloqctl_SOURCES = src/ctl/main.c
aloqctl_LDADD = libctl.a libkafka.a libconf.a libcore.a libbase.a \
	$(CURL_LIBS) $(RDKAFKA_LIBS) $(LIBCONFIG_LIBS) $(YAJL_LIBS) $(SYSTEMD_LIBS)
