/* SPDX-License-Identifier: GPL-2.0 */
/* Going into new namespaces, for the commands which run something. */
#ifndef TKNS_NS_H
#define TKNS_NS_H

enum user_mode {
	USER_AUTO,		/* a user namespace if there is no other way */
	USER_KEEP,		/* one in which the caller is who it is */
	USER_ROOT,		/* one in which the caller is root */
};

enum net_mode {
	NET_HOST,		/* the network of the caller */
	NET_NEW,		/* a new one, with lo up */
	NET_NONE,		/* a new one in which nothing is up */
};

/* What the option --user is, for a line of help */
#define NS_USER_HELP \
	"Use a user namespace, as is done for a caller without privilege anyway; the caller stays who it is there (keep), or is root"

/* The value of --user, or NULL when it has none. Ends on an error. */
enum user_mode ns_parse_user(const char *text);

/*
 * Take the calling process, which has a single thread, into a new time
 * namespace and into whatever else is needed or asked for. What it executes
 * later keeps the capabilities which concern these namespaces, also as an
 * ordinary user. Ends on an error.
 */
void ns_enter(enum user_mode user, enum net_mode net);

/*
 * The same, with something to be done while nobody is in the time namespace yet, which is that of the
 * caller's children then: all of its clocks can be restored.
 */
void ns_enter_after(enum user_mode user, enum net_mode net, void (*prepare)(void *arg), void *arg);

/*
 * Let what is executed keep the capability to set the clock in a user namespace which the
 * calling process has entered, also as an ordinary user. Ends on an error.
 */
void ns_keep_caps(void);

#endif /* TKNS_NS_H */
