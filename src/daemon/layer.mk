# src/daemon: aloqd.
sbin_PROGRAMS += aloqd

noinst_LIBRARIES += libdaemon.a
libdaemon_a_SOURCES = \
	src/daemon/daemon.c src/daemon/daemon.h \
	src/daemon/check_brokers.c src/daemon/check_brokers.h \
	src/daemon/explain.c src/daemon/explain.h \
	src/daemon/explain_warnings.c src/daemon/explain_warnings.h \
	src/daemon/health.c src/daemon/health.h \
	src/daemon/html.c src/daemon/html.h \
	src/daemon/http_decode.c src/daemon/http_decode.h \
	src/daemon/http_listener.c src/daemon/http_listener.h \
	src/daemon/http_pages.c src/daemon/http_pages.h \
	src/daemon/http_server.c src/daemon/http_server.h \
	src/daemon/http_visitors.c src/daemon/http_visitors.h \
	src/daemon/identity.h \
	src/daemon/loading.c src/daemon/loading.h \
	src/daemon/members.c src/daemon/members.h \
	src/daemon/metrics.c src/daemon/metrics.h \
	src/daemon/metrics_text.c src/daemon/metrics_text.h \
	src/daemon/options.c src/daemon/options.h \
	src/daemon/paragraph.c src/daemon/paragraph.h \
	src/daemon/reload.c src/daemon/reload.h \
	src/daemon/reload_status.h \
	src/daemon/run.c src/daemon/run.h \
	src/daemon/service_manager.c src/daemon/service_manager.h \
	src/daemon/site.c src/daemon/site.h src/daemon/site_internal.h \
	src/daemon/site_act.c src/daemon/site_html.c \
	src/daemon/status_json.c src/daemon/status_json.h \
	src/daemon/status_page.c src/daemon/status_page.h src/daemon/status_page_internal.h \
	src/daemon/status_page_parts.c src/daemon/status_page_partitions.c src/daemon/status_page_pipeline.c \
	src/daemon/stuck.c src/daemon/stuck.h \
	src/daemon/supervisor.c src/daemon/supervisor.h src/daemon/supervisor_internal.h \
	src/daemon/supervisor_orders.c src/daemon/supervisor_reload.c

# The style and the script of the status page, with the hashes that its policy names.
nodist_libdaemon_a_SOURCES = src/daemon/status_page_assets.c
status_page_files = src/daemon/status_page.css src/daemon/status_page.js
EXTRA_DIST += src/daemon/embed.sh $(status_page_files)
CLEANFILES += src/daemon/status_page_assets.c
src/daemon/status_page_assets.c: src/daemon/embed.sh $(status_page_files)
	$(AM_V_GEN)$(MKDIR_P) src/daemon && $(SHELL) $(srcdir)/src/daemon/embed.sh $(srcdir)/src/daemon/status_page.css \
		$(srcdir)/src/daemon/status_page.js >$@.tmp && mv $@.tmp $@

aloqd_SOURCES = src/daemon/main.c
aloqd_LDADD = libdaemon.a librelay.a libengine.a libkafka.a libconf.a libcore.a libbase.a \
	$(RDKAFKA_LIBS) $(LIBCONFIG_LIBS) $(SYSTEMD_LIBS) $(YAJL_LIBS) $(MICROHTTPD_LIBS)

# The place of the configuration is compiled in: another --sysconfdir must not leave the old one there.
src/daemon/options.$(OBJEXT): Makefile
