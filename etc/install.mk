# etc, systemd, man: what is installed beside the programs.
systemdsystemunit_DATA = systemd/aloqd.service
sysusersdir = $(prefix)/lib/sysusers.d
aloqdconfdir = $(sysconfdir)/aloqd
CLEANFILES += systemd/aloqd.service
EXTRA_DIST += etc/aloqd.conf systemd/aloqd.service.in systemd/aloqd.sysusers
dist_man_MANS += man/aloqctl.1 man/aloqd.8 man/aloqd.conf.5

systemd/aloqd.service: $(srcdir)/systemd/aloqd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	$(SED) -e 's|@sbindir[@]|$(sbindir)|g' $(srcdir)/systemd/aloqd.service.in >$@.tmp && mv $@.tmp $@

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
