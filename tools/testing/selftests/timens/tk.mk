# SPDX-License-Identifier: GPL-2.0
# The tests of time namespaces that own a clock: which there are, and of what they are made. What each of them covers is
# said at its top. Included by the Makefile of this directory and by the boot harness of the project
# (harness/harness.mk); tk_rules.mk says how they are built.

TK_SRC := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

# These leave the host as it is: any number of them may run at once.
TK_TESTS_BESIDE := tk_clocks tk_far tk_given tk_learn tk_nest tk_offsets tk_proc tk_ptp tk_rate tk_save tk_smear tk_sock tk_switch tk_timers

# These set the host's clock, its clocksource, its limits or the knobs of the tick path, put the machine to sleep, take
# minutes, or count what all namespaces do: one at a time, and on a machine that nobody needs. Most of them have parts
# which are not so.
TK_TESTS_ALONE := tk_cancel tk_clocksource tk_cross tk_failnth tk_files tk_fuzz tk_ident tk_isolation tk_knobs tk_leap tk_life tk_limit \
		  tk_net tk_perm tk_policy tk_seccomp tk_set tk_share tk_suspend tk_throttle tk_tleap tk_tprop tk_tquiet tk_tstress tk_ttravel tk_ttruth

TK_TESTS := $(TK_TESTS_BESIDE) $(TK_TESTS_ALONE)

# Files of a test besides tk_NAME.c, which has the harness, all fixtures and main()
TK_PARTS_tk_fuzz := tk_fuzz_ops
TK_PARTS_tk_net := tk_net_path tk_net_ring
TK_PARTS_tk_offsets := tk_net_path
TK_PARTS_tk_policy := tk_policy_audit
TK_PARTS_tk_set := tk_set_bad
TK_PARTS_tk_tprop := tk_tprop_judge
TK_PARTS_tk_ttravel := tk_ttravel_stop

# What all of them are linked with
TK_LIB := $(patsubst $(TK_SRC)/%.c,%,$(wildcard $(TK_SRC)/lib/*.c))

# A file that is in no list would never be run.
tk_known := $(foreach t,$(TK_TESTS_BESIDE) $(TK_TESTS_ALONE),$(t) $(TK_PARTS_$(t)))
tk_unknown := $(filter-out $(tk_known),$(patsubst $(TK_SRC)/%.c,%,$(wildcard $(TK_SRC)/tk_*.c)))
$(if $(tk_unknown),$(error tk.mk: in no list: $(tk_unknown)))
