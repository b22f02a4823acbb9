# SPDX-License-Identifier: GPL-2.0
# How the tests of tk.mk are built. Who includes this has included tk.mk, and says
#
#	TK_OUT		where the programs go; their objects go into its folder obj
#	TK_32		of which of them there is a variant tk_NAME.32 as well, for the 32-bit calls, layouts and vDSO
#
# and finds all that is built in TK_PROGS.

TK_PROGS := $(TK_TESTS:%=$(TK_OUT)/%) $(TK_32:%=$(TK_OUT)/%.32)

# Of C11 the harness uses GNU's statement expressions. _TIME_BITS is not set: the 32-bit variants are there to use the
# system calls with 32-bit time. The programs are dynamic, as programs are: only then time() and gettimeofday() of the C
# library read the vDSO.
TK_CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Werror -Wno-missing-field-initializers -Wno-unused-parameter \
	     -Wno-sign-compare -pthread -D_GNU_SOURCE=
TK_LDLIBS := -lrt -ldl -lm

# Dependencies have the name of the target: ccache with a base directory would write another one.
TK_DEPS = -MMD -MP -MT $@

tk_cc = $(CC) $(CPPFLAGS) $(CFLAGS) $(TK_CFLAGS)

# tk_objects TEST SUFFIX: what a test is linked of
tk_objects = $(patsubst %,$(TK_OUT)/obj/%$(2).o,$(1) $(TK_PARTS_$(1)) $(TK_LIB))

$(foreach t,$(TK_TESTS),$(eval $(TK_OUT)/$(t): $(call tk_objects,$(t))))
$(foreach t,$(TK_32),$(eval $(TK_OUT)/$(t).32: $(call tk_objects,$(t),.32)))

$(TK_TESTS:%=$(TK_OUT)/%):
	@echo "  TEST    $(@F)"
	@$(tk_cc) $(LDFLAGS) -Wl,--gc-sections -o $@ $^ $(TK_LDLIBS)

$(TK_32:%=$(TK_OUT)/%.32):
	@echo "  TEST32  $(@F)"
	@$(tk_cc) -m32 $(LDFLAGS) -Wl,--gc-sections -o $@ $^ $(TK_LDLIBS)

$(TK_OUT)/obj/%.o: $(TK_SRC)/%.c $(TK_SRC)/tk_rules.mk
	@mkdir -p $(@D)
	@$(tk_cc) -ffunction-sections -fdata-sections $(TK_DEPS) -c -o $@ $<

$(TK_OUT)/obj/%.32.o: $(TK_SRC)/%.c $(TK_SRC)/tk_rules.mk
	@mkdir -p $(@D)
	@$(tk_cc) -m32 -ffunction-sections -fdata-sections $(TK_DEPS) -c -o $@ $<

-include $(wildcard $(TK_OUT)/obj/*.d $(TK_OUT)/obj/lib/*.d)
