# packages.sh: sourced after output.sh. Installs the Debian packages that are missing.

packages_to_build=(
	gcc make libc6-dev autoconf automake pkgconf
	librdkafka-dev libconfig-dev libsystemd-dev libyajl-dev libmicrohttpd-dev libcurl4-openssl-dev
)
packages_to_package=(dpkg-dev debhelper xz-utils)
packages_to_boot=(systemd-container debootstrap util-linux dpkg-dev)
packages_to_run_kafka=(default-jre-headless maven)
packages_to_browse=(chromium chromium-driver) # the status page is looked at
packages_to_test=(
	libcmocka-dev python3-pytest python3-confluent-kafka openssl xz-utils mandoc valgrind
	prometheus # and promtool; the tests start their own: its service may be disabled
	"${packages_to_run_kafka[@]}"
)

# Prints those of the given packages that are not installed.
missing_packages() {
	local package
	for package in "$@"; do
		[[ $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
			echo "$package"
	done
}

# The way to become root, as an array in `as_root`; fails when there is none.
find_root() {
	as_root=()
	((EUID == 0)) && return
	command -v sudo >/dev/null || return
	# With a terminal sudo may ask for the password.
	[[ -t 0 ]] || sudo -n true 2>/dev/null || return
	as_root=(sudo)
}

# need_packages LOG PACKAGE...: they are installed afterwards, or the script ends with what to do.
need_packages() {
	local log=$1 missing as_root
	shift
	if ! command -v dpkg-query >/dev/null; then
		step "this is no Debian: the packages are yours to provide (Debian's names: $*)"
		return
	fi
	mapfile -t missing < <(missing_packages "$@")
	((${#missing[@]})) || return 0
	find_root || die "packages are missing, and only root may install them. Run this as root, then again $0:
  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
	step "installing ${#missing[@]} packages: ${missing[*]}"
	local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
	run_logged "$log" "${apt[@]}" update &&
		run_logged "$log" "${apt[@]}" install --no-install-recommends "${missing[@]}" ||
		die "the packages could not be installed (it needs the network once): ${missing[*]}"
}
