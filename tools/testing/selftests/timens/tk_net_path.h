/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets on a loopback device, and what the kernel tells of their times, for tk_net.
 */
#ifndef TK_NET_PATH_H
#define TK_NET_PATH_H

#include <linux/errqueue.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "lib/base.h"

/* The numbers that a C library of one word size hides: the old and new layouts */
#define TK_SO_TIMESTAMPING_OLD 37
#define TK_SO_TIMESTAMPING_NEW 65
#define TK_SO_TIMESTAMPNS_NEW 64

/* In each packet that is sent here */
#define MAGIC "timens-tk-magic"

enum kind { UDP4, UDP6, RAW4, RAW6, PACKET, TCP4, TCP6, KINDS };

extern const char * const kind_name[KINDS];

/* Who sends, and who receives it */
struct path {
	enum kind kind;
	int tx;
	int rx;
	char data[96];
	size_t len;
	struct sockaddr_storage to;
	socklen_t to_len;	/* 0: connected */
};

/* A network of its own, whose loopback device is up */
void own_network(void);

/* Put a queueing discipline on the loopback device; @opt are its options */
void set_qdisc(const char *kind, const void *opt, unsigned short len);

void path_open(struct path *p, enum kind kind);
void path_close(struct path *p);

/* Send, with a transmit time if there is one */
int path_send(struct path *p, u64 txtime);
void path_receive(struct path *p);

/* Does one of @events come in this time? The other waits for as long as it may take. */
bool wait_for_ms(int fd, short events, int ms);
bool wait_for(int fd, short events);

/* What the control data of a message say */
struct told {
	s64 stamp;		/* 0: none */
	bool error;		/* there is an extended error */
	struct sock_extended_err ee;
};

int receive(int fd, int flags, struct told *told);

/*
 * The stamps of arriving packets are switched on by the first socket which wants
 * them, and that by a work item: a packet may come before, and is stamped when it
 * is read, if at all. Want them for as long as the process lives, and wait until
 * one is older than the reading.
 */
void stamps_on(void);

/* All packets, which on a loopback device come twice: outgoing and incoming */
int packet_socket(int type);

#endif /* TK_NET_PATH_H */
