#!/bin/sh
# The manual pages of the three programs, their --help and what they take are of one mind; and mandoc finds nothing wrong
# with any page.
set -eu
top=${srcdir:-$(dirname "$0")/../..}
build=${ALOQD_BUILD:-.}
number=0
failures=0

# expect_none NAME LINES: there are no lines; those that are, are told.
expect_none() {
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		echo "$2" | sed 's/^/# /'
		failures=1
	fi
}

# only_left LEFT RIGHT: the words that only the first has.
only_left() {
	for word in $1; do
		echo "$2" | grep -q -x -F -e "$word" || echo "$word"
	done
}

# helps PROGRAM: its help, and that of each of its commands where they have their own.
helps() {
	"$build/$1" --help
	[ "$1" != aloqctl ] || for command in $(commands_of_help "$1"); do
		"$build/$1" help "$command"
	done
}

options_of_help() {
	helps "$1" | options_in
}

options_in() {
	grep -o -E '(^|[ ,[])--?[a-zA-Z][a-z-]*' | tr -d ' ,[' | grep -x -E -e '-[a-zA-Z]|--.*' | sort -u
}

# In mdoc an option is "Fl c" or "Fl -config".
options_of_page() {
	grep -E '(^\.| )Fl ' "$1" | sed 's/ Ar [^ ]*//g' | tr ' ' '\n' | sed -n -E 's/^(-[a-z-]+|[a-zA-Z])$/-\1/p' | sort -u
}

# aloqctl's help has a line for each command, aloq-sandbox's begins each with the program's name.
commands_of_help() {
	"$build/$1" --help | sed -n -E "s/^  ($1 )?([a-z][a-z-]*)( .*|\$)/\2/p" | grep -v -x "$1" | sort -u
}

commands_of_page() {
	grep -o -E '(^\.It |^\.|[|] )Cm [a-z-]+' "$1" | sed 's/.* //' | sort -u
}

# Either form of an option is an example of it.
options_without_example() {
	examples=$(sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/p' "$1")
	for option in $(echo "$2" | grep -e '^--' | grep -v -x -e --help -e --version); do
		short=$(helps "$program" | sed -n "s/^ *\(-[a-zA-Z]\), $option .*/\1/p")
		echo "$examples" | grep -q -w -e "$option" ${short:+-e "$short"} || echo "$option"
	done
}

for program in aloqd aloqctl aloq-sandbox; do
	page=$(ls "$top/man/$program".[18])
	help=$(options_of_help "$program")
	described=$(options_of_page "$page")
	expect_none "the manual has every option of $program --help" "$(only_left "$help" "$described")"
	expect_none "$program --help has every option of the manual" "$(only_left "$described" "$help")"
	expect_none "the manual has an example of every option of $program" "$(options_without_example "$page" "$help")"
	expect_none "the manual has every command of $program --help" \
	    "$(only_left "$(commands_of_help "$program")" "$(commands_of_page "$page")")"
	expect_none "$program --help has every command of the manual" \
	    "$(only_left "$(commands_of_page "$page")" "$(commands_of_help "$program")")"
done
for program in aloqd aloqctl; do
	expect_none "$program takes every option of its help" "$(for option in $("$build/$program" --help | options_in); do
		"$build/$program" "$option" 2>&1 </dev/null | grep -E "(unrecognized|invalid) option" || true
	done)"
	number_of_options=$(options_of_help "$program" | wc -l)
	expect_none "they are many" "$([ "$number_of_options" -ge 6 ] || echo "$number_of_options")"
done
for command in $(commands_of_help aloqctl); do
	# a command that acts on its words alone would act: --help stands behind the option
	expect_none "aloqctl $command takes every option of its help" "$(for option in $("$build/aloqctl" help "$command" | options_in); do
		"$build/aloqctl" "$command" "$option" 1 --help 2>&1 >/dev/null </dev/null || true
	done)"
done
for page in "$top"/man/*.[1-8]; do
	if command -v mandoc >/dev/null; then
		expect_none "mandoc finds nothing wrong in ${page##*/}" "$(mandoc -T lint -W warning "$page" 2>&1)"
	else
		number=$((number + 1))
		echo "ok $number - mandoc finds nothing wrong in ${page##*/} # SKIP mandoc is not installed"
	fi
done
echo "1..$number"
exit "$failures"
