/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic that goes to other endpoints, although it may go to the same clusters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "plan/priv.h"

#define NAMED_MAX 8 /* endpoints that a line names, of each kind */
#define MILLION 1000000
#define NOTHING 1e-9 /* less is rounding */

/* An endpoint's share of the traffic of its cluster. */
struct part {
	char key[HDL_ADDR_PORT_TEXT_MAX];
	double share;
};

struct parts {
	struct part *at;
	size_t n;
};

static bool serves(const struct hdl_ir_endpoint *e)
{
	return e->status == HDL_IR_HEALTHY && !e->standby;
}

static bool same_endpoint(const struct hdl_ir_endpoint *a, const struct hdl_ir_endpoint *b)
{
	for (int family = 0; family < HDL_FAMILIES; family++)
		if (!hdl_addr_equal(&a->address[family], &b->address[family]))
			return false;
	return a->port == b->port && a->weight == b->weight && a->priority == b->priority && serves(a) == serves(b);
}

static bool same_groups(const struct hdl_ir_cluster *a, const struct hdl_ir_cluster *b)
{
	for (size_t i = 0; i < a->group_count && a->group_count == b->group_count; i++)
		if (a->groups[i].weight != b->groups[i].weight || a->groups[i].count != b->groups[i].count)
			return false;
	return a->group_count == b->group_count;
}

static bool same_endpoints(const struct hdl_ir_cluster *a, const struct hdl_ir_cluster *b)
{
	if (a->endpoint_count != b->endpoint_count || !same_groups(a, b))
		return false;
	for (size_t i = 0; i < a->endpoint_count; i++)
		if (!same_endpoint(&a->endpoints[i], &b->endpoints[i]))
			return false;
	return true;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct part *)a)->key, ((const struct part *)b)->key);
}

/* Of endpoints from..to, which share what is given. */
static void add_parts(const struct hdl_ir_cluster *cluster, size_t from, size_t to, double share, struct parts *parts)
{
	double total = 0;

	for (size_t i = from; i < to; i++)
		if (serves(&cluster->endpoints[i]))
			total += cluster->endpoints[i].weight;
	for (size_t i = from; i < to && total > 0; i++) {
		const struct hdl_ir_endpoint *e = &cluster->endpoints[i];
		const struct hdl_addr *v4 = &e->address[HDL_FAMILY_V4], *v6 = &e->address[HDL_FAMILY_V6];

		if (!serves(e))
			continue;
		hdl_addr_port_print(hdl_addr_is_zero(v4) ? v6 : v4, e->port, parts->at[parts->n].key);
		parts->at[parts->n++].share = share * e->weight / total;
	}
}

/* While all are well: the first priority that has endpoints gets everything (specification C.4). */
static void add_groups(const struct hdl_ir_cluster *cluster, struct parts *parts)
{
	size_t first = 0, end;
	double total = 0;

	while (first < cluster->group_count && !cluster->groups[first].healthy)
		first++;
	for (end = first;
	     end < cluster->group_count && cluster->groups[end].priority == cluster->groups[first].priority; end++)
		if (cluster->groups[end].healthy)
			total += cluster->groups[end].weight ? cluster->groups[end].weight : 1;
	for (size_t i = first; i < end; i++) {
		const struct hdl_ir_group *group = &cluster->groups[i];

		if (group->healthy)
			add_parts(cluster, group->first, group->first + group->count,
				  (group->weight ? group->weight : 1) / total, parts);
	}
}

/* Sorted, each endpoint once. 0 or -ENOMEM. */
static int parts_of(const struct hdl_ir_cluster *cluster, struct parts *ret)
{
	size_t kept = 0;

	*ret = (struct parts){ .at = calloc(cluster->endpoint_count + 1, sizeof(*ret->at)) };
	if (!ret->at)
		return -ENOMEM;
	if (cluster->group_count)
		add_groups(cluster, ret);
	else
		add_parts(cluster, 0, cluster->endpoint_count, 1, ret);
	qsort(ret->at, ret->n, sizeof(*ret->at), by_key);
	for (size_t i = 0; i < ret->n; i++) {
		if (kept && strcmp(ret->at[kept - 1].key, ret->at[i].key) == 0)
			ret->at[kept - 1].share += ret->at[i].share;
		else
			ret->at[kept++] = ret->at[i];
	}
	ret->n = kept;
	return 0;
}

static void name_one(struct hdl_buf *text, const char *sign, const char *key, size_t *count)
{
	if (++*count <= NAMED_MAX)
		hdl_buf_printf(text, " %s%s", sign, key);
}

/* What the endpoints lose, over all of them; text: those that come and go. */
static double lost(const struct parts *before, const struct parts *after, struct hdl_buf *text)
{
	size_t i = 0, j = 0, gone = 0, come = 0;
	double sum = 0;

	while (i < before->n || j < after->n) {
		int order = i == before->n ? 1 : j == after->n ? -1 : by_key(&before->at[i], &after->at[j]);
		double was = order <= 0 ? before->at[i].share : 0, is = order >= 0 ? after->at[j].share : 0;

		if (order < 0)
			name_one(text, "-", before->at[i].key, &gone);
		if (order > 0)
			name_one(text, "+", after->at[j].key, &come);
		sum += was > is ? was - is : 0;
		i += order <= 0;
		j += order >= 0;
	}
	if (gone > NAMED_MAX || come > NAMED_MAX)
		hdl_buf_printf(text, " (%zu go, %zu come)", gone, come);
	/* to nobody, or from nobody: all of it */
	return before->n && after->n ? sum : before->n || after->n ? 1 : 0;
}

/* Share of the traffic of a cluster that other endpoints get, and a line about it. 0 or -ENOMEM. */
static int cluster_lost(const struct hdl_ir_cluster *before, const struct hdl_ir_cluster *after, double *ret,
			struct hdl_buf *text)
{
	struct parts a = { 0 }, b = { 0 };
	struct hdl_buf line = { 0 };
	int r = parts_of(before, &a);

	if (r == 0)
		r = parts_of(after, &b);
	if (r == 0) {
		hdl_buf_adds(&line, "");
		*ret = lost(&a, &b, &line);
		if (*ret > NOTHING)
			hdl_buf_printf(text, "endpoints of %s: %zu before, %zu after%s%.*s\n", after->name, a.n, b.n,
				       line.n ? ";" : ", other weights", (int)line.n, line.p ? line.p : "");
		r = line.failed || text->failed ? -ENOMEM : 0;
	}
	hdl_buf_done(&line);
	free(a.at);
	free(b.at);
	return r;
}

/* Share of a cluster in a split that names it perhaps twice. */
static double split_share(const struct hdl_ir_destination *d, size_t n, const char *name)
{
	double total = 0, own = 0;
	bool even = true;

	for (size_t i = 0; i < n; i++)
		even &= d[i].weight == 0;
	for (size_t i = 0; i < n; i++) {
		double weight = even ? 1 : d[i].weight;

		total += weight;
		own += strcmp(d[i].cluster_name, name) == 0 ? weight : 0;
	}
	return total > 0 ? own / total : 0;
}

static const struct hdl_ir_cluster *find(const struct hdl_ir_destination *d, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(d[i].cluster_name, name) == 0)
			return d[i].cluster;
	return NULL;
}

/* Sum over the clusters that both sides go to. */
static int all_lost(const struct hdl_ir_destination *before, size_t before_n, const struct hdl_ir_destination *after,
		    size_t after_n, double *ret, struct hdl_buf *text)
{
	for (size_t i = 0; i < before_n; i++) {
		const char *name = before[i].cluster_name;
		const struct hdl_ir_cluster *was = before[i].cluster, *is = find(after, after_n, name);
		double a, b, share = 0;
		int r;

		if (!was || !is || find(before, i, name) || same_endpoints(was, is))
			continue;
		a = split_share(before, before_n, name);
		b = split_share(after, after_n, name);
		if (a <= 0 || b <= 0)
			continue;
		r = cluster_lost(was, is, &share, text);
		if (r < 0)
			return r;
		*ret += share * (a < b ? a : b);
	}
	return 0;
}

int hdl_preview_moved(struct hdl_arena *arena, const struct hdl_ir_destination *before, size_t before_n,
		      const struct hdl_ir_destination *after, size_t after_n, struct hdl_preview_share *ret,
		      const char **ret_text)
{
	struct hdl_preview_share share = hdl_preview_share_of(before, before_n, after, after_n);
	const char *lines = "";
	struct hdl_buf text = { 0 };
	double more = 0;
	int r = all_lost(before, before_n, after, after_n, &more, &text);

	if (r == 0 && text.n) {
		double all = more + (double)share.part / (double)share.whole;

		share = hdl_preview_share_reduced((uint64_t)(all * MILLION + 0.5), MILLION);
		lines = hdl_arena_strndup(arena, text.p, text.n);
		r = lines ? 0 : -ENOMEM;
	}
	hdl_buf_done(&text);
	if (r < 0)
		return r;
	*ret = share;
	*ret_text = lines;
	return 0;
}
