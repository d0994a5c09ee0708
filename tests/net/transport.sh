#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shadow copies travel from system one to system two in the nine steps of VSS, and lost
# volumes come back on system one in the six steps of a fast recovery: ext4 on an MBR
# partition and XFS on a GPT partition; in net/long-transport also ext4 on a logical
# volume over two LUNs. Every file is compared by checksum, and nothing is left where it
# should not be.
#
# Covers TRN-001..013, IMP-001, IMP-004..007, IMP-024, FRV-001..009.
# net: timeout=900

. "$(dirname "$0")/lib.sh"

volumes=(ext4 xfs)
luns=(a b)
# Set by long-transport.sh
[[ ! ${ALL_VOLUMES-} ]] || volumes+=(both) luns+=(c d)

array()
{
	array_up 320M "${luns[@]}"
	await backup.done
	# vssd deletes the copies after it has answered system one's last call.
	soon nothing_left ${#luns[@]}
	tell array.checked
	await two.done
	await one.done
	# The originals are masked, and the copies are the volumes now.
	[[ $(mapped one) == "${#luns[@]}" && $(mapped two) == 0 && $(copies) == "${#luns[@]}" ]] || {
		lvs -o lv_name,lv_tags
		fail "after the recovery: $(mapped one) and $(mapped two) LUNs mapped, $(copies) copies"
	}
	! grep -rqFf "$SHARE/chap.one" "$SHARE"/*.xml || fail "a password is in a document"
}

make_volumes()
{
	local a b c d v

	a=$(lun 0)
	b=$(lun 1)
	echo ',,83' | sfdisk -q --label dos "$a"
	echo ',,' | sfdisk -q --label gpt "$b"
	settle
	mkfs.ext4 -q "${a}1"
	mkfs.xfs -q "${b}1"
	mkdir -p /srv/ext4 /srv/xfs /srv/both
	mount "${a}1" /srv/ext4
	mount "${b}1" /srv/xfs
	if [[ ${ALL_VOLUMES-} ]]; then
		c=$(lun 2)
		d=$(lun 3)
		vgcreate -q data "$c" "$d" >/dev/null
		lvcreate -q -y -Wn -l 100%FREE -n both data >/dev/null
		mkfs.ext4 -q /dev/data/both
		mount /dev/data/both /srv/both
	fi
	for v in "${volumes[@]}"; do
		fill "/srv/$v" "$v"
	done
}

one()
{
	local v start create

	system_up
	say "step 1: volumes on LUNs of the array, mounted on system one"
	make_volumes

	say "steps 2 to 5: a transportable set of context backup, its documents saved"
	vssctl create --transportable --context backup --wait-for "$SHARE/used" \
		--backup-document "$SHARE/set.xml" "${volumes[@]/#//srv/}" >"$TEST_TMP/create" 2>&1 &
	create=$!
	wait_for 100 bash -c "test -s $SHARE/set.xml || ! kill -0 $create"
	[[ -s $SHARE/set.xml ]] || fail "no set: $(<"$TEST_TMP/create")"
	say "the document is there"
	for v in "${volumes[@]}"; do
		echo changed >"/srv/$v/data/1"
	done
	tell set.made
	await used
	wait $create || fail "the set: $(<"$TEST_TMP/create")"
	say "step 9: BackupComplete; system one's session has ended"
	cat "$TEST_TMP/create"
	tell backup.done
	nothing_frozen "${volumes[@]/#//srv/}"
	for v in "${volumes[@]}"; do
		fill_again "$v"
	done

	await array.checked
	say "recovery, step 1: a persistent transportable set"
	vssctl create --transportable --persistent --writers none --backup-document "$SHARE/save.xml" \
		"${volumes[@]/#//srv/}" || fail "no set"
	say "the volumes' content is destroyed"
	for v in "${volumes[@]}"; do
		rm -rf "/srv/$v/data"
		dd if=/dev/urandom of="$(findmnt -no SOURCE "/srv/$v")" bs=64k count=20 seek=8 conv=fsync status=none
	done
	vssctl recover --document "$SHARE/save.xml" --dry-run
	refused_by_cluster
	start=$(ms)
	vssctl recover --document "$SHARE/save.xml" --unmount --mount \
		--before "findmnt /srv/ext4 >/dev/null && echo offline >>$TEST_TMP/cluster" \
		--after "findmnt /srv/ext4 >/dev/null && echo online >>$TEST_TMP/cluster" || fail "no recovery"
	say "from recover to mounted volumes: $(($(ms) - start)) ms"
	[[ $(<"$TEST_TMP/cluster") == $'offline\nonline' ]] || fail "the cluster was told: $(<"$TEST_TMP/cluster")"
	for v in "${volumes[@]}"; do
		same "/srv/$v" "$v"
		echo new >"/srv/$v/new"
	done
	sync
	say "recovered; every file is as it was"
	# A logical volume is LVM's again, by its own name.
	[[ ! ${ALL_VOLUMES-} || $(findmnt -no SOURCE /srv/both) == /dev/mapper/data-both ]] ||
		fail "the logical volume came back as $(findmnt -no SOURCE /srv/both)"
	for v in "${volumes[@]}"; do
		umount "/srv/$v"
	done
	[[ $(lun_disks) == "${#luns[@]}" ]] || fail "disks on system one: $(lsblk -d)"
}

# A cluster that does not let go of its resources ends the recovery before anything is taken away.
refused_by_cluster()
{
	! vssctl recover --document "$SHARE/save.xml" --unmount --mount --before false >"$TEST_TMP/refused" 2>&1 ||
		fail "recovered although the cluster refused"
	grep -q 'ended in step 2' "$TEST_TMP/refused" || fail "$(<"$TEST_TMP/refused")"
	findmnt /srv/ext4 >/dev/null || fail "unmounted although the cluster refused"
	[[ $(lun_disks) == "${#luns[@]}" ]] || fail "masked although the cluster refused: $(lsblk -d)"
}

all_gone() { [[ $(lun_disks) == 0 ]]; }

fill_again()
{
	rm -rf "/srv/$1/data"
	fill "/srv/$1" "$1"
}

# Run by vssctl import while the shadow copies are here.
look()
{
	local i dev volume

	say "step 7: backup from the shadow copies' devices"
	for ((i = 1; i <= ${#volumes[@]}; i++)); do
		dev=VSS_DEVICE_$i volume=VSS_VOLUME_$i
		echo "${!volume} is ${!dev} here"
		[[ $(blockdev --getro "${!dev}") == 1 ]] || fail "${!dev} is not read-only"
		[[ ! -e /dev/disk/by-uuid/$(blkid -p -s UUID -o value "${!dev}") ]] || fail "${!dev} is not hidden"
		mkdir -p "/mnt/$i"
		case $(blkid -p -o value -s TYPE "${!dev}") in
		xfs) mount -o ro,norecovery,nouuid "${!dev}" "/mnt/$i"; same "/mnt/$i" xfs ;;
		*)
			mount -o ro,noload "${!dev}" "/mnt/$i"
			if [[ ${!volume} == *both* || ${!dev} == */mapper/* ]]; then
				same "/mnt/$i" both
			else
				same "/mnt/$i" ext4
			fi
			;;
		esac
		umount "/mnt/$i"
	done
	say "all is as it was at the instant"
}

two()
{
	local start

	system_up
	await set.made
	say "step 6: import"
	start=$(ms)
	echo "$start" >"$TEST_TMP/start"
	vssctl import "$SHARE/set.xml" --exec "bash $VSS_SRC/tests/net/${0##*/} two look $start" ||
		fail "no import"
	say "step 8: the set was released, and so deleted; system one is told"
	settle
	wait_for 30 all_gone
	tell used
	await one.done
}

if [[ ${2-} == look ]]; then
	say "from import to readable devices: $(($(ms) - $3)) ms"
	look
else
	run_node "$@"
fi
