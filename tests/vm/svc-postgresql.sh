#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shadow copies of a busy PostgreSQL cluster whose data and WAL lie on two
# volumes: on a copy of each a second server starts, has every transaction that
# was acknowledged before Freeze, and is consistent. A set without the WAL's
# volume is refused. EVT-001, EVT-002, EVT-030, EVT-040, SEC-003
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
"$bin/pgbench" -q -i -s 1 -h "$sockets" -U postgres postgres 2>"$TEST_TMP/pgbench-init.log"
start pgbench "$bin/pgbench" -n -c 2 -T 800 -h "$sockets" -U postgres postgres

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
	[writer]
	discover = no
	[cluster main]
	conninfo = host=$sockets dbname=postgres
	data-directory = $data/main
	connect-timeout = 30s
	checkpoint-timeout = 60s
	freeze-timeout = 30s
END
start vssd vssd --foreground --no-bus --socket "$TEST_TMP/vssd.socket" --config "$TEST_TMP/etc" \
	--state "$TEST_TMP/state" --provider-host "$(command -v vss-provider-host || echo /usr/libexec/vss/vss-provider-host)"
wait_for 30 test -S "$TEST_TMP/vssd.socket"
# A front end, frozen before PostgreSQL: its log tells when.
start front vss-writer-test --name 'Front end' --level front-end
start postgresql as_postgres vss-writer-postgresql --config "$TEST_TMP/postgresql.conf"
wait_for 60 grep -q registered "$TEST_TMP/postgresql.log"
wait_for 60 grep -q registered "$TEST_TMP/front.log"

# --- copies -------------------------------------------------------------------

# Run by vssctl while the shadow copies exist.
cat >"$TEST_TMP/copy" <<'END'
#!/bin/bash
set -euo pipefail
copy=$1
image_data=$(mktemp -d "$copy/image-XXXX")
image_wal=$(mktemp -d "$copy/image-XXXX")
mount -o ro,noload "$VSS_DEVICE_1" "$image_data"
mount -o ro,norecovery,nouuid "$VSS_DEVICE_2" "$image_wal"
cp -a "$image_data/main" "$copy/main"
cp -a "$image_wal/main" "$copy/wal"
umount "$image_data" "$image_wal"
END
chmod 755 "$TEST_TMP/copy"

check_copy()
{
	local copy=$1 freeze have want missing

	rm -f "$copy/main/postmaster.pid"
	ln -sfn "$copy/wal" "$copy/main/pg_wal"
	server "$copy/main" "$copy"
	freeze=$(awk '$2 == "Freeze" { time = $1 } END { print substr(time, 1, length(time) - 3) }' \
		"$TEST_TMP/front.log")
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

sleep 2
for round in 1 2; do
	copy=$TEST_TMP/copy-$round
	mkdir "$copy"
	chown postgres "$copy"
	run_ok vssctl create --context backup --include PostgreSQL --backup-document "$copy/document.xml" \
		--exec "$TEST_TMP/copy $copy" "$data" "$wal"
	# What the writer noted for a restore.
	grep -q system_identifier "$copy/document.xml" || fail "the document has no metadata: $(<"$copy/document.xml")"
	check_copy "$copy"
	rm -rf "$copy"
	sleep 1
done
kill -0 "$(<"$TEST_TMP/pgbench.pid")" || fail "pgbench has ended: $(<"$TEST_TMP/pgbench.log")"

# Half of the cluster is none: the writer says so, and what is missing.
vssctl create --context backup --exec true "$data" || :
grep -q 'on no volume of the shadow copy set' "$TEST_TMP/postgresql.log" || fail "half of the cluster was taken"

# The server was never disturbed.
[[ $(ask "$sockets" 'SELECT 1') == 1 ]]
! grep -q PANIC "$sockets/log" || fail "$(<"$sockets/log")"
cat "$TEST_TMP/postgresql.log"
