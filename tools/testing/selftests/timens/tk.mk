# SPDX-License-Identifier: GPL-2.0
# The tests of time namespaces that own a clock. The stock Makefile of this directory is left as it is.
#
#	make -f tk.mk [OUTPUT=dir] [CC=gcc] [SELFTESTS=dir]
#
# builds $(OUTPUT)/tk_NAME and, for those that exist for the sake of the 32-bit calls as well, $(OUTPUT)/tk_NAME.32.
# The boot harness of this project compiles the same sources by its own rules (scripts/harness.mk).

# What each of them covers is said at its top.
TK_TESTS := tk_clocks tk_set tk_isolation tk_perm tk_nest tk_switch tk_leap tk_proc tk_sock tk_net tk_ptp tk_life \
	    tk_clocksource tk_suspend tk_timers tk_knobs tk_ttruth tk_ttravel tk_tleap tk_tquiet tk_tprop tk_tstress \
	    tk_smear tk_rate

# Those with compat system calls, 32-bit layouts or the 32-bit vDSO in them
TK_TESTS_32 := tk_clocks tk_set tk_perm tk_switch tk_leap tk_sock tk_net tk_ptp tk_timers tk_ttruth \
	       tk_smear tk_rate

# These move the host's clock, its limits or the tick path's knobs, or count what all namespaces do: one at a time.
TK_ALONE := tk_isolation tk_net tk_perm tk_life tk_clocksource tk_suspend tk_knobs tk_ttruth tk_ttravel tk_tleap \
	    tk_tquiet tk_tprop tk_tstress

HERE := $(dir $(lastword $(MAKEFILE_LIST)))
OUTPUT ?= $(HERE)
# Where kselftest_harness.h is
SELFTESTS ?= $(HERE)..
# Of C11 the harness uses GNU's statement expressions.
TK_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -pthread -I$(SELFTESTS)

all: $(TK_TESTS:%=$(OUTPUT)/%) $(TK_TESTS_32:%=$(OUTPUT)/%.32)

$(OUTPUT)/tk_%: $(HERE)tk_%.c $(HERE)tk_common.h $(HERE)tk_wait.h
	$(CC) $(TK_CFLAGS) $(CFLAGS) -o $@ $< -lrt -lm

$(OUTPUT)/tk_%.32: $(HERE)tk_%.c $(HERE)tk_common.h $(HERE)tk_wait.h
	$(CC) -m32 $(TK_CFLAGS) $(CFLAGS) -o $@ $< -lrt -lm

clean:
	rm -f $(TK_TESTS:%=$(OUTPUT)/%) $(TK_TESTS_32:%=$(OUTPUT)/%.32)

.PHONY: all clean
