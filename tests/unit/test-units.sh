#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# systemd-analyze finds nothing wrong with the units, and above all no ordering cycle
# between vss-areas.service and what else runs early in the boot of this machine.

set -u
top=${VSS_TOP:?}
export LC_ALL=C
if ! command -v systemd-analyze >/dev/null; then
	echo "ok - units # SKIP no systemd-analyze"
	exit 0
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
status=0

# As they are installed, but for programs, which are not.
for file in "$top"/userspace/systemd/*.service.in "$top"/userspace/systemd/*.timer "$top"/userspace/writers/*/*.service.in; do
	unit=${file##*/}
	sed -E -e 's,@[A-Z_]+@,/usr,g' -e 's,^(Exec[A-Za-z]*=[-+!:@]*)/[^ ]*,\1/bin/true,' "$file" >"$dir/${unit%.in}"
done
export SYSTEMD_UNIT_PATH="$dir:"

# verify FILE: what is said of other units than ours is not for us, unless it is a cycle.
verify()
{
	systemd-analyze verify --man=no "$1" >"$dir/said" 2>&1
	! grep -qE 'vss|[Cc]ycl' "$dir/said"
}

# What comes early in every boot. All in one transaction, and required: of a cycle among
# things that are wanted only, one is dropped and the rest is fine.
early=''
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-udev-settle.service systemd-sysusers.service \
	systemd-remount-fs.service systemd-fsck-root.service systemd-modules-load.service \
	systemd-tmpfiles-setup-dev.service multipathd.service lvm2-monitor.service cryptsetup.target \
	local-fs-pre.target local-fs.target swap.target sysinit.target; do
	for path in /etc /usr/lib /lib; do
		[ ! -e "$path/systemd/system/$unit" ] || early="$early $unit"
	done
done
printf '[Unit]\nRequires=vss-areas.service%s\n' "$early" >"$dir/vss-test-boot.target"
case $early in
*systemd-udevd.service*) ;;
*)
	echo "ok - units # SKIP no units of systemd's"
	exit 0
	;;
esac

for file in "$dir"/*.service "$dir"/*.timer "$dir/vss-test-boot.target"; do
	if verify "$file"; then
		echo "ok - ${file##*/}"
	else
		echo "not ok - ${file##*/}"
		cat "$dir/said"
		status=1
	fi
done

# When it may run is over in each boot, also where there was nothing to load.
flag=$(sed -n "s/^ExecStart=.*test -e \\([^ ]*\\) .*/\\1/p" "$top/userspace/systemd/vss-areas.service.in")
if ! command -v systemd-tmpfiles >/dev/null; then
	echo "ok - $flag is made # SKIP no systemd-tmpfiles"
else
	mkdir -p "$dir/root/run"
	systemd-tmpfiles --create --root="$dir/root" "$top/userspace/systemd/vss.tmpfiles" 2>"$dir/said"
	if [ -e "$dir/root${flag:?}" ]; then
		echo "ok - $flag is made"
	else
		echo "not ok - $flag is made"
		cat "$dir/said"
		status=1
	fi
fi

# What is asked is answered: this is a cycle.
sed -i 's/^Before=local-fs-pre.target.*/& systemd-udevd.service/' "$dir/vss-areas.service"
if verify "$dir/vss-test-boot.target" || ! grep -q 'ordering cycle' "$dir/said"; then
	echo "not ok - a cycle is found"
	cat "$dir/said"
	status=1
else
	echo "ok - a cycle is found"
fi
exit $status
