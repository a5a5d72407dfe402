# etc, systemd, man: what is installed beside the programs.
dist_bashcompletion_DATA = etc/bash-completion/aloq-sandbox etc/bash-completion/aloqctl etc/bash-completion/aloqd
units = systemd/aloqd.service systemd/aloqd@.service
systemdsystemunit_DATA = $(units)
catalogdir = $(prefix)/lib/systemd/catalog
dist_catalog_DATA = systemd/aloqd.catalog
systemdexamplesdir = $(docdir)/examples
dist_systemdexamples_DATA = systemd/examples/programs.conf
prometheusexamplesdir = $(docdir)/examples/prometheus
dist_prometheusexamples_DATA = examples/prometheus/aloqd.rules.yml examples/prometheus/aloqd.rules.test.yml \
	examples/prometheus/prometheus.yml
grafanaexamplesdir = $(docdir)/examples/grafana
dist_grafanaexamples_DATA = examples/grafana/aloqd.json
sysusersdir = $(prefix)/lib/sysusers.d
aloqdconfdir = $(sysconfdir)/aloqd
CLEANFILES += $(units)
EXTRA_DIST += etc/aloqd.conf systemd/aloqd.service.in systemd/aloqd.sysusers
dist_man_MANS += man/aloqctl.1 man/aloqd.8 man/aloqd.conf.5

# One template for both: how aloqd@NAME.service differs stands here, and nowhere else.
fill_unit = $(SED) -e '/^\# .*what is between @ differs/d' -e 's|@sbindir[@]|$(sbindir)|g'
one_instance = -e 's|@comma_instance[@]||' -e 's|@dash_instance[@]||' -e 's|@arguments[@]||'
each_instance = -e 's|@comma_instance[@]|, %i|' -e 's|@dash_instance[@]|-%i|' \
	-e 's|@arguments[@]| -c $(sysconfdir)/aloqd/%i.conf|'

# Type=notify-reload hangs up by itself and waits for the answer, but cannot be told that a configuration is refused:
# the check says so, by its exit status. aloqctl does all of it where there is Type=notify alone.
if NOTIFY_RELOAD
fill_reload = -e 's|@service_type[@]|notify-reload|' -e 's|@reload_command[@]|$(sbindir)/aloqd -t@arguments@|'
else
fill_reload = -e 's|@service_type[@]|notify|' \
	-e 's|@reload_command[@]|$(bindir)/aloqctl --socket $${RUNTIME_DIRECTORY}/control.sock reload|'
endif

systemd/aloqd.service: $(srcdir)/systemd/aloqd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	$(fill_unit) $(fill_reload) $(one_instance) $(srcdir)/systemd/aloqd.service.in >$@.tmp && mv $@.tmp $@

systemd/aloqd@.service: $(srcdir)/systemd/aloqd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	$(fill_unit) $(fill_reload) $(each_instance) $(srcdir)/systemd/aloqd.service.in >$@.tmp && mv $@.tmp $@

# A configuration that is there already is somebody's work.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(aloqdconfdir)/conf.d' '$(DESTDIR)$(sysusersdir)'
	test -e '$(DESTDIR)$(aloqdconfdir)/aloqd.conf' || \
		$(INSTALL_DATA) '$(srcdir)/etc/aloqd.conf' '$(DESTDIR)$(aloqdconfdir)/aloqd.conf'
	$(INSTALL_DATA) '$(srcdir)/systemd/aloqd.sysusers' '$(DESTDIR)$(sysusersdir)/aloqd.conf'

uninstall-local:
	! cmp -s '$(srcdir)/etc/aloqd.conf' '$(DESTDIR)$(aloqdconfdir)/aloqd.conf' || \
		rm -f '$(DESTDIR)$(aloqdconfdir)/aloqd.conf'
	rm -f '$(DESTDIR)$(sysusersdir)/aloqd.conf'
