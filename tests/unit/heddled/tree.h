/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of configuration files that tests write, rename and remove. */
#ifndef HDL_TESTS_HEDDLED_TREE_H
#define HDL_TESTS_HEDDLED_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unit/unit.h"

struct tree {
	char root[64];
};

static inline const char *tree_path(const struct tree *tree, const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned int next;
	char *p = path[next++ % 4];

	snprintf(p, PATH_MAX, "%s%s%s", tree->root, name[0] ? "/" : "", name);
	return p;
}

static inline void tree_make(struct tree *tree)
{
	snprintf(tree->root, sizeof(tree->root), "/tmp/hdl-tree-XXXXXX");
	assert_non_null(mkdtemp(tree->root));
}

static inline int tree_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void tree_remove(struct tree *tree)
{
	nftw(tree->root, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void tree_mkdir(const struct tree *tree, const char *name)
{
	assert_int_equal(mkdir(tree_path(tree, name), 0755), 0);
}

/* In place: truncates, writes, closes. */
static inline void tree_write(const struct tree *tree, const char *name, const char *text)
{
	FILE *file = fopen(tree_path(tree, name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Another file, renamed over the name. */
static inline void tree_replace(const struct tree *tree, const char *name, const char *text)
{
	tree_write(tree, ".new", text);
	assert_int_equal(rename(tree_path(tree, ".new"), tree_path(tree, name)), 0);
}

static inline void tree_link(const struct tree *tree, const char *target, const char *name)
{
	assert_int_equal(symlink(target, tree_path(tree, name)), 0);
}

static inline void tree_unlink(const struct tree *tree, const char *name)
{
	assert_int_equal(unlink(tree_path(tree, name)), 0);
}

#endif
