#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dracut, pre-mount: load persistent diff areas, and set the root volume back if that was
# asked for. It is sourced; $root is "block:DEVICE".

# shellcheck disable=SC2154 # root is dracut's
if [ -s /etc/vss/areas ]; then
	vss_status=0
	case $root in
	block:*) vss-areas --unclean --revert --wait 10 "${root#block:}" || vss_status=$? ;;
	*) vss-areas --unclean --revert || vss_status=$? ;;
	esac
	# Half set back: who mounts it is to know.
	if [ "$vss_status" = 9 ]; then
		emergency_shell "vss: a volume holds a mixture of two contents; to mount it all the same, leave this shell"
	fi
fi
