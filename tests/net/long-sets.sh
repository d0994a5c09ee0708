#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The nine steps with sets of every kind: of one LUN and of three, with a volume over two
# of them; auto-release and persistent; with and without writers; ext4 and XFS.  Then the
# six steps with an auto-release set and a persistent one, after which a volume is what
# it was at the instant, byte for byte.  Nothing is left after any of them.
#
# Covers FRV-001, FRV-002, FRV-012, IMP-006..008, IMP-024, TRN-010, TRN-014, TRN-031.
# net: timeout=1500

. "$(dirname "$0")/lib.sh"

# NAME CONTEXT VOLUME...
sets=(
	"one-ext4 file-share-backup ext4"
	"one-xfs app-rollback xfs"
	"three-backup backup ext4 wide"
	"three-nas nas-rollback xfs wide"
)
LUNS=4

array()
{
	array_up 320M a b c d
	array_works
	# Two were swapped for their copies: xfs twice, of which the first is masked as well.
	[[ $(mapped one) == "$LUNS" && $(mapped two) == 0 ]] ||
		fail "at the end: $(mapped one) and $(mapped two) LUNs mapped"
}

# --- system one -----------------------------------------------------------------

make_volumes()
{
	local v

	echo ',,83' | sfdisk -q --label dos "$(lun 0)"
	echo ',,' | sfdisk -q --label gpt "$(lun 1)"
	settle
	mkfs.ext4 -q "$(lun 0)1"
	mkfs.xfs -q "$(lun 1)1"
	vgcreate -q data "$(lun 2)" "$(lun 3)" >/dev/null
	lvcreate -q -y -Wn -l 100%FREE -n wide data >/dev/null
	mkfs.ext4 -q /dev/data/wide
	mkdir -p /srv/ext4 /srv/xfs /srv/wide
	mount "$(lun 0)1" /srv/ext4
	mount "$(lun 1)1" /srv/xfs
	mount /dev/data/wide /srv/wide
	for v in ext4 xfs wide; do
		fill "/srv/$v" "$v"
	done
}

# What the writer was told of a set; nothing when the context has no writers.
events() { awk '$2 !~ /^(Identify|registered)$/ { printf "%s ", $2 }' "$TEST_TMP/writer.log"; }

is_told()
{
	echo "the writer was told: $(events)"
	[[ $(events) == "$1" ]]
}

no_record()
{
	echo "a record is left: $(ls "/var/lib/vss/$LIO_PROVIDER" 2>/dev/null)"
	[[ ! -d /var/lib/vss/$LIO_PROVIDER || ! $(ls "/var/lib/vss/$LIO_PROVIDER") ]]
}

check_events()
{
	local want=''

	case $1 in
	backup) want='PrepareBackup PrepareSnapshot Freeze Thaw PostSnapshot BackupComplete BackupShutdown ' ;;
	app-rollback) want='PrepareBackup PrepareSnapshot Freeze Thaw PostSnapshot BackupComplete BackupShutdown ' ;;
	esac
	# Nobody waits for the writer's last event, nor for what vssd does then.
	soon is_told "$want"
	: >"$TEST_TMP/writer.log"
}

# A set goes to system two and comes to its end there.
give()
{
	local name=$1 context=$2 create v

	shift 2
	vssctl create --transportable --context "$context" --wait-for "$SHARE/$name.used" \
		--backup-document "$SHARE/$name.xml" "${@/#//srv/}" >"$TEST_TMP/create" 2>&1 &
	create=$!
	wait_for 100 bash -c "test -s $SHARE/$name.xml || ! kill -0 $create"
	[[ -s $SHARE/$name.xml ]] || fail "$name: no set: $(<"$TEST_TMP/create")"
	for v; do
		echo changed >"/srv/$v/data/1"
		sync "/srv/$v/data/1"
	done
	tell "$name.made"
	await "$name.used"
	wait $create || fail "$name: the set: $(<"$TEST_TMP/create")"
	check_events "$context"
	if [[ $context == *-rollback ]]; then
		# System two has deleted them; the record here has to be told.
		vssctl import --cleanup "$SHARE/$name.xml" || fail "$name: the record stays"
	fi
	soon no_record
	nothing_frozen "${@/#//srv/}"
	for v; do
		rm -r "/srv/$v/data"
		fill "/srv/$v" "$v"
	done
	array_clean $LUNS
	say "$name: $context of ${*@Q}: BackupComplete, nothing is left"
}

# recover CONTEXT: xfs comes back from a set of that context, byte for byte.
recover()
{
	local context=$1 dev before start took file=$SHARE/recover-$1.xml

	dev=$(findmnt -no SOURCE /srv/xfs)
	umount /srv/xfs
	before=$(sha256sum <"$dev")
	vssctl create --transportable --context "$context" --backup-document "$file" "$dev" >"$TEST_TMP/create" 2>&1 ||
		fail "no set: $(<"$TEST_TMP/create")"
	dd if=/dev/urandom of="$dev" bs=1M count=16 conv=fsync status=none
	start=$(ms)
	vssctl recover --document "$file" >"$TEST_TMP/recover" 2>&1 || fail "no recovery: $(<"$TEST_TMP/recover")"
	took=$(($(ms) - start))
	cat "$TEST_TMP/recover"
	dev=$(sed -n 's,^step 5: .*: \(/dev/[^ ]*\) .*,\1,p' "$TEST_TMP/recover")
	[[ -b $dev ]] || fail "step 5 names no device"
	[[ $(sha256sum <"$dev") == "$before" ]] || fail "$context: $dev is not what it was at the instant"
	# Read/write, and mounted as ever.
	mount "$dev" /srv/xfs
	same /srv/xfs xfs
	echo new >/srv/xfs/new
	sync /srv/xfs/new
	[[ $(lun_disks) == "$LUNS" ]] || fail "disks on system one: $(lsblk -d)"
	say "fast recovery from a set of $context: $took ms, the volume is the same byte for byte"
}

one()
{
	local row

	system_up
	make_volumes
	vss-writer-test --name app --component ext4=/srv/ext4/data --component xfs=/srv/xfs/data \
		--component wide=/srv/wide/data --log "$TEST_TMP/writer.log" >"$TEST_TMP/writer.err" 2>&1 &
	wait_for 30 bash -c 'vssctl list writers 2>/dev/null | grep -qw app'
	: >"$TEST_TMP/writer.log"
	for row in "${sets[@]}"; do
		# shellcheck disable=SC2086 # words
		give $row
	done
	recover backup
	recover nas-rollback
	for row in ext4 xfs wide; do
		umount "/srv/$row"
	done
}

# --- system two -----------------------------------------------------------------

# read_all NAME...: while the shadow copies are here; VSS_VOLUME_N are the volumes in the set's order.
read_all()
{
	local dev i=0 options

	for name; do
		dev=VSS_DEVICE_$((i += 1))
		dev=${!dev}
		[[ $(blockdev --getro "$dev") == 1 ]] || fail "$dev is not read-only"
		[[ ! -e /dev/disk/by-uuid/$(blkid -p -s UUID -o value "$dev") ]] || fail "$dev is not hidden"
		options=ro,noload
		[[ $name != xfs ]] || options=ro,norecovery,nouuid
		mkdir -p "/mnt/$name"
		mount -o "$options" "$dev" "/mnt/$name"
		same "/mnt/$name" "$name"
		umount "/mnt/$name"
	done
	say "all is as it was at the instant: $*"
}

no_disks() { [[ $(lun_disks) == 0 ]]; }

# take NAME CONTEXT VOLUME...: import, read, delete by what the context asks for.
take()
{
	local name=$1 context=$2 start id

	shift 2
	await "$name.made"
	start=$(ms)
	vssctl import "$SHARE/$name.xml" --exec "bash $VSS_SRC/tests/net/${0##*/} two read $start $*" \
		>"$TEST_TMP/import" 2>&1 || fail "$name: no import: $(<"$TEST_TMP/import")"
	cat "$TEST_TMP/import"
	case $context in
	*-rollback)
		# A persistent one stays until it is deleted.
		id=$(sed -n 's/.*snapshotSetId="\([^"]*\)".*/\1/p' "$SHARE/$name.xml" | head -n 1)
		! no_disks || fail "$name: a persistent set went by itself"
		vssctl delete --set "$id" || fail "$name: not deleted"
		;;
	esac
	settle
	wait_for 30 no_disks
	! vssctl import "$SHARE/$name.xml" >"$TEST_TMP/again" 2>&1 || fail "$name: imported a second time"
	grep -q VSS_E_OBJECT_ALREADY_EXISTS "$TEST_TMP/again" || fail "$name: $(<"$TEST_TMP/again")"
	no_disks || fail "$name: a second import has left disks here"
	tell "$name.used"
}

two()
{
	local row

	system_up
	for row in "${sets[@]}"; do
		# shellcheck disable=SC2086 # words
		take $row
	done
	await one.done 900
}

if [[ ${2-} == read ]]; then
	say "from import to readable devices: $(($(ms) - $3)) ms"
	shift 3
	read_all "$@"
else
	run_node "$@"
fi
