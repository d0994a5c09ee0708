#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# uapi/vss.yaml says what linux/vss.h says: constants, enumerations, attributes
# with their types and the enumerations or nests they hold, flags, commands. Both
# are turned into one line for each name, with its value, and compared.

set -u
top=${VSS_TOP:?}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# Comments behind attributes are part of the header's contract: "u32, enum x".
from_header()
{
	awk '
	/^#define VSS_[A-Z]+_F_ALL/ { next }
	/^#define VSS_GENL_/ { gsub(/"/, "", $3); print "name", $2, $3; next }
	/^#define VSS_[A-Z]+_F_/ {
		shift = $0
		sub(/.*<< /, "", shift)
		sub(/\).*/, "", shift)
		print "flag", $2, shift
		next
	}
	/^#define VSS_/ { print "const", $2, $3; next }
	/^enum / { enum = $2; value = 0; next }
	/^};/ { enum = "" }
	enum == "" || $1 !~ /^VSS_/ || / = / { next }
	{
		entry = $1
		sub(/,$/, "", entry)
		if (entry ~ /_UNSPEC$/) {
			value++
			next
		}
		if (enum !~ /_attr$/) {
			print (enum == "vss_cmd" ? "cmd" : "enum " enum), entry, value++
			next
		}
		type = "pad"
		multi = ref = "-"
		if (match($0, /\/\*.*\*\//)) {
			n = split(substr($0, RSTART + 3, RLENGTH - 6), part, /, /)
			type = part[1]
			for (i = 2; i <= n; i++) {
				if (part[i] == "repeated")
					multi = "multi"
				else if (part[i] ~ /^enum vss_/)
					ref = substr(part[i], 6)
				else if (part[i] ~ /_F_\*$/)
					ref = part[i]
				else if (part[i] == "VSS_UUID_SIZE")
					ref = "len16"
			}
		}
		print "attr", enum, entry, value++, type, multi, ref
	}' "$1"
}

from_spec()
{
	awk '
	function c(name) { gsub(/-/, "_", name); return name }
	function C(name) { return toupper(c(name)) }
	function value_of(line) { sub(/^[^:]*: */, "", line); return line }

	# What was read of an entry is complete when the next thing begins.
	function end_entry()
	{
		if (entry == "")
			return
		if (section == "definitions" && kind == "flags")
			print "flag", C(prefix entry), index_++
		else if (section == "definitions")
			print "enum", c(enum), C(prefix entry), index_++
		else
			print "attr", c(enum), C(prefix entry), index_++, type, multi, ref
		entry = ""
	}
	function end_item()
	{
		end_entry()
		if (kind == "const")
			print "const", "VSS_" C(item), value
		item = kind = enum = prefix = ""
		index_ = section == "attribute-sets" ? 1 : 0
	}

	/^ *#/ { next }
	/^[a-z]/ {
		end_item()
		section = $1
		sub(/:$/, "", section)
		if (section == "operations")
			op = 1
		if (section == "name")
			family = $2
		if (section == "c-family-name")
			print "name", C($2), family
		if (section == "c-version-name")
			print "name", C($2), 1
		next
	}
	section == "operations" && /^  name-prefix:/ { prefix = $2 }
	section == "operations" && /^      name:/ { print "cmd", C(prefix $2), op++ }
	section == "mcast-groups" && /^      name:/ { group = $2 }
	section == "mcast-groups" && /^      c-define-name:/ { print "name", C($2), group }
	section != "definitions" && section != "attribute-sets" { next }
	/^  -$/ {
		end_item()
		index_ = section == "attribute-sets" ? 1 : 0
		next
	}
	/^    name:/ { item = $2 }
	/^    type:/ { kind = $2 }
	/^    value:/ { value = $2 }
	/^    enum-name:/ { enum = $2 }
	/^    name-prefix:/ { prefix = $2 }
	/^        name:/ { end_entry(); entry = $2; type = ""; multi = ref = "-" }
	/^        type:/ { type = $2 }
	/^        multi-attr: true/ { multi = "multi" }
	/^        enum:/ {
		ref = "vss_" c($2)
		if (sub(/_flags$/, "", ref))
			ref = toupper(ref) "_F_*"
	}
	/^        nested-attributes:/ { ref = "vss_" c($2) "_attr" }
	/^          exact-len:/ { ref = "len" $2 }
	END { end_item() }' "$1"
}

from_header "$top/uapi/linux/vss.h" | sort >"$dir/header"
from_spec "$top/uapi/vss.yaml" | sort >"$dir/spec"

failed=0
number=0
echo "TAP version 13"
# Each kind on its own, so that a failure tells what has drifted.
for kind in name const flag enum attr cmd; do
	number=$((number + 1))
	grep "^$kind " "$dir/header" >"$dir/a"
	grep "^$kind " "$dir/spec" >"$dir/b"
	if [ -s "$dir/a" ] && diff "$dir/a" "$dir/b" >"$dir/diff"; then
		echo "ok $number - $kind: $(wc -l <"$dir/a") lines are the same"
	else
		echo "not ok $number - $kind: < vss.h, > vss.yaml"
		sed 's/^/# /' "$dir/diff"
		failed=1
	fi
done
echo "1..$number"
exit $failed
