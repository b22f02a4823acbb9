// SPDX-License-Identifier: GPL-2.0
/*
 * Absolute times which user space gives to the kernel in a file or a message.
 *
 *	/proc/net/rpc/auth.unix.ip/channel	expiry of an entry, written by mountd
 *	add_key("rxrpc")			expiry of a ticket, in the payload
 *
 * Both are seconds of CLOCK_REALTIME of the one who gives them: what is to expire in
 * an hour lives now, and what is to expire in a second is dead after two.
 */
#include "lib/tk.h"

#include <linux/keyctl.h>

#define CACHE "/proc/net/rpc/auth.unix.ip/"
#define DEBUG "/proc/sys/sunrpc/rpc_debug"
#define DEBUG_CACHE "2048\n"

FIXTURE(given)
{
	int fd;
	char debug[32];
};

FIXTURE_VARIANT(given)
{
	s64 ahead;
	const char *rate;
	bool init;
};

FIXTURE_VARIANT_ADD(given, init)
{
	.init = true,
};

FIXTURE_VARIANT_ADD(given, follow)
{
};

FIXTURE_VARIANT_ADD(given, year_ahead)
{
	.ahead = TK_YEAR * TK_SEC,
};

FIXTURE_VARIANT_ADD(given, year_back)
{
	.ahead = -TK_YEAR * TK_SEC,
};

FIXTURE_VARIANT_ADD(given, fast)
{
	.ahead = -TK_YEAR * TK_SEC,
	.rate = "rate 60\n",
};

FIXTURE_SETUP(given)
{
	ASSERT_EQ(0, tk_setup());
	tk_slurp(DEBUG, self->debug, sizeof(self->debug));
	CHECK(!tk_write_file(DEBUG, DEBUG_CACHE), DEBUG);
	if (variant->init)
		return;
	self->fd = tk_ns_new();
	tk_enter(self->fd);
	if (variant->ahead)
		CHECK(tk_step(variant->ahead) >= 0, "step");
	if (variant->rate)
		CHECK(!tk_write_file(TK_CLOCK_FILE, variant->rate), "%s", variant->rate);
}

FIXTURE_TEARDOWN(given)
{
	tk_write_file(CACHE "flush", "1\n");
	tk_write_file(DEBUG, self->debug);
	EXPECT_EQ(0, tk_teardown());
}

static void give(const char *ip, s64 expiry)
{
	char text[128];
	int ret;

	snprintf(text, sizeof(text), "nfsd %s %" PRId64 " somebody\n", ip, expiry);
	ret = tk_write_file(CACHE "channel", text);
	CHECK(!ret, "'%s': %s", text, strerror(-ret));
}

/* Whether the entry is valid, and the expiry that is shown for it */
static bool entry(const char *ip, s64 *expiry)
{
	char text[8192], *line, *save = NULL;
	long long shown = -1;

	tk_slurp(CACHE "content", text, sizeof(text));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "# expiry=%lld", &shown) == 1)
			continue;
		if (!strstr(line, ip) || !strstr(line, "somebody"))
			continue;
		*expiry = shown;
		return strncmp(line, "# ", 2);
	}
	*expiry = -1;
	return false;
}

static s64 now(void)
{
	return tk_now(CLOCK_REALTIME) / TK_SEC;
}

/* What expires in a second is dead then: both ways are rounded, and compared for more than */
static void host_seconds(void)
{
	int here = tk_open_ns("/proc/self/ns/time");

	tk_leave();
	tk_sleep(3200 * TK_MSEC);
	tk_enter(here);
	close(here);
}

TEST_F(given, sunrpc_channel)
{
	s64 hour = now() + 3600, soon, shown, a, b;

	give("10.0.0.1", hour);
	a = tk_now(CLOCK_REALTIME);
	CHECK(entry("10.0.0.1", &shown), "the entry has expired an hour early");
	b = tk_now(CLOCK_REALTIME);
	/* Whole seconds of the host: one to either side, and what passes at the rate */
	CHECK_BETWEEN(hour - 61, shown, hour + 61 + (b - a) / TK_SEC, "shown expiry");
	if (!variant->rate)
		CHECK_BETWEEN(hour - 1, shown, hour + 1, "shown expiry");
	soon = now() + (variant->rate ? 60 : 1);
	give("10.0.0.2", soon);
	host_seconds();
	CHECK(now() > soon, "the time is not there");
	CHECK(!entry("10.0.0.2", &shown), "alive behind its expiry");
	CHECK(entry("10.0.0.1", &shown) || now() >= hour, "the other one is gone");
}

TEST_F(given, sunrpc_never)
{
	s64 shown;

	give("10.0.0.3", 0x7fffffff);
	CHECK(entry("10.0.0.3", &shown), "never came");
}

static int rxrpc_key(s64 expiry)
{
	struct {
		uint32_t version;
		uint16_t security_index, ticket_length;
		uint32_t expiry, kvno;
		uint8_t session_key[8], ticket[8];
	} payload = {
		.version = 1, .security_index = 2, .ticket_length = 8, .expiry = expiry, .kvno = 1,
	};

	return syscall(SYS_add_key, "rxrpc", "afs@example", &payload, sizeof(payload),
		       KEY_SPEC_PROCESS_KEYRING);
}

static int read_key(int key)
{
	char text[256];

	return TK_RET(syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof(text)));
}

TEST_F(given, rxrpc_key)
{
	s64 soon;
	int key, ret;

	key = rxrpc_key(now() + 3600);
	REQUIRE(key >= 0, "add_key: %m");
	ret = read_key(key);
	CHECK(ret > 0, "a ticket for an hour: %s", strerror(-ret));
	syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_PROCESS_KEYRING);
	soon = now() + (variant->rate ? 60 : 1);
	key = rxrpc_key(soon);
	REQUIRE(key >= 0, "add_key: %m");
	host_seconds();
	CHECK(now() > soon, "the time is not there");
	ret = read_key(key);
	CHECK(ret == -EKEYEXPIRED, "a ticket behind its expiry: %d", ret);
}

TEST_HARNESS_MAIN
