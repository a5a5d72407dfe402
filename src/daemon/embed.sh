#!/bin/sh
# Makes C of the style and the script of the status page, and the policy that lets a browser take these two alone.
#
#   embed.sh STYLE SCRIPT >status_page_assets.c
set -eu

# The SHA-256 of what is between the tags, as the policy wants it: base64.
hash_of() {
	octal=$(sha256sum "$1" | cut -d ' ' -f 1 | awk '{
		for (i = 1; i < length($0); i += 2) {
			high = index("0123456789abcdef", substr($0, i, 1)) - 1
			low = index("0123456789abcdef", substr($0, i + 1, 1)) - 1
			printf "\\%03o", high * 16 + low
		}
	}')
	printf "$octal" | base64
}

# text_of NAME FILE: a string that is exactly the file.
text_of() {
	echo
	echo "const char $1[] ="
	sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/\t"&\\n"/; $s/$/;/' "$2"
}

cat <<'EOF'
/* Made by embed.sh: do not edit. */
#include "daemon/status_page_internal.h"
EOF
text_of status_page_style "$1"
text_of status_page_script "$2"
style=$(hash_of "$1")
script=$(hash_of "$2")
cat <<EOF

const char status_page_policy[] =
	"default-src 'none'; style-src 'sha256-$style'; script-src 'sha256-$script'; connect-src 'self'; "
	"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
EOF
