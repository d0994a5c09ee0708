#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The help of vssctl, its manual page and its shell completion know the same
# commands and options; so do the help and the manual page of each other program.

set -u
top=${VSS_TOP:?}
vssctl=${VSSCTL:?}
man=$top/Documentation/man/vssctl.8
completion=$top/userspace/completion/vssctl
number=0
failed=0

# The built tool is sanitized; what the libraries below it keep is not its leak.
export ASAN_OPTIONS=detect_leaks=0

check()
{
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1: missing:$2"
		failed=1
	fi
}

# Without backslashes and font changes.
plain_man=$(sed -e 's/\\f[RBPI]//g' -e 's/\\-/-/g' "$man")
commands=$("$vssctl" --help | sed -n 's/^  \([a-z][-a-z]*\( [a-z][a-z]*\)\{0,1\}\)  .*/\1/p')

# Those in the text on standard input.
options_of()
{
	grep -o -e '--[a-z][-a-z]*' | sort -u
}

echo "TAP version 13"
missing=''
[ -n "$commands" ] || missing=' all of them'
check 'commands in the help' "$missing"

IFS='
'
missing=''
for command in $commands; do
	printf '%s\n' "$plain_man" | grep -q "^\.SS $command\( \|$\)" || missing="$missing '$command'"
done
check 'commands in the manual page' "$missing"

missing=''
for command in $commands; do
	grep -q "^[^#]*\b${command##* }\b" "$completion" || missing="$missing '$command'"
done
check 'commands in the completion' "$missing"

for command in $commands; do
	# shellcheck disable=SC2086 # two words, to be split at the blank
	options=$(IFS=' '; "$vssctl" $command --help | sed -n 's/^  \(--[-a-z]*\).*/\1/p')
	section=$(printf '%s\n' "$plain_man" |
		awk -v want=".SS $command" 'index($0, want) == 1 { on = 1; print; next }
			/^\.S[SH]/ { on = /OPTIONS OF ALL/ } on')
	all=$(printf '%s\n' "$plain_man" | sed -n '/^\.SH OPTIONS OF ALL/,/^\.SH COMMANDS/p')
	missing=''
	for option in $options; do
		printf '%s\n%s\n' "$section" "$all" | grep -q -e "$option\b" ||
			missing="$missing man:$option"
		grep -q -e "$option\b" "$completion" || missing="$missing completion:$option"
	done
	[ -n "$options" ] || missing=' help'
	check "options of $command" "$missing"
done

# What the Makefile takes for one with a long form, too.
missing=''
for file in "$top"/tests/vm/*.sh; do
	name=$(basename "$file" .sh)
	case $name in *lib) continue ;; esac
	grep -qE '[$].(LONG|cases )' "$file" || continue
	sed -n '/^## Long forms/,/^## Faults/p' "$top/Documentation/testing.md" | grep -qF "| \`$name\` |" ||
		missing="$missing $name"
done
check 'long forms of tests are described' "$missing"

missing=''
# What is given to tar in an example is tar's.
for option in $(printf '%s\n' "$plain_man" | grep -v '^ *tar ' | grep -o -e '--[a-z][-a-z]*' | sort -u); do
	grep -rqs -e "\"${option#--}\"" "$top/userspace/vssctl" || missing="$missing $option"
done
check 'no other options in the manual page' "$missing"

# What completion offers is there: the same way round, for commands and each option.
missing=''
for command in $commands; do
	grep -q -e "^	\('[a-z -]*' | \|[a-z -]* | \)*'\{0,1\}$command'\{0,1\}\( | [^)]*\)\{0,1\})" "$completion" ||
		missing="$missing '$command'"
done
check 'options of each command in the completion' "$missing"
missing=''
for option in $(sed '/^#/d' "$completion" | options_of); do
	grep -rqs -e "\"${option#--}\"" "$top/userspace/vssctl" || [ "$option" = --version ] ||
		missing="$missing $option"
done
check 'no other options in the completion' "$missing"

# The other programs, which were built beside vssctl.
build=$(dirname "$(dirname "$vssctl")")
for pair in vssd/vssd:vssd writers/vss-writer-exec:vss-writer-exec \
	writers/vss-writer-postgresql:vss-writer-postgresql writers/vss-writer-test:vss-writer-test \
	providers/vss-provider-test:vss-provider-test providers/vss-array-lio:vss-provider-lio-iscsi; do
	program=$build/${pair%:*}
	page=$top/Documentation/man/${pair#*:}.8
	help=$("$program" --help </dev/null | options_of)
	page_text=$(sed -e 's/\\f[RBPI]//g' -e 's/\\-/-/g' "$page")
	missing=''
	[ -n "$help" ] || missing=' help'
	for option in $help; do
		printf '%s\n' "$page_text" | grep -q -e "$option\b" || missing="$missing man:$option"
		grep -rqs -e "\"${option#--}\"" "$(dirname "$top/userspace/${pair%%:*}")" ||
			missing="$missing unknown:$option"
	done
	# The page of a provider is about more than its program.
	[ "${pair#*:}" = vss-provider-lio-iscsi ] ||
		for option in $(printf '%s\n' "$page_text" | sed -n '/^\.SH OPTIONS/,/^\.SH \(EVENTS\|FILES\|WHAT\|CONF\|TESTS\|SEE\)/p' |
				grep '^\.\(B\|BI\|BR\|TP\)' | options_of); do
			printf '%s\n' "$help" | grep -qx -e "$option" || missing="$missing help:$option"
		done
	check "options of ${pair#*/}" "$missing"
done

echo "1..$number"
exit $failed
