#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dracut, pre-mount: load persistent diff areas. It is sourced; $root is "block:DEVICE".

# shellcheck disable=SC2154 # root is dracut's
if [ -s /etc/vss/areas ]; then
	case $root in
	block:*) vss-areas --unclean --wait 10 "${root#block:}" || : ;;
	*) vss-areas --unclean || : ;;
	esac
fi
