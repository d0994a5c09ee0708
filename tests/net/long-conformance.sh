#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The provider lio-iscsi passes vss-provider-test with a real array.
# net: timeout=900

. "$(dirname "$0")/lib.sh"

array()
{
	array_up 320M a b
	array_works
	nothing_left 2
}

one()
{
	system_up
	vssctl list providers
	vss-provider-test --originals --volume "$(lun 0)" --volume "$(lun 1)" \
		/usr/lib/vss/providers/lio-iscsi.so || fail "it breaks rules"
	array_clean 2
}

two() { system_up; }

run_node "$@"
