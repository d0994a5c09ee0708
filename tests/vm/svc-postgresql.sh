#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A shadow copy of a busy PostgreSQL cluster whose data and WAL lie on two
# volumes: on the files that vssctl lists of it a second server starts, has every
# transaction that was acknowledged before Freeze, and is consistent. A set without
# the WAL's volume is refused. SEC-003, SEL-019, SEL-021
# vm: timeout=900 alone=1

. "$(dirname "$0")/set-lib.sh"

built=${VSS_SRC:-.}/build/vm-userspace
PATH=$PATH:$built/vssd:$built/providers:$built/writers

bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1)
[[ -x $bin/initdb ]] || skip "no PostgreSQL here"
need setpriv vssd vss-writer-postgresql vss-writer-test
load_vss
data_dev=$(disk vd0)
wal_dev=$(disk sd0)
run_ok mkfs.ext4 -q "$data_dev"
run_ok mkfs.xfs -q "$wal_dev"
data=$(mount_tmp "$data_dev")
wal=$(mount_tmp "$wal_dev")
track "$data_dev" "$(disk vd1)"
track "$wal_dev" "$(disk sd1)"
# The server's user has to get through.
chmod 755 "$TEST_TMP"
chown postgres "$data" "$wal"
cd /

as_postgres()
{
	setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
}

# start NAME PROGRAM...: runs it in the background until the test ends, with its output in NAME.log.
start()
{
	local name=$1

	shift
	"$@" >"$TEST_TMP/$name.log" 2>&1 &
	echo $! >"$TEST_TMP/$name.pid"
	cleanup_push stop "$name"
}

stop()
{
	local pid

	[[ -e $TEST_TMP/$1.pid ]] || return 0
	pid=$(<"$TEST_TMP/$1.pid")
	rm "$TEST_TMP/$1.pid"
	kill "$pid" 2>/dev/null || return 0
	wait "$pid" || :
}

# --- the cluster and its load -------------------------------------------------

sockets=$TEST_TMP/sockets
mkdir "$sockets"
chown postgres "$sockets"
run_ok as_postgres "$bin/initdb" -N -D "$data/main" -X "$wal/main" --wal-segsize=4 -U postgres -A trust \
	>"$TEST_TMP/initdb.log"

# server DATA SOCKETS: starts one.
server()
{
	as_postgres "$bin/pg_ctl" -s -w -t 120 -D "$1" -l "$2/log" start \
		-o "-k $2 -c listen_addresses= -c max_wal_size=64MB -c shared_buffers=32MB -c wal_writer_delay=10s" ||
		fail "no server starts on $1: $(<"$2/log")"
}

server_stop()
{
	as_postgres "$bin/pg_ctl" -s -w -t 120 -D "$1" -m "$2" stop || :
}

server "$data/main" "$sockets"
cleanup_push server_stop "$data/main" immediate

ask()
{
	psql -X -h "$1" -U postgres -qAt -c "$2" postgres
}

ask "$sockets" 'CREATE EXTENSION amcheck; CREATE TABLE ack (id bigint PRIMARY KEY)'
# pgbench's bank, with fewer accounts than it would make.
"$bin/pgbench" -q -i -I dtp -h "$sockets" -U postgres postgres 2>"$TEST_TMP/pgbench-init.log"
ask "$sockets" 'INSERT INTO pgbench_branches VALUES (1, 0);
	INSERT INTO pgbench_tellers SELECT id, 1, 0 FROM generate_series(1, 10) id;
	INSERT INTO pgbench_accounts SELECT id, 1, 0 FROM generate_series(1, 2000) id;'
"$bin/pgbench" --show-script=tpcb-like 2>"$TEST_TMP/bank"
sed -i 's/100000 \* :scale/2000/' "$TEST_TMP/bank"
start pgbench "$bin/pgbench" -n -c 2 -T 800 -f "$TEST_TMP/bank" -h "$sockets" -U postgres postgres

# One transaction after the other; its number is written down once it was acknowledged. Even
# without waiting for the disk: what was acknowledged before Freeze has to be there.
acknowledge()
{
	local id=0 answer

	coproc psql -X -h "$sockets" -U postgres -qAt postgres
	echo 'SET synchronous_commit = off;' >&"${COPROC[1]}"
	while true; do
		echo "INSERT INTO ack VALUES ($((++id))) RETURNING id;" >&"${COPROC[1]}"
		read -r answer <&"${COPROC[0]}" || return
		echo "$answer ${EPOCHREALTIME/./}"
	done
}
start acknowledged acknowledge

# --- the service --------------------------------------------------------------

export VSS_BUS_ADDRESS=unix:path=$TEST_TMP/vssd.socket
mkdir "$TEST_TMP/etc" "$TEST_TMP/state"
echo $'[Writers]\nAllow = postgres PostgreSQL' >"$TEST_TMP/etc/vssd.conf"
cat >"$TEST_TMP/postgresql.conf" <<-END
	[Writer]
	Discover = no
	[Cluster main]
	Conninfo = host=$sockets dbname=postgres
	DataDirectory = $data/main
	ConnectTimeout = 30s
	CheckpointTimeout = 60s
	FreezeTimeout = 30s
END
start vssd vssd --foreground --no-bus --socket "$TEST_TMP/vssd.socket" --config "$TEST_TMP/etc" \
	--state "$TEST_TMP/state" --provider-host "$(command -v vss-provider-host || echo /usr/libexec/vss/vss-provider-host)"
wait_for 120 test -S "$TEST_TMP/vssd.socket"
# A front end, frozen before PostgreSQL: its log tells when. Without a component on the
# volumes it would be left out.
mkdir "$data/front"
start front vss-writer-test --name 'Front end' --level front-end --component front="$data/front"
start postgresql as_postgres vss-writer-postgresql --config "$TEST_TMP/postgresql.conf"
wait_for 120 grep -q registered "$TEST_TMP/postgresql.log"
wait_for 120 grep -q registered "$TEST_TMP/front.log"

# --- copies -------------------------------------------------------------------

# restore_copy DIR: what a backup of the set that was made is, taken and unpacked there.
restore_copy()
{
	local copy=$1 images=$TEST_TMP/images

	mkdir -p "$images/data" "$images/wal"
	mount -o ro,noload "$VSS_DEVICE_1" "$images/data"
	cleanup_push umount "$images/data"
	mount -o ro,norecovery,nouuid "$VSS_DEVICE_2" "$images/wal"
	cleanup_push umount "$images/wal"
	mount -t tmpfs -o mode=755 tmpfs "$copy"
	cleanup_push umount "$copy"
	chown postgres "$copy"
	vssctl files --backup-document "$TEST_TMP/document.xml" --writer-documents "$TEST_TMP/writers" \
		--relative-to "$images" --null |
		tar -C "$images" --no-recursion --null -T - -cf - | tar -C "$copy" -xpf -
	[[ ! -e $copy/data/main/postmaster.pid ]] || fail "what the writer excludes is in the backup"
	ln -s data/main "$copy/main"
	mv "$copy/wal" "$copy/wal-volume"
	ln -s wal-volume/main "$copy/wal"
}

check_copy()
{
	local copy=$1 freeze have want missing

	ln -sfn "$copy/wal" "$copy/main/pg_wal"
	server "$copy/main" "$copy"
	freeze=$(awk '$2 == "Freeze" { time = $1 } END { print substr(time, 1, length(time) - 3) }' \
		"$TEST_TMP/front.log")
	[[ $freeze ]] || fail "no Freeze: $(<"$TEST_TMP/front.log")"
	awk -v freeze="$freeze" 'NF == 2 && $2 < freeze { print $1 }' "$TEST_TMP/acknowledged.log" | sort >"$copy/want"
	ask "$copy" 'SELECT id FROM ack' | sort >"$copy/have"
	want=$(wc -l <"$copy/want")
	have=$(wc -l <"$copy/have")
	missing=$(comm -23 "$copy/want" "$copy/have" | wc -l)
	echo "acknowledged before Freeze: $want, in the copy: $have, missing: $missing"
	((want > 0 && missing == 0)) || fail "transactions are missing"
	# Each of pgbench's transactions is there wholly or not at all.
	[[ $(ask "$copy" 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches)
		AND (SELECT sum(delta) FROM pgbench_history) = (SELECT sum(tbalance) FROM pgbench_tellers)
		AND (SELECT count(*) FROM pgbench_history) > 0') == t ]] || fail "a transaction is there in part"
	run_ok "$bin/pg_amcheck" -h "$copy" -U postgres --heapallindexed postgres
	server_stop "$copy/main" fast
}

acknowledged()
{
	(($(wc -l <"$TEST_TMP/acknowledged.log") > $1))
}

# Half of the cluster is none.
expect_fail vssctl create --context backup --include PostgreSQL --exec true "$data"

wait_for 120 acknowledged 300
copy=$TEST_TMP/copy-of
mkdir "$copy"
run_ok vssctl create --persistent --include PostgreSQL --backup-document "$TEST_TMP/document.xml" \
	--writer-documents "$TEST_TMP/writers" --env-file "$TEST_TMP/env" "$data" "$wal"
# shellcheck disable=SC1091 # made just now
. "$TEST_TMP/env"
# What the writer noted for a restore.
grep -q system_identifier "$TEST_TMP/document.xml" ||
	fail "the document has no metadata: $(<"$TEST_TMP/document.xml")"
kill -0 "$(<"$TEST_TMP/pgbench.pid")" || fail "pgbench has ended: $(<"$TEST_TMP/pgbench.log")"
stop acknowledged
stop pgbench
restore_copy "$copy"
check_copy "$copy"

# The server was never disturbed.
[[ $(ask "$sockets" 'SELECT 1') == 1 ]]
! grep -q PANIC "$sockets/log" || fail "$(<"$sockets/log")"
cat "$TEST_TMP/postgresql.log"
