# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Helpers for the tests in this folder, which scripts/vm/net runs in three VMs at
# once: a storage array and two systems. To be sourced first; a test has functions
# array, one and two, and ends with
#	run_node "$@"
# All helpers of tests/vm/lib.sh are there too.

. "$(dirname "${BASH_SOURCE[0]}")/../vm/lib.sh"

SHARE=/run/vss/share
TARGET=iqn.2026-11.org.linuxvss:array
IQN=iqn.2026-11.org.linuxvss
ARRAY=10.73.0.1
export LIO_PROVIDER=a91b4da4-d3cf-4399-ba02-6eb8756cd192

# --- talking ------------------------------------------------------------------

NODE=$1
node_start=$(<"$SHARE/epoch")

# say TEXT...: with the seconds since the start, by the clock that all nodes have.
say()
{
	local ms=$(((${EPOCHREALTIME/./} - node_start) / 1000))

	printf '[%3d.%d s] %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*"
}

# ms: milliseconds of a clock that only counts.
ms()
{
	local up

	read -r up _ </proc/uptime
	echo $((${up/./} * 10))
}

# tell NAME [TEXT]: what await waits for.
tell()
{
	printf '%s\n' "${2-}" >"$SHARE/.$1.$NODE"
	mv "$SHARE/.$1.$NODE" "$SHARE/$1"
}

# await NAME [SECONDS]: until a node tells NAME; ends the test when one has failed.
await()
{
	local end=$((SECONDS + ${2:-600}))

	until [[ -e $SHARE/$1 ]]; do
		[[ ! -e $SHARE/failed ]] || fail "another node has failed, while this one waited for $1"
		((SECONDS < end)) || fail "nobody tells $1"
		sleep 0.1
	done
}

# run_node NODE: its function.
run_node()
{
	"$NODE"
	tell "$NODE.done"
}

# --- the array ----------------------------------------------------------------

CORE=/sys/kernel/config/target/core
ISCSI=/sys/kernel/config/target/iscsi/$TARGET
TPG=$ISCSI/tpgt_1

# array_up SIZE NAME...: a thin pool with volumes vg0/NAME, each a LUN that system one
# sees, in this order; ssh for the systems.
array_up()
{
	local disk size=$1 name node n=0

	shift
	disk=$(disk array)
	printf 'activation { monitoring = 0 }\n' >/etc/lvm/lvmlocal.conf
	modprobe -a dm_thin_pool target_core_iblock iscsi_target_mod
	vgcreate -q vg0 "$disk" >/dev/null
	say "set up: volume group"
	lvcreate -q -y --type thin-pool -Zn -L 3G -c 64k -n pool vg0 >/dev/null
	say "set up: thin pool"
	mkdir -p "$TPG"
	for node in one two; do
		tr -d - </proc/sys/kernel/random/uuid | cut -c 1-16 >"$SHARE/chap.$node"
		mkdir "$TPG/acls/$IQN:$node"
		# A newline would be part of it.
		printf %s "$IQN:$node" >"$TPG/acls/$IQN:$node/auth/userid"
		printf %s "$(<"$SHARE/chap.$node")" >"$TPG/acls/$IQN:$node/auth/password"
	done
	for name; do
		lvcreate -q -y -V "$size" --thinpool pool -n "$name" vg0 >/dev/null
		mkdir -p "$CORE/iblock_$n/$name"
		echo "udev_path=/dev/vg0/$name" >"$CORE/iblock_$n/$name/control"
		echo "/dev/vg0/$name" >"$CORE/iblock_$n/$name/udev_path"
		echo 1 >"$CORE/iblock_$n/$name/enable"
		cat /proc/sys/kernel/random/uuid >"$CORE/iblock_$n/$name/wwn/vpd_unit_serial"
		mkdir "$TPG/lun/lun_$n" "$TPG/acls/$IQN:one/lun_$n"
		ln -s "$CORE/iblock_$n/$name" "$TPG/lun/lun_$n/it"
		ln -s "$TPG/lun/lun_$n" "$TPG/acls/$IQN:one/lun_$n/it"
		n=$((n + 1))
	done
	say "set up: LUNs"
	echo 1 >"$TPG/attrib/authentication"
	echo 0 >"$TPG/attrib/generate_node_acls"
	mkdir "$TPG/np/$ARRAY:3260"
	echo 1 >"$TPG/enable"
	array_ssh
	tell array.up
	say "set up: the array is ready"
}

# Each system may run one program, and that for itself only.
array_ssh()
{
	local node

	mkdir -p /run/sshd /root/.ssh
	ssh-keygen -q -t ed25519 -N '' -f /run/sshd/key
	echo "$ARRAY $(cut -d ' ' -f 1,2 /run/sshd/key.pub)" >"$SHARE/hostkey"
	for node in one two; do
		await "$node.key"
		echo "command=\"${ARRAY_PROGRAM:-vss-array-lio} --serve --initiator $IQN:$node\",restrict $(<"$SHARE/$node.key")"
	done >/root/.ssh/vss
	cat >/run/sshd/config <<-END
		HostKey /run/sshd/key
		AuthorizedKeysFile /root/.ssh/vss
		StrictModes no
		UsePAM no
		PasswordAuthentication no
		PermitRootLogin forced-commands-only
		# What ssh would choose takes 10 s in a VM without KVM.
		KexAlgorithms curve25519-sha256
		ClientAliveInterval 5
		ClientAliveCountMax 3
		Subsystem sftp /bin/false
	END
	# A locked account may not log in by key either.
	sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow
	/usr/sbin/sshd -f /run/sshd/config -E "$TEST_TMP/sshd.log"
}

# ask JSON: prints the array's answer, on the array itself.
ask()
{
	echo "$1" | vss-array-lio --serve --initiator "$IQN:one"
}

# copies: prints the number of copies that there are on the array.
copies()
{
	lvs --noheadings -o lv_name @vss.copy 2>/dev/null | grep -c . || :
}

# mapped NODE: prints the number of LUNs that a system sees.
mapped()
{
	find "$TPG/acls/$IQN:$1" -maxdepth 1 -name 'lun_*' | grep -c . || :
}

# nothing_left LUNS: no copy, and no LUN mapped but that many of system one's.
nothing_left()
{
	local found
	found="$(copies) copies, $(mapped one) and $(mapped two) LUNs mapped"

	[[ $found == "0 copies, $1 and 0 LUNs mapped" ]] || {
		lvs -o lv_name,lv_tags
		fail "left on the array: $found"
	}
}

# array_works: does what on_array asks for, until both systems are done.
array_works()
{
	local file name status

	until [[ -e $SHARE/one.done && -e $SHARE/two.done ]]; do
		[[ ! -e $SHARE/failed ]] || fail "another node has failed"
		for file in "$SHARE"/do.*; do
			[[ -e $file ]] || continue
			name=${file##*/do.}
			mv "$file" "$TEST_TMP/do"
			status=0
			# In a shell of its own, where a failure is an answer.
			(
				trap - EXIT ERR
				set +e
				eval "$(<"$TEST_TMP/do")"
			) >"$SHARE/out.$name" 2>&1 || status=$?
			tell "did.$name" "$status"
		done
		sleep 0.1
	done
}

# on_array COMMAND: has it done there, prints what it says, returns its status.
on_array()
{
	local name=$NODE.${EPOCHREALTIME/./}

	tell "do.$name" "$1"
	await "did.$name"
	cat "$SHARE/out.$name"
	return "$(<"$SHARE/did.$name")"
}

# soon CMD...: until it succeeds; fails with what it said last.
soon()
{
	local end=$((SECONDS + 120)) text

	until text=$("$@" 2>&1); do
		((SECONDS < end)) || fail "$text"
		sleep 0.5
	done
}

# array_clean LUNS: nothing_left, soon: what a lost connection has begun is undone by itself.
array_clean()
{
	soon on_array "nothing_left $1"
}

# --- the systems --------------------------------------------------------------

# system_up: logged in at the array, with provider and bus.
system_up()
{
	mkdir -p /etc/vss /run/dbus
	# A second life has the key of the first.
	[[ -e $SHARE/$NODE.id ]] || ssh-keygen -q -t ed25519 -N '' -C '' -f "$SHARE/$NODE.id"
	install -m 600 "$SHARE/$NODE.id" /etc/vss/lio-iscsi.key
	tell "$NODE.key" "$(<"$SHARE/$NODE.id.pub")"
	modprobe iscsi_tcp
	echo "InitiatorName=$IQN:$NODE" >/etc/iscsi/initiatorname.iscsi
	# A path that fails is told at once.
	sed -i 's/^node.session.timeo.replacement_timeout.*/node.session.timeo.replacement_timeout = 5/' \
		/etc/iscsi/iscsid.conf
	dbus-uuidgen --ensure
	dbus-daemon --system --fork
	/usr/sbin/iscsid
	say "set up: initiator, bus"
	await array.up
	cp "$SHARE/hostkey" /etc/vss/lio-iscsi.known_hosts
	cat >/etc/vss/lio-iscsi.conf <<-END
		[Array]
		Address = $ARRAY
		User = root
		Key = /etc/vss/lio-iscsi.key
		KnownHosts = /etc/vss/lio-iscsi.known_hosts
		Timeout = ${LIO_TIMEOUT:-60}
	END
	sed -i 's/^Enabled.*/Enabled = yes/' /etc/vss/providers.d/lio-iscsi.conf
	iscsi_login
	settle
	say "set up: logged in at the array"
	vssd --foreground >>"$TEST_TMP/vssd.log" 2>&1 &
	cleanup_push _show_log
	wait_for 30 grep -q 'is ready' "$TEST_TMP/vssd.log"
}

iscsi_login()
{
	local node=(iscsiadm -m node -T "$TARGET" -p "$ARRAY:3260")

	{
		"${node[@]}" -o new
		"${node[@]}" -o update -n node.session.auth.authmethod -v CHAP
		"${node[@]}" -o update -n node.session.auth.username -v "$IQN:$NODE"
		"${node[@]}" -o update -n node.session.auth.password -v "$(<"$SHARE/chap.$NODE")"
		"${node[@]}" --login
	} >"$TEST_TMP/iscsi.log" || fail "cannot log in at the array: $(<"$TEST_TMP/iscsi.log")"
}

_show_log()
{
	# shellcheck disable=SC2154 # of who is called when the test ends
	((status)) || return 0
	echo "--- messages of vssd on $NODE"
	cat "$TEST_TMP/vssd.log"
}

# lun N: prints the device of the array's LUN N.
lun()
{
	local dev=/dev/disk/by-path/ip-$ARRAY:3260-iscsi-$TARGET-lun-$1

	wait_for 20 test -b "$dev"
	readlink -f "$dev"
}

# lun_disks: prints how many disks of the array this system has.
lun_disks()
{
	find /sys/block -name 'sd*' | grep -c . || :
}

# nothing_frozen DIR...: every file system takes writes, well before the kernel would end
# a freeze by itself.
nothing_frozen()
{
	local dir

	for dir; do
		timeout 20 dd if=/dev/zero of="$dir/.thawed" bs=4k count=1 conv=fsync status=none ||
			fail "$dir is frozen"
	done
}

# fill DIR: files with checksums in $SHARE/NAME.sums.
fill()
{
	local i

	mkdir "$1/data"
	for i in {1..8}; do
		head -c $((i * 40000)) /dev/urandom >"$1/data/$i"
	done
	(cd "$1" && sha256sum data/*) >"$SHARE/$2.sums"
}

# same DIR NAME: the files are those that fill() made.
same()
{
	(cd "$1" && sha256sum --check --strict --quiet "$SHARE/$2.sums") || fail "$1 is not as it was"
}
