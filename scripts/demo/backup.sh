#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo's second story, run in the VM by scripts/demo.sh: a backup of a busy
# PostgreSQL server that the server takes part in, and what it is worth.

here=$(dirname "$0")
. "$here/telling.sh"

pg=$(dirname "$(find /usr/lib/postgresql -name initdb | sort -V | tail -n 1)")
volume=$(readlink -f /dev/disk/by-id/virtio-demo-pg)
other=$(readlink -f /dev/disk/by-id/virtio-demo-copy)
data=/srv/pg/data

as_postgres()
{
	setpriv --reuid postgres --regid postgres --init-groups env HOME=/tmp "$@"
}

sql()
{
	as_postgres "$pg/psql" -XAtq -h /tmp -p "$1" -d postgres -c "$2"
}

# Numbers go into a table; each is noted, with the time, when the server has
# acknowledged it.
ledger()
{
	local i answer

	coproc server { as_postgres "$pg/psql" -XAtq -h /tmp -d postgres; }
	# shellcheck disable=SC2154 # set by coproc
	for ((i = 1; ; i++)); do
		echo "INSERT INTO ledger VALUES ($i) RETURNING i;" >&"${server[1]}"
		read -r answer <&"${server[0]}" && [[ $answer == "$i" ]] || return
		printf '%s %s\n' "$i" "${EPOCHREALTIME/./}" >>"$work/acknowledged"
		sleep 0.02
	done
}

# Microseconds since 1970 of the instant of a snapshot.
instant_of()
{
	local time

	time=$(vssctl show --json "$1" | sed -n 's/.*"created": *"\([^"]*\)".*/\1/p')
	[[ $time ]] || return 1
	echo $(($(date -d "$time" +%s%N) / 1000))
}

mkdir -p "$work" /srv/pg /img/pg /srv/copy
chmod 755 "$work"

step "A PostgreSQL $("$pg/postgres" --version | sed 's/.* \([0-9.]*\) .*/\1/') server on an ext4 volume"
mkfs.ext4 -q "$volume"
mount "$volume" /srv/pg
mkfs.ext4 -q "$other"
mount "$other" /srv/copy
chown postgres: /srv/pg /srv/copy
as_postgres "$pg/initdb" -A trust -N -D $data >"$work/initdb.log" 2>&1
cat >>$data/postgresql.conf <<-END
	unix_socket_directories = '/tmp'
	listen_addresses = ''
	port = 5432
END
as_postgres "$pg/pg_ctl" -w -s -D $data -l /tmp/pg.log start
as_postgres "$pg/pgbench" -q -i -s 1 -h /tmp postgres >"$work/init.log" 2>&1
sql 5432 "CREATE TABLE ledger (i int PRIMARY KEY); CREATE EXTENSION IF NOT EXISTS amcheck" >/dev/null
say "initialized, started, filled by pgbench"

step "The service: vssd comes by D-Bus when it is asked for; the writer of PostgreSQL runs as postgres"
modprobe vss
mkdir -p /run/dbus
dbus-daemon --system --fork
printf '[Writer]\nDiscover = no\n[Cluster demo]\nConninfo = host=/tmp port=5432 dbname=postgres\n' >"$work/pg.conf"
chmod 644 "$work/pg.conf"
as_postgres vss-writer-postgresql --config "$work/pg.conf" >"$work/writer.log" 2>&1 &
writer=$!
for ((i = 0; ; i++)); do
	vssctl list writers >"$work/out" 2>&1 && grep -q PostgreSQL "$work/out" && break
	((i < 50)) || fail "the writer does not come up: $(<"$work/out")"
	sleep 0.2
done
run vssctl list writers
run vssctl writers metadata

step "pgbench runs, and a client notes each number that the server has acknowledged"
as_postgres "$pg/pgbench" -n -c 2 -R 20 -T 3600 -h /tmp postgres >"$work/pgbench.out" 2>"$work/pgbench.log" &
bench=$!
ledger 2>"$work/ledger.log" &
client=$!
for ((i = 0; ; i++)); do
	[[ -s $work/acknowledged && $(wc -l <"$work/acknowledged") -gt 15 ]] && break
	((i < 100)) || fail "no number was acknowledged"
	sleep 0.2
done

step "One command makes a consistent shadow copy of the volume with the server's help"
run vssctl create --persistent --writers postgresql --backup-document "$work/backup.xml" /srv/pg
id=$(awk '$1 == "shadow" { print $3 }' "$work/out")
instant=$(instant_of "$id") || fail "the shadow copy does not tell its instant"
sleep 1
last=0
while read -r number time && ((time < instant)); do
	last=$number
done <"$work/acknowledged"
now=$(tail -n 1 "$work/acknowledged" | cut -d ' ' -f 1)
((last >= 10 && now > last)) || fail "the ledger: $last before the instant, $now now"
say "$last numbers were acknowledged before the instant, $now are by now"
run vssctl document check "$work/backup.xml"

step "The backup: exposed, copied, deleted, while the server goes on"
run vssctl expose "$id" /img/pg
cp -a /img/pg/data /srv/copy/
run vssctl unexpose "$id"
run vssctl delete "$id"
kill -0 $bench $client 2>/dev/null || fail "the clients have ended: $(<"$work/pgbench.log")"

step "A second server is started from the backup"
rm -f /srv/copy/data/postmaster.pid
sed -i 's/^port = .*/port = 5433/' /srv/copy/data/postgresql.conf
as_postgres "$pg/pg_ctl" -w -s -D /srv/copy/data -l /tmp/copy.log start || fail "$(cat /tmp/copy.log)"
read -r count most < <(sql 5433 "SELECT count(*) || ' ' || max(i) FROM ledger")
say "its ledger has $count numbers, up to $most"
((count == most)) || fail "numbers are missing"
((most >= last)) || fail "$last was acknowledged before the instant and is not in the backup"
((most < now)) || fail "the backup has what came after the instant"
as_postgres "$pg/pg_amcheck" -h /tmp -p 5433 postgres >"$work/out" 2>&1 || fail "pg_amcheck: $(<"$work/out")"
say "all numbers that were acknowledged are there, pg_amcheck finds nothing wrong"
tables=$(sql 5433 "SELECT sum(abalance) = (SELECT sum(bbalance) FROM pgbench_branches) FROM pgbench_accounts")
[[ $tables == t ]] || fail "pgbench's tables do not agree"
say "and pgbench's accounts and branches agree to the cent"

step "The end: servers stopped, module unloaded; the volume was let go with its last shadow copy"
kill $bench $client
as_postgres "$pg/pg_ctl" -w -s -m fast -D /srv/copy/data stop
as_postgres "$pg/pg_ctl" -w -s -m fast -D $data stop
kill $writer
pkill -x vssd
for ((i = 0; i < 50; i++)); do
	rmmod vss 2>/dev/null && break
	sleep 0.2
done
[[ ! -e /sys/module/vss ]] || fail "the module is still in use"
say "done; the server has served all the time:" "$(wc -l <"$work/acknowledged") numbers acknowledged"
echo
