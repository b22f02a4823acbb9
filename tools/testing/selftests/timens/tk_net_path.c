// SPDX-License-Identifier: GPL-2.0
/*
 * A part of tk_net: sockets of each kind, sending and receiving.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/net_tstamp.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fail.h"
#include "lib/file.h"
#include "lib/process.h"
#include "tk_net_path.h"

const char * const kind_name[KINDS] = {
	"UDP", "UDPv6", "raw", "rawv6", "packet", "TCP", "TCPv6",
};

void own_network(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd;

	REQUIRE(!unshare(CLONE_NEWNET), "unshare: %m");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	REQUIRE(fd >= 0, "socket: %m");
	REQUIRE(!ioctl(fd, SIOCGIFFLAGS, &ifr), "SIOCGIFFLAGS: %m");
	ifr.ifr_flags |= IFF_UP;
	REQUIRE(!ioctl(fd, SIOCSIFFLAGS, &ifr), "SIOCSIFFLAGS: %m");
	close(fd);
	/* What a packet socket sends from 127.0.0.1 would be taken for forged */
	REQUIRE(!tk_write_file("/proc/sys/net/ipv4/conf/lo/route_localnet", "1"), "sysctl");
	REQUIRE(!tk_write_file("/proc/sys/net/ipv4/conf/lo/accept_local", "1"), "sysctl");
}

void set_qdisc(const char *kind, const void *opt, unsigned short len)
{
	struct {
		struct nlmsghdr n;
		struct tcmsg t;
		char buf[256];
	} req = {
		.n.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)),
		.n.nlmsg_type = RTM_NEWQDISC,
		.n.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
		.t.tcm_family = AF_UNSPEC,
		.t.tcm_parent = TC_H_ROOT,
		.t.tcm_ifindex = if_nametoindex("lo"),
	};
	struct {
		struct nlmsghdr n;
		struct nlmsgerr e;
		char buf[512];
	} ack;
	struct rtattr *rta;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	REQUIRE(fd >= 0, "socket: %m");
	rta = (void *)((char *)&req + NLMSG_ALIGN(req.n.nlmsg_len));
	rta->rta_type = TCA_KIND;
	rta->rta_len = RTA_LENGTH(strlen(kind) + 1);
	strcpy(RTA_DATA(rta), kind);
	req.n.nlmsg_len = NLMSG_ALIGN(req.n.nlmsg_len) + RTA_ALIGN(rta->rta_len);
	rta = (void *)((char *)&req + req.n.nlmsg_len);
	rta->rta_type = TCA_OPTIONS;
	rta->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(rta), opt, len);
	req.n.nlmsg_len += RTA_ALIGN(rta->rta_len);
	REQUIRE(send(fd, &req, req.n.nlmsg_len, 0) == (ssize_t)req.n.nlmsg_len, "send: %m");
	REQUIRE(recv(fd, &ack, sizeof(ack), 0) > 0, "recv: %m");
	REQUIRE(ack.n.nlmsg_type == NLMSG_ERROR && !ack.e.error, "qdisc %s: %s", kind,
		strerror(-ack.e.error));
	close(fd);
}

static unsigned short checksum(const void *data, size_t len)
{
	const unsigned char *p = data;
	unsigned int sum = 0;
	size_t i;

	for (i = 0; i < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

static void add(struct path *p, const void *data, size_t len)
{
	memcpy(p->data + p->len, data, len);
	p->len += len;
}

void path_open(struct path *p, enum kind kind)
{
	bool v6 = kind == UDP6 || kind == RAW6 || kind == TCP6;
	bool stream = kind == TCP4 || kind == TCP6;
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr *sa = v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
	socklen_t len = v6 ? sizeof(in6) : sizeof(in);
	int type = (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, one = 1, six = 6;
	struct udphdr uh = { .len = htons(sizeof(uh) + sizeof(MAGIC)) };
	struct iphdr ih = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
		.tot_len = htons(sizeof(ih) + sizeof(uh) + sizeof(MAGIC)),
		.saddr = htonl(INADDR_LOOPBACK), .daddr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };

	memset(p, 0, sizeof(*p));
	p->kind = kind;
	p->rx = socket(sa->sa_family, type, 0);
	REQUIRE(p->rx >= 0, "socket: %m");
	REQUIRE(!bind(p->rx, sa, len), "bind: %m");
	REQUIRE(!getsockname(p->rx, sa, &len), "getsockname: %m");
	uh.source = htons(9);
	uh.dest = v6 ? in6.sin6_port : in.sin_port;
	ih.check = checksum(&ih, sizeof(ih));

	switch (kind) {
	case TCP4:
	case TCP6: {
		int listener = p->rx;

		REQUIRE(!listen(listener, 1), "listen: %m");
		p->tx = socket(sa->sa_family, type, 0);
		REQUIRE(p->tx >= 0 && !connect(p->tx, sa, len), "connect: %m");
		REQUIRE(!setsockopt(p->tx, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "%m");
		p->rx = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		REQUIRE(p->rx >= 0, "accept: %m");
		close(listener);
		break;
	}
	case RAW4:
	case RAW6:
		p->tx = socket(sa->sa_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
		REQUIRE(p->tx >= 0, "socket: %m");
		if (v6) {
			REQUIRE(!setsockopt(p->tx, IPPROTO_IPV6, IPV6_CHECKSUM, &six, sizeof(six)),
				"IPV6_CHECKSUM: %m");
			in6.sin6_port = 0;
		}
		REQUIRE(!connect(p->tx, sa, len), "connect: %m");
		add(p, &uh, sizeof(uh));
		break;
	case PACKET:
		/* For sending only: no packet is received */
		p->tx = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		REQUIRE(p->tx >= 0, "socket: %m");
		ll.sll_ifindex = if_nametoindex("lo");
		ll.sll_halen = ETH_ALEN;
		memcpy(&p->to, &ll, sizeof(ll));
		p->to_len = sizeof(ll);
		add(p, &ih, sizeof(ih));
		add(p, &uh, sizeof(uh));
		break;
	default:
		p->tx = socket(sa->sa_family, type, 0);
		REQUIRE(p->tx >= 0 && !connect(p->tx, sa, len), "connect: %m");
	}
	add(p, MAGIC, sizeof(MAGIC));
}

void path_close(struct path *p)
{
	close(p->tx);
	close(p->rx);
}

int path_send(struct path *p, u64 txtime)
{
	union {
		char buf[CMSG_SPACE(sizeof(txtime))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { p->data, p->len };
	struct msghdr msg = {
		.msg_name = p->to_len ? &p->to : NULL, .msg_namelen = p->to_len,
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct cmsghdr *c;

	if (txtime) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SO_TXTIME;
		c->cmsg_len = CMSG_LEN(sizeof(txtime));
		memcpy(CMSG_DATA(c), &txtime, sizeof(txtime));
	}
	return sendmsg(p->tx, &msg, 0) < 0 ? -errno : 0;
}

bool wait_for_ms(int fd, short events, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, ms) == 1;
}

bool wait_for(int fd, short events)
{
	return wait_for_ms(fd, events, tk_patience_ms());
}

void path_receive(struct path *p)
{
	char data[128];

	REQUIRE(recv(p->rx, data, sizeof(data), 0) > 0, "recv from %s: %m", kind_name[p->kind]);
}

int receive(int fd, int flags, struct told *told)
{
	union {
		char buf[1024];
		struct cmsghdr align;
	} control;
	char data[2048];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	memset(told, 0, sizeof(*told));
	if (recvmsg(fd, &msg, flags) < 0)
		return -errno;
	CHECK(!(msg.msg_flags & MSG_CTRUNC), "control data was cut");
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		long old[2];
		s64 new[2];

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == TK_SO_TIMESTAMPING_OLD) {
			memcpy(old, CMSG_DATA(c), sizeof(old));
			told->stamp = old[0] * TK_SEC + old[1];
		} else if (c->cmsg_level == SOL_SOCKET &&
			   (c->cmsg_type == TK_SO_TIMESTAMPING_NEW ||
			    c->cmsg_type == TK_SO_TIMESTAMPNS_NEW)) {
			memcpy(new, CMSG_DATA(c), sizeof(new));
			told->stamp = tk_ns(new[0], new[1]);
		} else if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
			   (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR) ||
			   (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_TX_TIMESTAMP)) {
			told->error = true;
			memcpy(&told->ee, CMSG_DATA(c), sizeof(told->ee));
		}
	}
	return 0;
}

void stamps_on(void)
{
	int on = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, n;
	struct told told = { 0 };
	struct path p;
	s64 before = 0;

	path_open(&p, UDP4);
	REQUIRE(!setsockopt(p.rx, SOL_SOCKET, TK_SO_TIMESTAMPING_NEW, &on, sizeof(on)),
		"setsockopt: %m");
	for (n = 0; n < 1000 && !(told.stamp && told.stamp < before); n++) {
		REQUIRE(!path_send(&p, 0), "send: %m");
		REQUIRE(wait_for(p.rx, POLLIN), "did not come");
		tk_sleep(TK_MSEC);
		before = tk_now(CLOCK_REALTIME);
		REQUIRE(!receive(p.rx, 0, &told), "recvmsg: %m");
	}
	REQUIRE(told.stamp && told.stamp < before, "no packet is stamped when it comes");
}

int packet_socket(int type)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("lo"),
	};
	int fd = socket(AF_PACKET, type | SOCK_CLOEXEC, htons(ETH_P_ALL));

	REQUIRE(fd >= 0, "socket: %m");
	REQUIRE(!bind(fd, (struct sockaddr *)&ll, sizeof(ll)), "bind: %m");
	return fd;
}
