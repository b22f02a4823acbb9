/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The samples as a table of numbers, and as a picture by gnuplot.
 */
#ifndef TKNS_PLOT_H
#define TKNS_PLOT_H

#include <stdio.h>

#include "report.h"

/* All samples, tab separated, with a heading; times in ns but for the first column. */
void rh_write_samples(FILE *file, const struct rh_plan *plan, const struct rh_sample *s, size_t nr);

/*
 * Writes DIR/offset.gp, which makes DIR/offset.svg and DIR/offset.png of DIR/samples.tsv, and runs
 * it. Returns NULL, or why there is no picture.
 */
const char *rh_plot(const char *dir, const struct rh_plan *plan, const struct rh_findings *f,
		    const char *title);

#endif /* TKNS_PLOT_H */
