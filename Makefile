# SPDX-License-Identifier: GPL-2.0
# The only entry point. `make help` lists the targets; `make run` and `make test` set up everything they need themselves.

CONFIG	?= plain
SUITE	?= smoke
ARGS	?=

# Where results of the build and of boots go, and where the source comes from; see the scripts.
ifdef BUILD
export BUILD
endif
ifdef OUT
export OUT
endif
export LINUX_SRC BASE DISCARD AS_IS FORCE JOBS TEST

S := scripts

BENCHES := ab reads tick accuracy writes footprint timers perf hostile

.DEFAULT_GOAL := help
.PHONY: help setup tkns-setup tkns-test-setup tree export bases rebase trunk kernel initramfs boot shell run quick test debug-test long-test ab bench bench-goals bench-compare bench-publish bench-page tkns tkns-install tkns-test deb-setup vm-setup deb vm vm-shell vm-test roundtrip series test-prefix bisect gdb gdb-setup lint clean distclean
.PHONY: $(BENCHES:%=bench-%)
# Steps use all CPUs themselves, and their messages belong together.
.NOTPARALLEL:

help:
	@echo 'make run          build, boot, and show what time namespaces with their own clocks do'
	@echo 'make test         prove it: everything in tests/matrix (quick: the rows marked so; debug-test: the debug kernel)'
	@echo 'make quick'
	@echo 'make debug-test'
	@echo 'make long-test    races under KCSAN, minutes of stress, slow tests on the debug kernel: the rows marked long'
	@echo
	@echo 'make bench        all benchmarks, 25 minutes when their kernels are built, then the goals: out/bench/ (ARGS="--quick", ARGS="tick reads")'
	@echo 'make bench-NAME   one of them, with ARGS="..." for bench/NAME.sh (each knows --help):'
	@echo '                    ab         what the queue costs whoever does not use it: mainline, TIMEKEEPER_NS=n and =y'
	@echo '                    reads      reading clocks through the vDSO, natively on this CPU and counted'
	@echo '                    tick       the tick for up to 10,000 own namespaces, natively and counted; a leap second in all'
	@echo '                    accuracy   the error of a clock between its passes, beside that of the host'
	@echo '                    writes     setting clocks, inside and outside, alone and among others'
	@echo '                    footprint  memory, creation and destruction; against a virtual machine for each clock'
	@echo '                    timers     timers, sleeps and steps of a clock'
	@echo '                    perf       the tick as perf shows it'
	@echo '                    hostile    what an owner of a clock who means harm takes from others, against limits'
	@echo 'make bench-goals  judge the results in out/bench'
	@echo 'make bench-compare  compare OLD=bench/reference with NEW=out/bench'
	@echo 'make bench-publish  make the whole run in out/bench the reference run, and put its figures into the pages'
	@echo 'make bench-page     put the figures of the reference run into the pages again (their templates: bench/page)'
	@echo
	@echo 'make boot         boot CONFIG=$(CONFIG) with SUITE=$(SUITE), ARGS="--icount ..." (scripts/boot.sh --help)'
	@echo 'make shell        boot CONFIG=$(CONFIG) into a shell'
	@echo 'make gdb          boot a kernel with debug information, and gdb on it (SUITE=$(SUITE), ARGS="-- -ex ...": scripts/gdb.sh --help)'
	@echo 'make kernel       build CONFIG=$(CONFIG) (known: plain server debug kcsan off bug machine trace hz100 hz250 gdb)'
	@echo 'make initramfs    compile and pack the programs of the guest'
	@echo
	@echo 'make tkns         compile the tool tkns: build/tkns/tkns'
	@echo 'make tkns-install install it, its manual and completion: DESTDIR= PREFIX=/usr/local'
	@echo 'make tkns-test    its unit tests, with sanitizers, and a few seconds of changed texts for its parsers'
	@echo
	@echo 'make deb          Debian packages, in out/deb: the kernel with the configuration of Debian'"'"'s cloud kernel, its headers, tkns'
	@echo '                  (half an hour to two hours; it goes on where it stopped. ARGS=tkns: that alone. ARGS=--debug-info, ARGS=--few: few modules, for a test)'
	@echo 'make vm           a disk image of Debian 13 on which these are installed, with systemd, podman, crun, nspawn, lxc and chrony'
	@echo 'make vm-shell     log in on it'
	@echo 'make vm-test      what make deb made is installed, boots from disk, gives containers their clocks, and is removed again: on'
	@echo '                  machines of Debian 12 and 13 as they come, and on that of make vm; a container goes from one to another.'
	@echo '                  ARGS=bookworm, trixie, machine, pair: these only'
	@echo
	@echo 'make tree         unpack the kernel, apply overlay and patches: build/linux'
	@echo '                  (DISCARD=1 gives up work there that is not exported; AS_IS=1, with any target, uses it as it stands)'
	@echo 'make export       write the commits and new files of build/linux back to patches/ and the overlay'
	@echo 'make roundtrip    prove that tree and export are exact opposites'
	@echo 'make test-prefix  compile every prefix of the queue, and the fixes of mainline alone'
	@echo 'make bisect TEST=COMMAND  find the patch with which a command fails: $$LINUX is the source, $$OBJ has the objects (scripts/prefix.sh)'
	@echo 'make series       the whole as mails, overlay included: a cover letter and a mailbox for git am, in out/series'
	@echo 'make lint         checkpatch, sparse, W=1, shellcheck'
	@echo
	@echo 'make bases        which kernel sources of Debian the queue fits: apply and compile on each that Debian 12 and 13 offer'
	@echo '                  (FIX=1 carries the queue over to what it does not fit, and writes patches/BASES)'
	@echo 'make rebase BASE=VERSION  carry the queue over to one of them, by three-way merge: variants of the patches that need one'
	@echo 'make trunk BASE=VERSION   the same, and write the patches themselves against it'
	@echo
	@echo 'make setup        install the Debian packages that are missing (root or sudo), get the kernel source'
	@echo 'make clean        remove results and objects; distclean: all of build/ and out/'
	@echo
	@echo 'The kernel source is the newest linux-source-6.12 of Debian that the queue is known to fit (patches/BASES). BASE=VERSION takes'
	@echo 'another one of them, LINUX_SRC=DIR|TARBALL any 6.12.y, BUILD= and OUT= other directories than build and out.'
	@echo 'QEMU=FILE takes another emulator than the one that the set-up found or unpacked (QEMU_UP=FILE: for one CPU).'

setup:
	@$(S)/setup.sh

tree: setup
	@$(S)/tree.sh

export:
	@$(S)/export.sh

kernel: tree
	@$(S)/build.sh --config $(CONFIG)

# The scripts build the kernels which they need.
bench: tree initramfs
	@bench/all.sh $(ARGS)

$(BENCHES:%=bench-%): bench-%: tree initramfs
	@bench/$*.sh $(ARGS)

ab: bench-ab

bench-goals:
	@bench/goals.sh $(ARGS)

OLD	?= bench/reference
NEW	?= out/bench

bench-compare:
	@bench/compare.sh $(ARGS) $(OLD) $(NEW)

bench-publish:
	@bench/publish.sh $(ARGS)

bench-page:
	@bench/page/page.py $(ARGS)

initramfs: tree
	@$(S)/mkinitramfs.sh

# A compiler and make are all that the tool needs.
tkns-setup:
	@$(S)/setup.sh tkns

tkns-test-setup:
	@$(S)/setup.sh tkns-test

tkns: tkns-setup
	@$(MAKE) --no-print-directory -C tools/tkns

tkns-install: tkns
	@$(MAKE) --no-print-directory -C tools/tkns install

deb-setup:
	@$(S)/setup.sh deb

vm-setup:
	@$(S)/setup.sh vm

deb: deb-setup tree
	@$(S)/deb.sh $(ARGS)

vm: vm-setup
	@$(S)/vm.sh make

vm-shell:
	@$(S)/vm.sh shell

vm-test: vm-setup
	@$(S)/vm.sh test $(ARGS)

tkns-test: tkns-test-setup
	@tests/tkns-test.sh

boot: kernel initramfs
	@$(S)/boot.sh --config $(CONFIG) --suite $(SUITE) --verbose $(ARGS)

shell: kernel initramfs
	@$(S)/boot.sh --config $(CONFIG) --shell $(ARGS)

run: CONFIG = plain
run: kernel initramfs
	@harness/demo/run.sh
	@harness/demo/plot-demo.sh ntp
	@$(S)/boot.sh --config plain --suite leapdemo
	@harness/demo/plot-demo.sh leap

gdb-setup:
	@$(S)/setup.sh gdb

gdb: CONFIG = gdb
gdb: gdb-setup kernel initramfs
	@$(S)/gdb.sh --suite $(SUITE) $(ARGS)

quick:
	@$(S)/test.sh --subset quick

test:
	@$(S)/test.sh --subset full

debug-test:
	@$(S)/test.sh --config debug

long-test:
	@$(S)/test.sh --subset long

roundtrip: tree
	@tests/roundtrip.sh

test-prefix: CONFIG = plain
test-prefix: kernel
	@$(S)/prefix.sh

bisect: CONFIG = plain
bisect: kernel
	@$(S)/prefix.sh --bisect "$$TEST"

series: tree
	@$(S)/series.sh $(ARGS)

bases: CONFIG = plain
bases: kernel
	@$(S)/bases.sh $(if $(filter 1,$(FIX)),--fix) $(ARGS)

rebase:
	@$(S)/rebase.sh $(BASE)

trunk:
	@$(S)/rebase.sh --trunk $(BASE)

lint: tree
	@$(S)/lint.sh

# distclean stops when the kernel tree holds work that is not exported.
clean:
	@$(S)/clean.sh

distclean:
	@$(S)/clean.sh --all
