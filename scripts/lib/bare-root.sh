# shellcheck shell=bash
# bare-root.sh: sourced by scripts/system-test after build.sh. Bare Debians, to build the package in and to boot.
#
# build/roots/SUITE is what debootstrap makes, and stays as it is; what is done in it happens in an overlay.

# Mounts of a root that is in use; taken off before anything else, or removing it would reach through them.
root_mounts=()

release_root() {
	local i
	for ((i = ${#root_mounts[@]} - 1; i >= 0; i--)); do
		umount "${root_mounts[i]}" || die "${root_mounts[i]} is still mounted: umount it before you remove it"
	done
	root_mounts=()
}

mount_in_root() {
	mount "$@"
	root_mounts+=("${*: -1}")
}

# bare_root SUITE: sets bare_root to a root of this release that has systemd, and nothing that was chosen.
bare_root() {
	local suite=$1
	bare_root=$build/roots/$suite
	[[ -e $bare_root/.complete ]] && return
	step "making a bare root of $suite"
	rm -rf --one-file-system "$bare_root"
	mkdir -p "$build/roots"
	run_logged "$logs/debootstrap-$suite.log" debootstrap --variant=minbase \
	    --include=ca-certificates,systemd,systemd-sysv,dbus "$suite" "$bare_root" ||
		die "debootstrap failed (it needs the network once)"
	# Certificates that this machine trusts beyond Debian's: without them a proxy could not be talked to.
	if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
		cp /usr/local/share/ca-certificates/*.crt "$bare_root/usr/local/share/ca-certificates/"
		run_logged "$logs/debootstrap-$suite.log" chroot "$bare_root" update-ca-certificates
	fi
	touch "$bare_root/.complete"
}

# Builds the package in an overlay over bare_root, by scripts/deb as anybody would; sets package to where it is.
build_package_on_bare_root() {
	place=$build/roots/building-$suite # the trap's, too
	trap 'release_root; rmdir "$place"' EXIT
	step "building the package on a bare $suite"
	mkdir -p "$place"
	mount_in_root -t tmpfs -o mode=755 aloqd-build "$place"
	mkdir "$place/upper" "$place/scratch" "$place/root"
	mount_in_root -t overlay -o "lowerdir=$bare_root,upperdir=$place/upper,workdir=$place/scratch" aloqd-build \
	    "$place/root"
	mkdir "$place/root/src"
	# What belongs to the sources: no build, and nothing that autotools made for this machine.
	tar -C "$top" --exclude=./build --exclude=./.git --exclude=./autom4te.cache --exclude=./configure \
	    --exclude=./Makefile.in -cf - . | tar -C "$place/root/src" -xf -
	run_logged "$logs/deb-$suite.log" systemd-nspawn -D "$place/root" --register=no --keep-unit --pipe --quiet \
	    --resolv-conf=copy-host --setenv=DEB_BUILD_OPTIONS="$DEB_BUILD_OPTIONS" /src/scripts/deb
	mkdir -p "$build/deb-$suite"
	rm -f "$build/deb-$suite"/*
	cp "$place/root/src/build/deb"/aloqd_*.deb "$build/deb-$suite/"
	package=$(printf '%s\n' "$build/deb-$suite"/*.deb)
	release_root
	trap - EXIT
	rmdir "$place"
}
