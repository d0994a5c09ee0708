# SPDX-License-Identifier: GPL-2.0-or-later
#
# linux-vss: "make help" lists the targets.

KDIR	?= /lib/modules/$(shell uname -r)/build
PREFIX	?= /usr/local
DESTDIR	?=
TESTS	?=
VECTORS	?= tests/vss/call-order.tsv
KERNEL	?=
KERNELS	?= 6.1 6.12 7.2
W	?=

B	:= $(CURDIR)/build

# The kernel that tests run on, not the one this machine runs. Looked up when
# used, for "deps" may only just have installed it.
VM_KVER	= $(or $(KVER),$(shell scripts/vm/kver))
VM_KDIR	= /lib/modules/$(VM_KVER)/build
VM_TREE	= $(B)/kmod-$(VM_KVER)

# What depends on the kernel, and not on vssd.
KERNEL_TESTS := boot vm/area-* vm/content-* vm/fail-* vm/hook-* vm/set-* vm/fuzz-* vm/persist-* \
	vm/fault-* vm/stress-stamps
# On the debug kernel, which is slow: what goes through the module's every path, and
# the tests that are for it alone.
DEBUG_TESTS := boot vm/content-chunks vm/content-order vm/content-ways vm/content-area \
	vm/content-load vm/content-btrfs vm/content-own-area \
	vm/area-full vm/area-error vm/area-hung vm/area-nested vm/area-pin vm/area-remove \
	vm/set-deadline vm/set-freeze vm/set-hold-only vm/set-killed vm/set-stacked \
	vm/hook-other vm/hook-paths vm/hook-coexist vm/stress-stamps vm/stress-files \
	vm/fail-* vm/fault-* vm/fuzz-* vm/persist-*

# Those that ask for LONG, by name or with "cases", and those that are nothing but long.
LONG_TESTS = $(patsubst tests/%.sh,%,$(filter-out %lib.sh,$(shell grep -lE '[$$].(LONG|cases )' tests/vm/*.sh))) \
	net/long-*

# What "install" installs; "stage" installs the tests' own builds instead.
MODULE_DIR	?= $(CURDIR)/kmod
USERSPACE_OUT	?= $(B)/userspace

# Warnings are errors in userspace/Makefile always.
userspace = $(MAKE) -C userspace O=$(1) PREFIX=$(PREFIX)

all: module userspace ## build the kernel module and userspace

module: kdir-there ## build kmod/vss.ko against KDIR (default: the running kernel)
	$(MAKE) -C $(KDIR) M=$(CURDIR)/kmod $(if $(W),W=$(W)) modules

userspace: ## build the library and the tools in build/userspace
	$(call userspace,$(USERSPACE_OUT))

install: all ## build and install below DESTDIR, userspace below PREFIX (/usr/local)
	$(MAKE) install-only
	$(if $(DESTDIR),,depmod -a $$(cut -d '"' -f 2 -s $(KDIR)/include/generated/utsrelease.h))

install-only: kdir-there
	$(MAKE) -C $(KDIR) M=$(MODULE_DIR) INSTALL_MOD_PATH=$(DESTDIR) \
		INSTALL_MOD_DIR=updates CONFIG_MODULE_SIG_ALL= modules_install
	$(call userspace,$(USERSPACE_OUT)) DESTDIR=$(DESTDIR) install

demo: deps stage ## see a busy volume snapshotted in a VM
	@scripts/demo.sh

demo-transport: deps stage ## see a set travel to another system, and a lost volume come back
	@scripts/demo-transport.sh

check: deps ## build and run all tests; TESTS=NAME or a glob runs only those
	@scripts/check.sh $(if $(TESTS),--tests '$(TESTS)')

check-unit: deps ## run the userspace unit tests only
	@scripts/check.sh --only unit $(if $(TESTS),--tests '$(TESTS)')

check-vm: deps ## run the tests in VMs only
	@scripts/check.sh --only vm $(if $(TESTS),--tests '$(TESTS)')

check-net: deps ## run the tests with a storage array and two systems only
	@scripts/check.sh --only net $(if $(TESTS),--tests '$(TESTS)')

check-debug: deps ## run the kernel tests on a kernel with KASAN, lockdep, failing allocations
	@scripts/install-deps.sh coccinelle
	@LONG=1 scripts/check.sh --only static; status=$$?; \
	scripts/check.sh --only vm --kernel debug --tests '$(or $(TESTS),$(DEBUG_TESTS))' && exit $$status

check-crash: deps ## let a VM's power fail CUTS (300) times, its disks losing what was not flushed; SEED=
	@mkdir -p $(B)
	+@$(MAKE) --no-print-directory -j$$(nproc) stage >$(B)/crash-build.log 2>&1 || { cat $(B)/crash-build.log; exit 1; }
	@scripts/check-crash.sh $(or $(CUTS),300) $(SEED)

check-reboot: deps ## start a machine from a root volume with snapshots, five times, twice (initramfs-tools, dracut)
	@scripts/install-deps.sh dracut-core
	@mkdir -p $(B)
	+@$(MAKE) --no-print-directory -j$$(nproc) stage >$(B)/reboot-build.log 2>&1 || { cat $(B)/reboot-build.log; exit 1; }
	@scripts/check-reboot.sh initramfs-tools
	@scripts/check-reboot.sh dracut

check-long: deps ## run the long form of tests, and the faults of a storage array
	@scripts/check.sh --long --tests '$(or $(TESTS),$(LONG_TESTS))'

check-kernels: deps ## run the kernel tests on Debian's kernels 6.1, 6.12 and 7.2
	@scripts/check-kernels.sh '$(or $(TESTS),$(KERNEL_TESTS))' $(KERNELS)

check-static: deps ## run the static checks only; LONG=1: coccicheck and smatch (if there) too
	@$(if $(LONG),scripts/install-deps.sh coccinelle)
	@scripts/check.sh --only static $(if $(TESTS),--tests '$(TESTS)')

bench: deps ## compare with the bare device, dm-snapshot and dm-thin; QUICK=1: in 4 minutes
	@scripts/install-deps.sh jq
	@mkdir -p $(B)
	@date +%s >$(B)/bench-started
	+@$(MAKE) --no-print-directory -j$$(nproc) stage >$(B)/bench-build.log 2>&1 || { cat $(B)/bench-build.log; exit 1; }
	@BENCH_STARTED=$$(cat $(B)/bench-started) scripts/bench.sh

fuzz: deps ## fuzz the parsers of documents and the reader of diff areas, FUZZ_SECONDS (60) each, with clang
	@scripts/install-deps.sh clang libclang-rt-dev
	$(call userspace,$(B)) fuzz

call-order: ## run the vectors of calls in VECTORS against the library with stand-ins
	@scripts/install-deps.sh >&2
	@mkdir -p $(B)
	+@flock $(B)/.lock $(MAKE) --no-print-directory vm-call-order >&2
	@$(B)/unit/tests/call-order '$(VECTORS)'

requirements: ## print which requirements of the VSS model no test covers
	@scripts/requirements.sh

vm: deps stage ## a shell in a VM with the module loaded and disks to play with
	@scripts/vm/run --interactive --timeout 0

deps: ## install with apt what is missing for all the above (Debian 12)
	@scripts/install-deps.sh

clean: ## delete everything that was built, but not kernels
	@[ ! -d $(B) ] || find $(B) -mindepth 1 -maxdepth 1 ! -name kernels -exec rm -rf {} +
	find kmod \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name '.*.d' -o -name Module.symvers \
		-o -name modules.order \) -delete

help: ## print this
	@echo 'Targets (default: all):'
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 18
	@echo 'Variables: KDIR DESTDIR PREFIX TESTS W=1 (more warnings) KVER (of the VM) VECTORS FUZZ_SECONDS QUICK REPEATS SECTIONS ENGINES KERNELS CUTS SEED VSS_KERNELS (where kernels are kept)'

# --- what the checks build: warnings are errors -----------------------------

vm-module: vm-tree
	$(MAKE) -C $(VM_KDIR) M=$(VM_TREE)/kmod W=1 KCFLAGS=-Werror modules
	$(MAKE) -C $(VM_KDIR) M=$(VM_TREE)/tests W=1 KCFLAGS=-Werror modules

vm-userspace:
	$(MAKE) -C userspace O=$(B)/vm-userspace PREFIX=/usr

# The unit tests' programs, with sanitizers; to compile them with -O1 takes twice as long
unit_build = $(MAKE) -C userspace O=$(B)/unit SANITIZE=1 CFLAGS='-O0 -g'
UNIT_TESTS = $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test-*.c))
vm-unit:
	$(unit_build) all $(addprefix $(B)/unit/unit/,$(UNIT_TESTS))

vm-call-order:
	$(unit_build) $(B)/unit/tests/call-order

vm-tree:
	@scripts/sync-tree.sh kmod $(VM_TREE)/kmod
	@scripts/sync-tree.sh uapi $(VM_TREE)/uapi
	@scripts/sync-tree.sh tests/kmod $(VM_TREE)/tests

# Builds for the tests go on one at a time; scripts/check.sh takes the same lock.
# KERNEL=NAME stages for a kernel in the cache as well.
stage:
	@mkdir -p $(B)
	+@flock $(B)/.lock $(MAKE) --no-print-directory stage-locked $(if $(KERNEL),kernel-module)

# Filled aside and renamed: a VM that is starting reads the old or the new one. Debug
# information, nine tenths of the module, would be copied at each start and each load.
stage-locked: vm-module vm-userspace
	@rm -rf $(B)/stage.new
	@$(MAKE) install-only KDIR=$(VM_KDIR) MODULE_DIR=$(VM_TREE)/kmod \
		USERSPACE_OUT=$(B)/vm-userspace PREFIX=/usr DESTDIR=$(B)/stage.new INSTALL_MOD_STRIP=1
	@rm -rf $(B)/stage && mv $(B)/stage.new $(B)/stage

kernel-module:
	@scripts/kernel/module $(KERNEL)

kdir-there:
	@test -e $(KDIR)/Makefile || { \
		echo "No kernel build tree at $(KDIR): install linux-headers-$$(uname -r) or set KDIR=" >&2; \
		exit 1; }

# Only what is called below may run in parallel: "deps" must come first.
.NOTPARALLEL:

.PHONY: all module userspace install install-only demo demo-transport check bench check-crash check-reboot check-net check-long fuzz check-unit check-vm \
	check-static check-debug check-kernels call-order vm deps clean help vm-module vm-userspace vm-unit vm-call-order vm-tree stage stage-locked kernel-module kdir-there
