#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo of transport, run in three VMs by scripts/demo-transport.sh: a PostgreSQL
# server of system one is backed up by system two, in the nine steps of VSS's "Importing
# Transportable Shadow Copied Volumes"; then its volume is destroyed, and comes back in
# the six of "Fast Recovery Using Transportable Shadow Copied Volumes".

. "$(dirname "$0")/../../tests/net/lib.sh"

pg=$(dirname "$(find /usr/lib/postgresql -name initdb | sort -V | tail -n 1)")
work=/tmp/demo

step() { printf '\n'; say "$*"; }

# run CMD...: shows a command and what it says.
run()
{
	local status=0

	echo "        # $*"
	"$@" >"$work/out" 2>&1 || status=$?
	sed 's/^./          &/' "$work/out"
	((status == 0)) || fail "status $status: $*"
}

as_postgres()
{
	setpriv --reuid postgres --regid postgres --init-groups env HOME=/tmp "$@"
}

# start_server DIR; stop_server DIR MODE
start_server()
{
	as_postgres "$pg/pg_ctl" -w -s -D "$1" -l /tmp/pg.log start || fail "$(tail -n 20 /tmp/pg.log)"
}

stop_server()
{
	as_postgres "$pg/pg_ctl" -w -s -m "$2" -D "$1" stop
}

sql()
{
	as_postgres "$pg/psql" -XAtq -h /tmp -d postgres -c "$1"
}

# Numbers go into a table; each is noted, with the time, when the server has acknowledged it.
ledger()
{
	local i answer

	coproc server { as_postgres "$pg/psql" -XAtq -h /tmp -d postgres; }
	# shellcheck disable=SC2154 # set by coproc
	for ((i = $1; ; i++)); do
		echo "INSERT INTO ledger VALUES ($i) RETURNING i;" >&"${server[1]}"
		read -r answer <&"${server[0]}" && [[ $answer == "$i" ]] || return 0
		echo "$i ${EPOCHREALTIME/./}" >>"$work/acknowledged"
		sleep 0.05
	done
}

# check_ledger LEAST MOST: all numbers up to one from LEAST to MOST are there.
check_ledger()
{
	local count most

	read -r count most < <(sql "SELECT count(*) || ' ' || max(i) FROM ledger")
	((count == most && most >= $1 && most <= $2)) ||
		fail "the ledger has $count numbers up to $most, want all up to $1 at least and $2 at most"
	say "the ledger has all numbers up to $most; those up to $1 had been acknowledged before the instant"
}

all_gone() { [[ $(lun_disks) == 0 ]]; }

last() { tail -n 1 "$work/acknowledged" | cut -d ' ' -f 1; }

# last_before DOCUMENT: the last number acknowledged before the instant of its set.
last_before()
{
	local instant

	instant=$(sed -n 's/.*<SNAPSHOT_SET_DESCRIPTION[^>]* creationTime="\([0-9]*\)[0-9]\{3\}".*/\1/p' "$1")
	[[ $instant ]] || fail "no creation time in $1"
	awk -v t="$instant" '$2 < t { n = $1 } END { print n }' "$work/acknowledged"
}

# ------------------------------------------------------------------------------

array()
{
	array_up 512M pg
	say "the array is up: a thin pool of LVM, exported by LIO over iSCSI with CHAP"
	await imported 280
	say "system two sees $(mapped two) LUN, system one $(mapped one)"
	await backup.done 280
	nothing_left 1
	say "after the backup: no copy, system two sees no LUN"
	await one.done 280
	await two.done 280
}

prepare_server()
{
	local dev

	dev=$(lun 0)
	mkfs.ext4 -q "$dev"
	mkdir -p /srv/pg
	mount "$dev" /srv/pg
	chown postgres: /srv/pg
	as_postgres "$pg/initdb" -A trust -N -D /srv/pg/data >"$work/initdb.log" 2>&1
	cat >>/srv/pg/data/postgresql.conf <<-END
		unix_socket_directories = '/tmp'
		listen_addresses = ''
		shared_buffers = 32MB
	END
	start_server /srv/pg/data
	sql "CREATE TABLE ledger (i int PRIMARY KEY)"
	printf '[writer]\ndiscover = no\n[cluster demo]\nconninfo = host=/tmp port=5432 dbname=postgres\n' \
		>"$work/pg.conf"
	as_postgres vss-writer-postgresql --config "$work/pg.conf" >"$work/writer.log" 2>&1 &
	wait_for 30 bash -c 'vssctl list writers 2>/dev/null | grep -q PostgreSQL'
	ledger 1 2>"$work/ledger.log" &
	wait_for 30 test -s "$work/acknowledged"
}

one()
{
	local before create start

	system_up
	step "Step 1: a LUN of the array is mounted on system one: /srv/pg, where PostgreSQL runs"
	prepare_server
	run vssctl lun show /srv/pg

	step "Steps 2 to 4: a requester prepares a backup with the server's writer, in context"
	say "  backup + transportable, and makes the shadow copy; it stays, for step 9"
	vssctl create --transportable --context backup --writers postgresql --wait-for "$SHARE/used" \
		--backup-document "$SHARE/backup.xml" --writer-documents "$SHARE/writers" /srv/pg \
		>"$work/create.log" 2>&1 &
	create=$!
	wait_for 60 bash -c "test -s $SHARE/backup.xml || ! kill -0 $create"
	[[ -s $SHARE/backup.xml ]] || fail "$(<"$work/create.log")"
	step "Step 5: documents are saved, and given to system two"
	run ls -l "$SHARE/backup.xml" "$SHARE/writers"
	tell made "$(last_before "$SHARE/backup.xml") $(last)"

	await used 150
	wait $create || fail "$(<"$work/create.log")"
	step "Step 9: system two is done: BackupComplete, and the requester's object is released"
	sed 's/^./          &/' "$work/create.log"
	tell backup.done

	step "Fast recovery, step 1: a transportable set, persistent"
	run vssctl create --transportable --persistent --writers postgresql \
		--backup-document "$work/save.xml" /srv/pg
	sleep 1
	before=$(last_before "$work/save.xml")

	step "The volume is destroyed: $(last) numbers were acknowledged by now"
	stop_server /srv/pg/data immediate
	dd if=/dev/urandom of="$(findmnt -no SOURCE /srv/pg)" bs=1M count=64 conv=fsync status=none
	run vssctl recover --document "$work/save.xml" --dry-run

	step "Steps 2 to 6"
	start=$(ms)
	run vssctl recover --document "$work/save.xml" --unmount --mount
	say "from recover to the mounted volume: $(($(ms) - start)) ms"
	step "The server is started on what came back"
	rm -f /srv/pg/data/postmaster.pid
	start_server /srv/pg/data
	check_ledger "$before" "$(last)"
	sql "INSERT INTO ledger SELECT max(i) + 1 FROM ledger"
	say "and it takes more"
	stop_server /srv/pg/data fast
	umount /srv/pg
}

two()
{
	local before after

	mkdir -p /mnt/pg /srv/copy
	system_up
	await made 150
	read -r before after <"$SHARE/made"
	step "Step 6: system two imports the shadow copy"
	vssctl import "$SHARE/backup.xml" --exec "bash $VSS_SRC/scripts/demo/transport.sh two backup $(ms)" ||
		fail "no import"
	step "Step 8: releasing the object has deleted the shadow copy; system one is told"
	wait_for 30 all_gone
	tell used

	step "The backup is tried: a server on system two starts from it"
	chown -R postgres: /srv/copy
	chmod 700 /srv/copy/data
	rm -f /srv/copy/data/postmaster.pid
	start_server /srv/copy/data
	check_ledger "$before" "$after"
	stop_server /srv/copy/data fast
}

# Run by vssctl import while the shadow copy is there.
backup()
{
	say "the device is readable: $VSS_DEVICE_1 for $VSS_VOLUME_1, $(($(ms) - $1)) ms after the call"
	tell imported
	step "Step 7: the backup, from the shadow copy's device"
	run mount -o ro,noload "$VSS_DEVICE_1" /mnt/pg
	run cp -a /mnt/pg/data /srv/copy/
	run umount /mnt/pg
}

mkdir -p $work
chmod 755 $work
if [[ ${2-} == backup ]]; then
	backup "$3"
else
	run_node "$@"
fi
