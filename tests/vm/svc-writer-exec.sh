#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Hook scripts in a real set: files in the shadow copy are as the freeze script left
# them, and the thaw script's changes are not in it. A required set's failure by exit
# status or by its timeout fails the shadow copy with its code and the script's words;
# an optional one's does not. Thaw is run whenever freeze was.
# vm: timeout=300

. "$(dirname "$0")/svc-lib.sh"

need vss-writer-exec
dev=$(disk vd0)
run_ok mkfs.ext4 -q "$dev"
dir=$(mount_tmp "$dev")
load_vss
export VSS_BUS_ADDRESS=unix:path=$TEST_TMP/socket
mkdir "$TEST_TMP/state"
start_vssd --no-bus --socket "$TEST_TMP/socket" --state "$TEST_TMP/state"

# The application: writes to its file unless it is told to rest.
mkdir "$TEST_TMP/exec.d"
cat >"$TEST_TMP/exec.d/app.conf" <<-END
	[Writer]
	Name = App
	[Component data]
	Files = $dir/app * recursive
	[Scripts]
	Freeze = echo frozen >$dir/app/state && sync -f $dir/app/state && cat $TEST_TMP/how >&2 && . $TEST_TMP/how
	Thaw = echo running >$dir/app/state
	[Timeouts]
	Freeze = 20s
END
mkdir "$dir/app"
echo running >"$dir/app/state"

# writer: the exec writer with its configuration, until end_writer.
writer()
{
	vss-writer-exec --config-dir "$TEST_TMP/exec.d" --address "$VSS_BUS_ADDRESS" >"$TEST_TMP/writer.log" 2>&1 &
	writer_pid=$!
	cleanup_push cat "$TEST_TMP/writer.log"
	wait_for 60 has_writer
}

has_writer()
{
	vssctl list writers | grep App >/dev/null
}

end_writer()
{
	kill "$writer_pid"
	wait "$writer_pid" || :
}

script_has_ended()
{
	! pgrep -f "sleep 300" >/dev/null
}

# thawed: the application goes on, and nothing of the set is left.
thawed()
{
	[[ $(<"$dir/app/state") == running ]] || fail "it is still $(<"$dir/app/state")"
	wait_for 30 nothing_left
	nothing_frozen "$dir"
}

cat >"$TEST_TMP/copy" <<-'END'
	#!/bin/bash
	mount -o ro,noload "$VSS_DEVICE_1" /mnt && cat /mnt/app/state && umount /mnt
END
chmod 755 "$TEST_TMP/copy"

echo "--- the shadow copy holds what freeze left"
echo true >"$TEST_TMP/how"
writer
state=$(vssctl create --quiet --context backup --exec "$TEST_TMP/copy" "$dir") || fail "no shadow copy"
grep -qx frozen <<<"$state" || fail "the shadow copy holds: $state"
thawed

echo "--- a required one fails: try again"
echo 'echo not now >&2; exit 75' >"$TEST_TMP/how"
expect_fail -m VSS_E_WRITERERROR_RETRYABLE vssctl create --context backup --exec true "$dir"
thawed

echo "--- a required one fails for good"
echo 'echo broken >&2; exit 3' >"$TEST_TMP/how"
expect_fail -m 'exit status 3: broken' vssctl create --context backup --exec true "$dir"
thawed

echo "--- a required one does not end"
end_writer
# All of it is waited for.
sed -i 's/^Freeze = 20s$/Freeze = 3s/' "$TEST_TMP/exec.d/app.conf"
writer
echo 'sleep 300' >"$TEST_TMP/how"
expect_fail -m VSS_E_WRITERERROR_TIMEOUT vssctl create --context backup --exec true "$dir"
wait_for 20 script_has_ended
thawed
end_writer
sed -i 's/^Freeze = 3s$/Freeze = 20s/' "$TEST_TMP/exec.d/app.conf"

echo "--- an optional one fails"
sed -i 's/^Name = .*/&\nRequired = no/' "$TEST_TMP/exec.d/app.conf"
echo 'exit 3' >"$TEST_TMP/how"
writer
run_ok vssctl create --quiet --context backup --exec true "$dir"
grep -q 'exit status 3' "$TEST_TMP/writer.log" || fail "the failure is not logged"
thawed
end_writer
