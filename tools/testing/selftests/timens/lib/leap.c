// SPDX-License-Identifier: GPL-2.0
/*
 * Steering and leap seconds.
 */
#include <string.h>

#include "clock.h"
#include "fail.h"
#include "leap.h"

void tk_adjust(struct tk_timex tx)
{
	int ret = tk_adjtimex(&tx);

	CHECK(ret >= 0, "adjtimex(%#x): %s", tx.modes, strerror(-ret));
}

void tk_leap_now(bool insert)
{
	s64 last = TK_MIDNIGHT - (insert ? 1 : 2) * TK_SEC, at = last - 150 * TK_MSEC;

	do {
		tk_adjust((struct tk_timex){ .modes = ADJ_STATUS, .status = STA_PLL });
		tk_adjust((struct tk_timex){ .modes = ADJ_STATUS });
		CHECK(!tk_settime(CLOCK_REALTIME, at / TK_SEC, at % TK_SEC), "clock_settime: %m");
		tk_adjust((struct tk_timex){
			.modes = ADJ_STATUS, .status = insert ? STA_INS : STA_DEL });
		/* Again, if it was not there when the last second before the leap began. */
	} while (tk_now(CLOCK_REALTIME) >= last);
}
