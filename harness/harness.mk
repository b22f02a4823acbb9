# SPDX-License-Identifier: GPL-2.0
# The programs that go into the initramfs, compiled into $(BUILD)/harness, $(BUILD)/kselftest and $(BUILD)/tkns.
# Called by scripts/mkinitramfs.sh, which gives ROOT, BUILD and TREE.

BIN	:= $(BUILD)/harness
KST	:= $(BUILD)/kselftest
SELF	:= $(TREE)/tools/testing/selftests
OURS	:= $(ROOT)/tools/testing/selftests/timens

CC	:= ccache gcc
# _TIME_BITS is not set: the 32-bit variants are there to use the system calls with 32-bit time.
CFLAGS	:= -std=gnu11 -O2 -g0 -Wall -Wextra -Werror -Wno-missing-field-initializers -pthread
GUEST	:= -I$(ROOT)/harness/lib
# With the name of the target: ccache, to which that below its base directory is relative, would write another one.
DEPS	= -MMD -MP -MT $@ -MF $@.d
MK	:= $(ROOT)/harness/harness.mk

m32	:= $(shell sed -e 's/\#.*//' $(ROOT)/harness/m32.list)

include $(OURS)/tk.mk

# Process 1 and the tools, the programs of the demonstration, those that only the benchmarks run.
folders	 := harness harness/demo bench/guest
vpath %.c $(folders:%=$(ROOT)/%)
programs := $(patsubst %.c,%,$(notdir $(wildcard $(folders:%=$(ROOT)/%/*.c))))
# A list that names what does not exist is a mistake.
unknown	 := $(filter-out $(programs) $(TK_TESTS),$(m32))
$(if $(unknown),$(error harness/m32.list: no source for '$(unknown)'))

all: ours upstream
ours: $(programs:%=$(BIN)/%)
ours: $(patsubst %,$(BIN)/%.32,$(filter $(programs),$(m32)))
ours: tests tkns

# What they share, for both word sizes; not in $(BIN), all of which goes into the image.
LIB	:= $(BUILD)/harness-lib
shared	:= $(patsubst $(ROOT)/harness/lib/%.c,%,$(wildcard $(ROOT)/harness/lib/*.c))

$(LIB)/%.o: $(ROOT)/harness/lib/%.c $(MK)
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(DEPS) -c -o $@ $<

$(LIB)/%.32.o: $(ROOT)/harness/lib/%.c $(MK)
	@mkdir -p $(@D)
	@$(CC) -m32 $(CFLAGS) $(DEPS) -c -o $@ $<

$(LIB)/lib.a: $(shared:%=$(LIB)/%.o)
$(LIB)/lib32.a: $(shared:%=$(LIB)/%.32.o)
$(LIB)/lib.a $(LIB)/lib32.a:
	@rm -f $@
	@$(AR) rcs $@ $^

$(BIN)/%: %.c $(LIB)/lib.a $(MK)
	@mkdir -p $(@D)
	@echo "  HOST    $*"
	@$(CC) $(CFLAGS) $(GUEST) $(DEPS) -static -o $@ $< $(LIB)/lib.a -lrt

$(BIN)/%.32: %.c $(LIB)/lib32.a $(MK)
	@mkdir -p $(@D)
	@echo "  HOST32  $*"
	@$(CC) -m32 $(CFLAGS) $(GUEST) $(DEPS) -static -o $@ $< $(LIB)/lib32.a -lrt

# The tests, by the rules that the kernel's own build uses for them. Their headers of the kernel's test harness are found
# beside them in the kernel tree.
TK_OUT	:= $(KST)/timens
TK_32	:= $(filter $(TK_TESTS),$(m32))
include $(OURS)/tk_rules.mk
$(TK_OUT)/obj/%: TK_CFLAGS += -idirafter $(SELF)/timens/lib
tests: $(TK_PROGS)

# The kernel's own, unmodified and by their own rules.
UPSTREAM := $(addprefix upstream-,timens timers vDSO)
upstream: $(UPSTREAM)

vdso := vdso_test_gettimeofday vdso_test_getcpu vdso_test_abi vdso_test_clock_getres vdso_test_correctness

# Without ours, which are built above
upstream-timens upstream-timers: upstream-%:
	@mkdir -p $(KST)/$*
	@$(MAKE) --no-print-directory -s -C $(SELF)/$* OUTPUT=$(KST)/$* CC='$(CC)' TK_TESTS=

upstream-vDSO: upstream-%:
	@mkdir -p $(KST)/$*
	@$(MAKE) --no-print-directory -s -C $(SELF)/$* OUTPUT=$(KST)/$* CC='$(CC)' $(vdso:%=$(KST)/$*/%)

# The command-line tool, by its own rules; with the guest's libraries, as everybody would install it.
tkns:
	@$(MAKE) --no-print-directory -C $(ROOT)/tools/tkns O=$(BUILD)/tkns CC='$(CC)'

.PHONY: all ours tests upstream tkns $(UPSTREAM)

# What was made from a source that has moved since is made again. A long name of the target has the source on the next line.
$(shell for d in $(BIN)/*.d; do \
	source=$$(sed -n '1{/\\$$/N;s/^[^ ]*:[ \\\n]*\([^ \n]*\).*/\1/p}' "$$d" 2>/dev/null); \
	[ -e "$$source" ] || rm -f "$$d" "$${d%.d}"; \
done)
-include $(wildcard $(BIN)/*.d $(LIB)/*.d)
