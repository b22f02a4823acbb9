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
DEPS	= -MMD -MP -MF $@.d

m32	:= $(shell sed -e 's/\#.*//' $(ROOT)/harness/m32.list)

# Process 1 and the tools, the programs of the demonstration, those that only the benchmarks run.
folders	 := harness harness/demo bench/guest
vpath %.c $(folders:%=$(ROOT)/%)
programs := $(patsubst %.c,%,$(notdir $(wildcard $(folders:%=$(ROOT)/%/*.c))))
tests	 := $(patsubst $(OURS)/%.c,%,$(wildcard $(OURS)/tk_*.c))
# A list that names what does not exist is a mistake.
unknown	 := $(filter-out $(programs) $(tests),$(m32))
$(if $(unknown),$(error harness/m32.list: no source for '$(unknown)'))
# Files tk_*.c without a main() are parts that the others include.
main	 := TEST_HARNESS_MAIN|^int main
has_main = $(shell grep -l -E '$(main)' $(OURS)/$(1).c)
tests	 := $(foreach t,$(tests),$(if $(call has_main,$(t)),$(t)))

all: $(programs:%=$(BIN)/%) $(tests:%=$(KST)/timens/%)
all: $(patsubst %,$(BIN)/%.32,$(filter $(programs),$(m32)))
all: $(patsubst %,$(KST)/timens/%.32,$(filter $(tests),$(m32)))
all: upstream tkns

# What they share, for both word sizes; not in $(BIN), all of which goes into the image.
LIB	:= $(BUILD)/harness-lib
shared	:= $(patsubst $(ROOT)/harness/lib/%.c,%,$(wildcard $(ROOT)/harness/lib/*.c))

$(LIB)/%.o: $(ROOT)/harness/lib/%.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(DEPS) -c -o $@ $<

$(LIB)/%.32.o: $(ROOT)/harness/lib/%.c
	@mkdir -p $(@D)
	@$(CC) -m32 $(CFLAGS) $(DEPS) -c -o $@ $<

$(LIB)/lib.a: $(shared:%=$(LIB)/%.o)
$(LIB)/lib32.a: $(shared:%=$(LIB)/%.32.o)
$(LIB)/lib.a $(LIB)/lib32.a:
	@rm -f $@
	@$(AR) rcs $@ $^

$(BIN)/%: %.c $(LIB)/lib.a
	@mkdir -p $(@D)
	@echo "  HOST    $*"
	@$(CC) $(CFLAGS) $(GUEST) $(DEPS) -static -o $@ $< $(LIB)/lib.a -lrt

$(BIN)/%.32: %.c $(LIB)/lib32.a
	@mkdir -p $(@D)
	@echo "  HOST32  $*"
	@$(CC) -m32 $(CFLAGS) $(GUEST) $(DEPS) -static -o $@ $< $(LIB)/lib32.a -lrt

# Dynamic, as programs are: only then time() and gettimeofday() of the C library read the vDSO. The sources include
# "../kselftest_harness.h"; the header is found beside them in the kernel tree.
KSTFLAGS := -idirafter $(SELF)/timens -Wno-unused-parameter -Wno-sign-compare

$(KST)/timens/%: $(OURS)/%.c
	@mkdir -p $(@D)
	@echo "  TEST    $*"
	@$(CC) $(CFLAGS) $(KSTFLAGS) $(DEPS) -o $@ $< -lrt -ldl -lm

$(KST)/timens/%.32: $(OURS)/%.c
	@mkdir -p $(@D)
	@echo "  TEST32  $*"
	@$(CC) -m32 $(CFLAGS) $(KSTFLAGS) $(DEPS) -o $@ $< -lrt -ldl -lm

# The kernel's own, unmodified and by their own rules.
UPSTREAM := $(addprefix upstream-,timens timers vDSO)
upstream: $(UPSTREAM)

vdso := vdso_test_gettimeofday vdso_test_getcpu vdso_test_abi vdso_test_clock_getres vdso_test_correctness

upstream-timens upstream-timers: upstream-%:
	@mkdir -p $(KST)/$*
	@$(MAKE) --no-print-directory -s -C $(SELF)/$* OUTPUT=$(KST)/$* CC='$(CC)'

upstream-vDSO: upstream-%:
	@mkdir -p $(KST)/$*
	@$(MAKE) --no-print-directory -s -C $(SELF)/$* OUTPUT=$(KST)/$* CC='$(CC)' $(vdso:%=$(KST)/$*/%)

# The command-line tool, by its own rules; with the guest's libraries, as everybody would install it.
tkns:
	@$(MAKE) --no-print-directory -C $(ROOT)/tools/tkns O=$(BUILD)/tkns CC='$(CC)'

.PHONY: all upstream tkns $(UPSTREAM)

-include $(wildcard $(BIN)/*.d $(LIB)/*.d $(KST)/timens/*.d)
