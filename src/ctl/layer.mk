# src/ctl: aloqctl.
bin_PROGRAMS += aloqctl

noinst_LIBRARIES += libctl.a
libctl_a_SOURCES = \
	src/ctl/control_client.c src/ctl/control_client.h \
	src/ctl/pause.c src/ctl/pause.h \
	src/ctl/reload.c src/ctl/reload.h \
	src/ctl/status.c src/ctl/status.h \
	src/ctl/table.c src/ctl/table.h

aloqctl_SOURCES = src/ctl/main.c
aloqctl_LDADD = libctl.a libbase.a $(CURL_LIBS) $(YAJL_LIBS) $(SYSTEMD_LIBS)
