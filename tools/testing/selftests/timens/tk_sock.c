// SPDX-License-Identifier: GPL-2.0
/*
 * Software receive timestamps follow the reader.
 *
 *	sender, on the host ----packet----> socket ----recvmsg()----> reader
 *	                             |                                  |
 *	                     stamped by the kernel            told on the reader's REALTIME
 *
 * The stamp lies between two reads of the reader's own REALTIME, one before the packet
 * is sent and one after it is received, whatever the sender's clock and whatever
 * namespace the socket was made in.
 */
#include "lib/tk.h"

#include <arpa/inet.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The numbers that a C library of one word size hides: the old and new layouts of both */
#define TK_SO_TIMESTAMP_OLD 29
#define TK_SO_TIMESTAMPNS_OLD 35
#define TK_SO_TIMESTAMPING_OLD 37
#define TK_SO_TIMESTAMP_NEW 63
#define TK_SO_TIMESTAMPNS_NEW 64
#define TK_SO_TIMESTAMPING_NEW 65

enum transport {
	UDP,
	UDP6,
	TCP,
	UNIX_DGRAM,
};

FIXTURE(stamp)
{
	int tx;
	int rx;
	int own;
	int follow;
};

FIXTURE_VARIANT(stamp)
{
	enum transport transport;
	int option;
	bool usec;	/* the layout has microseconds */
};

#define STAMP(transport_, name_, NAME_)					\
	FIXTURE_VARIANT_ADD(stamp, transport_##_##name_##_old) {	\
		.transport = transport_,				\
		.option = TK_SO_##NAME_##_OLD,				\
		.usec = TK_SO_##NAME_##_OLD == TK_SO_TIMESTAMP_OLD,	\
	};								\
	FIXTURE_VARIANT_ADD(stamp, transport_##_##name_##_new) {	\
		.transport = transport_,				\
		.option = TK_SO_##NAME_##_NEW,				\
		.usec = TK_SO_##NAME_##_NEW == TK_SO_TIMESTAMP_NEW,	\
	}

/*
 *			TIMESTAMP	TIMESTAMPNS	TIMESTAMPING
 *	UDP, IPv4	old new		old new		old new
 *	UDP, IPv6	old new		old new		old new
 *	TCP		old new		old new		old new
 *	UNIX datagram	old new		old new		-
 */
STAMP(UDP, timestamp, TIMESTAMP);
STAMP(UDP, timestampns, TIMESTAMPNS);
STAMP(UDP, timestamping, TIMESTAMPING);
STAMP(UDP6, timestamp, TIMESTAMP);
STAMP(UDP6, timestampns, TIMESTAMPNS);
STAMP(UDP6, timestamping, TIMESTAMPING);
STAMP(TCP, timestamp, TIMESTAMP);
STAMP(TCP, timestampns, TIMESTAMPNS);
STAMP(TCP, timestamping, TIMESTAMPING);
STAMP(UNIX_DGRAM, timestamp, TIMESTAMP);
STAMP(UNIX_DGRAM, timestampns, TIMESTAMPNS);

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	REQUIRE(fd >= 0, "socket: %m");
	REQUIRE(!ioctl(fd, SIOCGIFFLAGS, &ifr), "SIOCGIFFLAGS: %m");
	if (!(ifr.ifr_flags & IFF_UP)) {
		ifr.ifr_flags |= IFF_UP;
		REQUIRE(!ioctl(fd, SIOCSIFFLAGS, &ifr), "SIOCSIFFLAGS: %m");
	}
	close(fd);
}

/* A connected pair over a transport; @tx sends, @rx receives. */
static void connect_pair(enum transport t, int *tx, int *rx)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr *sa = t == UDP6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
	socklen_t len = t == UDP6 ? sizeof(in6) : sizeof(in);
	int one = 1, type, listener, fds[2];

	if (t == UNIX_DGRAM) {
		REQUIRE(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), "socketpair: %m");
		*tx = fds[0];
		*rx = fds[1];
		return;
	}
	type = (t == TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
	listener = socket(sa->sa_family, type, 0);
	REQUIRE(listener >= 0, "socket: %m");
	REQUIRE(!bind(listener, sa, len), "bind: %m");
	REQUIRE(!getsockname(listener, sa, &len), "getsockname: %m");
	*tx = socket(sa->sa_family, type, 0);
	REQUIRE(*tx >= 0, "socket: %m");
	if (t != TCP) {
		*rx = listener;
		REQUIRE(!connect(*tx, sa, len), "connect: %m");
		return;
	}
	REQUIRE(!listen(listener, 1), "listen: %m");
	REQUIRE(!connect(*tx, sa, len), "connect: %m");
	*rx = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	REQUIRE(*rx >= 0, "accept: %m");
	close(listener);
	REQUIRE(!setsockopt(*tx, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY: %m");
}

static void switch_on(int rx, int option)
{
	int val = 1;

	if (option == TK_SO_TIMESTAMPING_OLD || option == TK_SO_TIMESTAMPING_NEW)
		val = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	REQUIRE(!setsockopt(rx, SOL_SOCKET, option, &val, sizeof(val)), "setsockopt(%d): %m",
		option);
}

/* The stamp of a received message in ns, or 0 if there is none */
static s64 receive(int rx, int option)
{
	union {
		char buf[512];
		struct cmsghdr align;
	} control;
	char data[64];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	REQUIRE(recvmsg(rx, &msg, 0) > 0, "recvmsg: %m");
	CHECK(!(msg.msg_flags & MSG_CTRUNC), "control data was cut");
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		long old[2];
		s64 new[2];

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != option)
			continue;
		switch (option) {
		case TK_SO_TIMESTAMP_OLD:
			memcpy(old, CMSG_DATA(c), sizeof(old));
			return old[0] * TK_SEC + old[1] * TK_USEC;
		case TK_SO_TIMESTAMPNS_OLD:
		case TK_SO_TIMESTAMPING_OLD:
			/* of three: software, unused, hardware */
			memcpy(old, CMSG_DATA(c), sizeof(old));
			return old[0] * TK_SEC + old[1];
		case TK_SO_TIMESTAMP_NEW:
			memcpy(new, CMSG_DATA(c), sizeof(new));
			return new[0] * TK_SEC + new[1] * TK_USEC;
		default:
			memcpy(new, CMSG_DATA(c), sizeof(new));
			return tk_ns(new[0], new[1]);
		}
	}
	return 0;
}

FIXTURE_SETUP(stamp)
{
	ASSERT_EQ(0, tk_setup());
	loopback_up();
	connect_pair(variant->transport, &self->tx, &self->rx);
	switch_on(self->rx, variant->option);
	self->own = tk_ns_own(TK_YEAR * TK_SEC);
	self->follow = tk_ns_new();
}

FIXTURE_TEARDOWN(stamp)
{
	EXPECT_EQ(0, tk_teardown());
}

/*
 * Send on the host, receive in @ns. A stamp is switched on by a worker some time after
 * setsockopt(), so a first packet may come without; it has to come in the end.
 */
static void check_stamp(const FIXTURE_DATA(stamp) *self,
			const FIXTURE_VARIANT(stamp) *variant, int ns, const char *who)
{
	s64 unit = variant->usec ? TK_USEC : 1, stamp = 0, a, b;
	int tries;

	for (tries = 0; tries < 200 && !stamp; tries++) {
		tk_enter(ns);
		a = tk_now(CLOCK_REALTIME);
		tk_leave();
		REQUIRE(send(self->tx, "x", 1, 0) == 1, "send: %m");
		tk_enter(ns);
		stamp = receive(self->rx, variant->option);
		b = tk_now(CLOCK_REALTIME);
		tk_leave();
		if (!stamp)
			tk_sleep(5 * TK_MSEC);
	}
	if (!CHECK(stamp, "%s: no stamp came", who))
		return;
	CHECK(a - a % unit <= stamp && stamp <= b,
	      "%s: stamped %" PRId64 ", read %" PRId64 " before and %" PRId64 " after", who, stamp,
	      a, b);
}

TEST_F(stamp, follows_the_reader)
{
	int n;

	for (n = 0; n < 10; n++) {
		check_stamp(self, variant, tk_host_fd, "host");
		check_stamp(self, variant, self->own, "own namespace");
		check_stamp(self, variant, self->follow, "follower");
	}
}

/* A packet that waits in the queue while its reader's clock is set: told on the new one. */
TEST_F(stamp, of_a_clock_that_was_set)
{
	s64 unit = variant->usec ? TK_USEC : 1, mono1, stamp, b;
	struct tk_iv line;

	/* Make sure that stamps come at all. */
	check_stamp(self, variant, self->own, "own namespace");
	tk_enter(self->own);
	mono1 = tk_now(CLOCK_MONOTONIC);
	REQUIRE(send(self->tx, "x", 1, 0) == 1, "send: %m");
	CHECK(tk_step(3600 * TK_SEC) >= 0, "step: %m");
	line = tk_line(CLOCK_REALTIME, CLOCK_MONOTONIC, 500);
	stamp = receive(self->rx, variant->option);
	b = tk_now(CLOCK_REALTIME);
	tk_leave();
	/* Not an hour ago, which the old clock would say. */
	CHECK(stamp >= mono1 + line.lo - unit && stamp <= b,
	      "stamped %" PRId64 ", sent after %" PRId64 " (clock as set), read before %" PRId64,
	      stamp, mono1 + line.lo, b);
}

/* ------------------------------------------- a socket that travels by SCM_RIGHTS */

TK_FIXTURE(travel);

struct travel {
	int ns;
	int unix_fd;
	int option;
};

/* In a process of its own, in the namespace: take the socket and read one packet. */
static int traveller(void *arg)
{
	struct travel *t = arg;
	int rx, tries;
	s64 a, b, stamp = 0;

	tk_enter(t->ns);
	rx = tk_receive_fd(t->unix_fd);
	for (tries = 0; tries < 200 && !stamp; tries++) {
		a = tk_now(CLOCK_REALTIME);
		/* "Send one now." */
		REQUIRE(write(t->unix_fd, "g", 1) == 1, "write: %m");
		stamp = receive(rx, t->option);
		b = tk_now(CLOCK_REALTIME);
	}
	REQUIRE(write(t->unix_fd, "q", 1) == 1, "write: %m");
	CHECK(stamp, "no stamp came");
	CHECK_BETWEEN(a, stamp, b, "stamp");
	return 0;
}

TEST_F(travel, socket_passed_to_another_namespace)
{
	static const s64 ahead[] = { TK_YEAR * TK_SEC, -TK_YEAR * TK_SEC };
	int tx, rx, pair[2];
	size_t i;
	char c;

	loopback_up();
	for (i = 0; i < TK_ARRAY(ahead); i++) {
		struct travel t = { .ns = tk_ns_own(ahead[i]), .option = TK_SO_TIMESTAMPNS_NEW };
		pid_t pid;

		connect_pair(UDP, &tx, &rx);
		switch_on(rx, t.option);
		REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair: %m");
		t.unix_fd = pair[1];
		pid = tk_spawn(traveller, &t);
		tk_send_fd(pair[0], rx);
		close(rx);
		close(pair[1]);
		while (read(pair[0], &c, 1) == 1 && c == 'g')
			REQUIRE(send(tx, "x", 1, 0) == 1, "send: %m");
		CHECK(!tk_reap(pid), "the reader failed");
		close(tx);
		close(pair[0]);
	}
}

/* One socket, a reader in each namespace in turn: to each its own. */
TEST_F(travel, one_socket_many_readers)
{
	int fd[3] = { tk_host_fd, tk_ns_own(TK_YEAR * TK_SEC), tk_ns_own(-TK_YEAR * TK_SEC) };
	int tx, rx, n;
	s64 a, b, stamp;

	loopback_up();
	connect_pair(UDP, &tx, &rx);
	switch_on(rx, TK_SO_TIMESTAMPNS_NEW);
	for (n = 0; n < 60; n++) {
		tk_enter(fd[n % 3]);
		a = tk_now(CLOCK_REALTIME);
		REQUIRE(send(tx, "x", 1, 0) == 1, "send: %m");
		stamp = receive(rx, TK_SO_TIMESTAMPNS_NEW);
		b = tk_now(CLOCK_REALTIME);
		CHECK_BETWEEN(a, stamp, b, "stamp");
		tk_leave();
	}
}

TEST_HARNESS_MAIN
