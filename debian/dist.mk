# debian: in the tarball, so that whoever has that can build the package.
EXTRA_DIST += \
	debian/aloqd.docs \
	debian/aloqd.lintian-overrides \
	debian/aloqd.postinst \
	debian/aloqd.prerm \
	debian/changelog \
	debian/control \
	debian/copyright \
	debian/rules \
	debian/source/format \
	debian/tests/control \
	debian/tests/package \
	debian/tests/relays
