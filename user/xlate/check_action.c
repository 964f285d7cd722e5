/* SPDX-License-Identifier: Apache-2.0 */
/* What of the actions of an http rule can be refused before it meets others: commands in header values, texts on the wire. */
#include "xlate/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "re/re.h"

struct rule {
	struct hdl_diags *diags;
	const struct hdl_resource *res;
	const char *field; /* "spec.http[0]" */
	bool good;
};

static void refuse(struct rule *rule, struct hdl_pos pos, const char *member, const char *text)
{
	char field[XL_FIELD_MAX + 64];

	snprintf(field, sizeof(field), "%s.%s", rule->field, member);
	hdl_xl_report(rule->diags, HDL_ERROR, rule->res, pos, field, "%s", text);
	rule->good = false;
}

/* A start line, a Host and a Location have neither blanks nor control characters. */
static void visible(struct rule *rule, const struct hdl_text *text, const char *member)
{
	for (const char *p = text->s ? text->s : ""; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f) {
			refuse(rule, text->pos, member, "has a blank or a control character, which cannot be sent");
			return;
		}
}

static void values(struct rule *rule, const struct hdl_kvs *kvs, const char *member)
{
	struct hdl_err err;

	for (size_t i = 0; i < kvs->n; i++)
		if (hdl_subst_check(hdl_str_of(kvs->at[i].value), &err) < 0)
			refuse(rule, kvs->at[i].pos, member, err.text);
}

static void headers(struct rule *rule, const struct hdl_vs_headers *h, const char *before)
{
	const struct hdl_vs_header_ops *const ops[] = { h ? h->request : NULL, h ? h->response : NULL };
	static const char *const names[] = { "request", "response" };
	char member[64];

	for (int i = 0; i < 2; i++) {
		if (!ops[i])
			continue;
		snprintf(member, sizeof(member), "%sheaders.%s.set", before, names[i]);
		values(rule, &ops[i]->set, member);
		snprintf(member, sizeof(member), "%sheaders.%s.add", before, names[i]);
		values(rule, &ops[i]->add, member);
	}
}

/* The groups that the text names; whether the expression compiles is said elsewhere. */
static void regex_rewrite(struct rule *rule, const struct hdl_vs_regex_rewrite *spec)
{
	struct hdl_err err;
	struct hdl_re *re;

	visible(rule, &spec->rewrite, "rewrite.uriRegexRewrite.rewrite");
	if (hdl_re_compile(hdl_str_of(spec->match.s), &re, NULL) < 0)
		return;
	if (hdl_re_check_rewrite(re, hdl_str_of(spec->rewrite.s), &err) < 0)
		refuse(rule, spec->rewrite.pos, "rewrite.uriRegexRewrite.rewrite", err.text);
	hdl_re_free(re);
}

bool hdl_xl_actions_ok(struct hdl_diags *diags, const struct hdl_resource *res, const struct hdl_vs_http *http,
		       const char *field)
{
	struct rule rule = { diags, res, field, true };
	char before[32];

	headers(&rule, http->headers, "");
	for (size_t i = 0; i < http->route.n; i++) {
		snprintf(before, sizeof(before), "route[%zu].", i);
		headers(&rule, http->route.at[i].headers, before);
	}
	if (http->redirect) {
		visible(&rule, &http->redirect->uri, "redirect.uri");
		visible(&rule, &http->redirect->prefix_rewrite, "redirect.prefixRewrite");
		visible(&rule, &http->redirect->authority, "redirect.authority");
	}
	if (http->rewrite) {
		visible(&rule, &http->rewrite->uri, "rewrite.uri");
		visible(&rule, &http->rewrite->authority, "rewrite.authority");
		if (http->rewrite->uri_regex_rewrite)
			regex_rewrite(&rule, http->rewrite->uri_regex_rewrite);
	}
	return rule.good;
}
