/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timestamps of a file system on the clock of a time namespace
 *
 * The design is in the opening comment of fs/timens.c.
 */
#ifndef _LINUX_TIMENS_FS_H
#define _LINUX_TIMENS_FS_H

#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/timekeeper_ns.h>
#include <linux/timekeeping.h>

struct fs_parameter;
struct seq_file;

#ifdef CONFIG_TIMEKEEPER_NS

int timens_fs_parse(struct fs_context *fc, const struct fs_parameter *param);
void timens_fs_dup(struct fs_context *fc);
void timens_fs_free(struct fs_context *fc);
void timens_fs_take(struct super_block *sb, const struct fs_context *fc);
void timens_fs_put(struct super_block *sb);
void timens_fs_show(struct seq_file *m, const struct super_block *sb);

/* Whether a superblock which exists has its timestamps from another clock than is asked for */
static inline bool timens_fs_differs(const struct super_block *sb, const struct fs_context *fc)
{
	return sb->s_time_ns != fc->time_ns;
}

/**
 * timens_fs_time - The present time for a timestamp
 * @sb:		The superblock of the inode
 * @now:	Storage for the time, that of the last tick
 *
 * Without an owner of a clock on the machine, or for a file system that is not mounted
 * with "timens", it is the host's.
 *
 * Context: any but NMI
 */
static inline void timens_fs_time(const struct super_block *sb, struct timespec64 *now)
{
	if (static_branch_unlikely(&timens_tk_key.key) && sb->s_time_ns)
		timens_tk_coarse_real(sb->s_time_ns, now);
	else
		ktime_get_coarse_real_ts64(now);
}

#else /* !CONFIG_TIMEKEEPER_NS */

static inline int timens_fs_parse(struct fs_context *fc, const struct fs_parameter *param)
{
	return -ENOPARAM;
}

static inline void timens_fs_dup(struct fs_context *fc) { }
static inline void timens_fs_free(struct fs_context *fc) { }
static inline void timens_fs_take(struct super_block *sb, const struct fs_context *fc) { }
static inline void timens_fs_put(struct super_block *sb) { }
static inline void timens_fs_show(struct seq_file *m, const struct super_block *sb) { }

static inline bool timens_fs_differs(const struct super_block *sb, const struct fs_context *fc)
{
	return false;
}

static inline void timens_fs_time(const struct super_block *sb, struct timespec64 *now)
{
	ktime_get_coarse_real_ts64(now);
}

#endif /* CONFIG_TIMEKEEPER_NS */

#endif /* _LINUX_TIMENS_FS_H */
