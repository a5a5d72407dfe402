# etc, systemd, man
EXTRA_DIST += etc/aloqd.conf

# The sample, where there is no configuration yet: an upgrade must not undo an operator's work.
aloqd_conf = $(DESTDIR)$(sysconfdir)/aloqd/aloqd.conf
install-data-local: install-aloqd-conf
install-aloqd-conf:
	@$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/aloqd"
	test -e "$(aloqd_conf)" || $(INSTALL_DATA) $(srcdir)/etc/aloqd.conf "$(aloqd_conf)"
uninstall-local: uninstall-aloqd-conf
uninstall-aloqd-conf:
	if cmp -s $(srcdir)/etc/aloqd.conf "$(aloqd_conf)"; then rm -f "$(aloqd_conf)"; fi
.PHONY: install-aloqd-conf uninstall-aloqd-conf
