#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# net/transport with a logical volume over two LUNs in its sets.
# net: timeout=1500

ALL_VOLUMES=1
. "$(dirname "$0")/transport.sh"
