#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# All vectors of the order of calls come out as the table says: ORD-001 to ORD-051,
# CTX-002 to CTX-015, SEL-001, SEL-003 to SEL-005, SEL-024, and the errors of the
# other areas that the vectors name.

set -u
exec "${CALL_ORDER:?}" "${VSS_TOP:?}/tests/vss/call-order.tsv"
