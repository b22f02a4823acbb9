// SPDX-License-Identifier: GPL-2.0
/*
 * Timestamps of a file system on the clock of a time namespace
 *
 * A timestamp is read by everybody who sees the file system, now and after the next
 * boot. So it is the host's time, whatever the clock of the task that writes: a file
 * server, a backup or another container would else find files of the future. In a
 * container with another date this is noticed: find -mtime +30 finds a fresh file, and
 * make complains about the clock.
 *
 * A file system that nobody else sees is another matter. Who mounts it says so, by the
 * option "timens", which every file system has that takes its options from the VFS, as
 * "lazytime" and "sync". Its timestamps are then read from CLOCK_REALTIME_COARSE of the
 * time namespace of the task that mounts it, for as long as it is mounted and whoever
 * writes: the clock belongs to the file system, not to the writer, so that the times in
 * it can be compared. A namespace without a clock of its own has the host's.
 *
 * What may be mounted so:
 *
 *  - The superblock and the time namespace belong to the same user namespace. So
 *    nobody gets the timestamps of a file system under his control that is not his.
 *  - Not in the initial time namespace, where the option would say nothing.
 *  - What is mounted does not change. A remount may repeat the option, as mount(8)
 *    does. An existing superblock is not shared with who asks for another clock.
 *
 * All of it is in current_time(), where the VFS and the file systems have the present
 * time from: UTIME_NOW, noatime and relatime, lazytime and the creation time of statx()
 * are decided there or behind it. What a file system has from elsewhere stays as it is:
 * an overlay shows the timestamps of its upper layer, fuse and network file systems
 * those of their server, kernfs (sysfs, cgroup) the host's.
 *
 *
 * Lifetime
 * --------
 *
 * The context of the mount holds the time namespace, and then the superblock, until its
 * memory is freed, which is behind the last reader of an inode. The namespace may so be
 * held by its file system alone; its clock goes on, and stays charged to its creator.
 * It does not hold the file system, so there is no circle.
 *
 *   CPU 0 (writes a file)                CPU 1 (clock_settime in the namespace)
 *   sb->s_time_ns: set before the
 *     superblock was visible
 *   read the clock under tkd.seq         write section
 *   or again
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/timens_fs.h>

/**
 * timens_fs_parse - The mount option "timens"
 * @fc:		The context of the mount
 * @param:	The option
 *
 * Context: the task that mounts
 * Return: 0; -ENOPARAM if it is another option; -EINVAL in the initial time namespace,
 * with a value, for a file system without the mount API, and for a remount of what was
 * mounted without it; -EPERM if the time
 * namespace belongs to another user namespace than what is mounted
 */
int timens_fs_parse(struct fs_context *fc, const struct fs_parameter *param)
{
	struct time_namespace *ns = current->nsproxy->time_ns;

	if (strcmp(param->key, "timens"))
		return -ENOPARAM;
	if (param->type != fs_value_is_flag)
		return invalfc(fc, "timens takes no value");
	/* sget() does not see the context: the option would be taken and do nothing */
	if (!fc->fs_type->init_fs_context)
		return invalfc(fc, "timens is not known to %s", fc->fs_type->name);
	if (fc->purpose == FS_CONTEXT_FOR_RECONFIGURE) {
		if (fc->root->d_sb->s_time_ns)
			return 0;
		return invalfc(fc, "timens cannot be changed");
	}
	if (ns == &init_time_ns)
		return invalfc(fc, "timens needs a time namespace");
	if (fc->global || ns->user_ns != fc->user_ns) {
		errorfc(fc, "timens needs a time namespace of the same user namespace");
		return -EPERM;
	}
	if (fc->time_ns != ns) {
		timens_fs_free(fc);
		get_time_ns(ns);
		fc->time_ns = ns;
	}
	return 0;
}

/**
 * timens_fs_dup - A context was copied
 * @fc:		The copy
 */
void timens_fs_dup(struct fs_context *fc)
{
	if (fc->time_ns)
		get_time_ns(fc->time_ns);
}

/**
 * timens_fs_free - A context goes
 * @fc:		The context
 */
void timens_fs_free(struct fs_context *fc)
{
	if (fc->time_ns)
		put_time_ns(fc->time_ns);
	fc->time_ns = NULL;
}

/**
 * timens_fs_take - A superblock is made
 * @sb:		The superblock, which nobody sees yet
 * @fc:		The context of its mount
 *
 * Context: any
 */
void timens_fs_take(struct super_block *sb, const struct fs_context *fc)
{
	if (!fc->time_ns)
		return;
	get_time_ns(fc->time_ns);
	sb->s_time_ns = fc->time_ns;
}

/**
 * timens_fs_put - A superblock is freed
 * @sb:		The superblock, which nobody sees any more
 *
 * Context: process context
 */
void timens_fs_put(struct super_block *sb)
{
	if (sb->s_time_ns)
		put_time_ns(sb->s_time_ns);
}

/**
 * timens_fs_show - Print the option if it was given
 * @m:		/proc/PID/mounts or mountinfo
 * @sb:		The superblock
 */
void timens_fs_show(struct seq_file *m, const struct super_block *sb)
{
	if (sb->s_time_ns)
		seq_puts(m, ",timens");
}
