/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled regular expressions by pattern, counted by the products that use them. */
#include "xlate/regex.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/hash.h"
#include "re/re.h"
#include "xlate/priv.h"

struct regex {
	atomic_uint references; /* of the table and of each use */
	struct hdl_re *re;
	size_t bytes;
	uint64_t hash;
	struct regex *next; /* in the table */
	char pattern[];
};

struct hdl_xl_regex_use {
	struct regex *regex;
	struct hdl_xl_regex_use *next;
};

struct hdl_xl_regexes {
	struct regex **bucket;
	size_t buckets, n, bytes;
};

struct hdl_xl_regexes *hdl_xl_regexes_new(void)
{
	return hdl_ir_alloc(1, sizeof(struct hdl_xl_regexes));
}

static void unref(struct regex *regex)
{
	if (atomic_fetch_sub_explicit(&regex->references, 1, memory_order_acq_rel) != 1)
		return;
	hdl_re_free(regex->re);
	hdl_ir_free(regex);
}

void hdl_xl_regexes_leave(struct hdl_xl_regex_use *uses)
{
	for (; uses; uses = uses->next)
		unref(uses->regex);
}

void hdl_xl_regexes_free(struct hdl_xl_regexes *regexes)
{
	if (!regexes)
		return;
	for (size_t i = 0; i < regexes->buckets; i++)
		for (struct regex *regex = regexes->bucket[i], *next; regex; regex = next) {
			next = regex->next;
			unref(regex);
		}
	hdl_ir_free(regexes->bucket);
	hdl_ir_free(regexes);
}

/* Nobody but the table has them. */
static void sweep(struct hdl_xl_regexes *regexes)
{
	for (size_t i = 0; i < regexes->buckets; i++)
		for (struct regex **at = &regexes->bucket[i]; *at;) {
			struct regex *regex = *at;

			if (atomic_load_explicit(&regex->references, memory_order_acquire) != 1) {
				at = &regex->next;
				continue;
			}
			*at = regex->next;
			regexes->n--;
			regexes->bytes -= regex->bytes;
			unref(regex);
		}
}

static int grow(struct hdl_xl_regexes *regexes)
{
	size_t buckets = regexes->buckets ? regexes->buckets * 2 : 16;
	struct regex **bucket;

	/* before it gets larger for the sake of those of former versions */
	sweep(regexes);
	if (regexes->n < regexes->buckets / 2)
		return 0;
	bucket = hdl_ir_alloc(buckets, sizeof(struct regex *));
	if (!bucket)
		return -ENOMEM;
	for (size_t i = 0; i < regexes->buckets; i++)
		for (struct regex *regex = regexes->bucket[i], *next; regex; regex = next) {
			next = regex->next;
			regex->next = bucket[regex->hash & (buckets - 1)];
			bucket[regex->hash & (buckets - 1)] = regex;
		}
	hdl_ir_free(regexes->bucket);
	regexes->bucket = bucket;
	regexes->buckets = buckets;
	return 0;
}

static int add(struct hdl_xl *xl, const char *pattern, uint64_t hash, struct regex **ret)
{
	struct hdl_xl_regexes *regexes = xl->regexes;
	size_t n = strlen(pattern) + 1;
	struct regex *regex;
	struct hdl_re *re;
	int r = hdl_re_compile(hdl_str_of(pattern), &re, NULL);

	if (r < 0)
		return r == -ENOMEM ? r : -EINVAL;
	regex = hdl_ir_alloc(1, sizeof(*regex) + n);
	if (!regex || (regexes->n >= regexes->buckets && grow(regexes) < 0)) {
		hdl_ir_free(regex);
		hdl_re_free(re);
		return -ENOMEM;
	}
	memcpy(regex->pattern, pattern, n);
	atomic_init(&regex->references, 1);
	regex->re = re;
	regex->hash = hash;
	regex->bytes = hdl_re_bytes(re);
	regex->next = regexes->bucket[hash & (regexes->buckets - 1)];
	regexes->bucket[hash & (regexes->buckets - 1)] = regex;
	regexes->n++;
	regexes->bytes += regex->bytes;
	*ret = regex;
	if (regexes->bytes <= xl->regex_bytes_max)
		return 0;
	atomic_fetch_add_explicit(&regex->references, 1, memory_order_relaxed);
	sweep(regexes);
	atomic_fetch_sub_explicit(&regex->references, 1, memory_order_relaxed);
	if (regexes->bytes <= xl->regex_bytes_max)
		return 0;
	xl->too_large = xl->regexes_too_large = true;
	return -ENOMEM;
}

static bool uses(const struct hdl_xl_product *product, const struct regex *regex)
{
	const struct hdl_xl_regex_use *use = product->regexes;

	while (use && use->regex != regex)
		use = use->next;
	return use != NULL;
}

int hdl_xl_regex(struct hdl_xl *xl, const char *pattern, const struct hdl_re **ret)
{
	uint64_t hash = hdl_hash64(pattern, strlen(pattern), hdl_hash_process_seed());
	struct hdl_xl_regexes *t = xl->regexes;
	struct hdl_xl_product *product = xl->build->product;
	struct regex *regex = t->buckets ? t->bucket[hash & (t->buckets - 1)] : NULL;
	struct hdl_xl_regex_use *use;
	int r;

	while (regex && (regex->hash != hash || strcmp(regex->pattern, pattern) != 0))
		regex = regex->next;
	if (!regex) {
		r = add(xl, pattern, hash, &regex);
		if (r < 0)
			return r;
	}
	*ret = regex->re;
	if (uses(product, regex))
		return 0;
	use = hdl_arena_alloc(xl->arena, sizeof(*use));
	if (!use)
		return -ENOMEM;
	*use = (struct hdl_xl_regex_use){ regex, product->regexes };
	atomic_fetch_add_explicit(&regex->references, 1, memory_order_relaxed);
	product->regexes = use;
	return 0;
}
