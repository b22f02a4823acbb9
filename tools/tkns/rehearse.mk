# SPDX-License-Identifier: GPL-2.0
# Only 'tkns rehearse', as a program of its own, and the tests of its analysis: make -f rehearse.mk [O=DIR] [check]
O ?= .
CFLAGS := -std=c11 -O2 -g -Wall -Wextra -Werror
SRC := rehearse.c sample.c report.c plot.c present.c rparse.c
HDR := $(wildcard *.h)

$(O)/tkns-rehearse: $(SRC) test/rehearse_main.c $(HDR)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(SRC) test/rehearse_main.c -lm

$(O)/test_report: test/test_report.c report.c report.h
	$(CC) $(CFLAGS) -fsanitize=address,undefined -o $@ test/test_report.c report.c -lm

$(O)/test_rparse: test/test_rparse.c rparse.c rparse.h report.h
	$(CC) $(CFLAGS) -fsanitize=address,undefined -o $@ test/test_rparse.c rparse.c

check: $(O)/test_report $(O)/test_rparse
	$(O)/test_report
	$(O)/test_rparse

.PHONY: check
