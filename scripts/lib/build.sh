# build.sh: sourced after output.sh. An out-of-tree build in build/, brought up to date. Needs $top.

build=$top/build

# Is ./configure missing or older than what it is made from?
configure_is_stale() {
	[[ ! -x $top/configure || ! -f $top/Makefile.in ]] && return
	[[ -n $(find "$top/configure.ac" "$top/Makefile.am" "$top"/src "$top"/tests "$top"/scripts "$top"/bench \
	    "$top"/debian "$top"/etc \
	    \( -name configure.ac -o -name Makefile.am -o -name '*.mk' \) -newer "$top/Makefile.in" -print -quit) ]]
}

# configure_tree OPTION...: configures build/ with these options. Without options any configuration is good.
configure_tree() {
	local wanted="$*"
	[[ ! -e $top/config.status ]] ||
		die "$top is configured itself, so nothing can be built outside it: run make distclean there first"
	if configure_is_stale; then
		step "making ./configure"
		run_logged "$build/logs/bootstrap.log" "$top/bootstrap" || die "bootstrap failed"
	fi
	if [[ -f $build/config.status && ! $top/configure -nt $build/config.status ]]; then
		[[ -z $wanted || $wanted == "$(cat "$build/configured-with" 2>/dev/null)" ]] && return
	fi
	step "configuring in ${build#"$PWD"/}"
	# Objects made with other options would be taken for new ones.
	[[ -z $wanted || ! -f $build/Makefile ]] || make -C "$build" -s clean >/dev/null 2>&1 || true
	mkdir -p "$build"
	(cd "$build" && run_logged "$build/logs/configure.log" "$top/configure" "$@") || die "configure failed"
	echo "$wanted" >"$build/configured-with"
}

# build_targets TARGET...: makes them.
build_targets() {
	step "building: $*"
	run_logged "$build/logs/make.log" make -C "$build" -j2 "$@" || die "the build failed"
}
