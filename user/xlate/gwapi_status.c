/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses of Gateway API objects: their times from one derivation to the next, and their form in JSON (F.6). */
#include "xlate/gwapi.h"

#include <string.h>
#include <strings.h>
#include "base/buf.h"
#include "base/rfc3339.h"
#include "model/resource.h"
#include "model/schema.h"

/* ---- times ---- */

static void carry_conditions(const struct hdl_gwapi_conditions *before, struct hdl_gwapi_conditions *now,
			     int64_t now_ns)
{
	for (size_t i = 0; i < now->n; i++) {
		now->at[i].since_ns = now_ns;
		for (size_t j = 0; before && j < before->n; j++)
			if (!strcmp(before->at[j].type, now->at[i].type) && before->at[j].status == now->at[i].status)
				now->at[i].since_ns = before->at[j].since_ns;
	}
}

static bool same_text(const struct hdl_text *a, const struct hdl_text *b)
{
	return a->s && b->s ? !strcmp(a->s, b->s) : a->s == b->s;
}

static bool same_ref(const struct hdl_gwapi_ref *a, const struct hdl_gwapi_ref *b)
{
	if (!a || !b)
		return a == b;
	return same_text(&a->group, &b->group) && same_text(&a->kind, &b->kind) && same_text(&a->ns, &b->ns) &&
	       same_text(&a->name, &b->name) && same_text(&a->section_name, &b->section_name) &&
	       a->port.value == b->port.value;
}

static void carry_listeners(const struct hdl_gwapi_status *before, struct hdl_gwapi_status *now, int64_t now_ns)
{
	for (size_t i = 0; i < now->listener_count; i++) {
		const struct hdl_gwapi_conditions *old = NULL;

		for (size_t j = 0; before && j < before->listener_count; j++)
			if (!strcmp(before->listeners[j].name, now->listeners[i].name))
				old = &before->listeners[j].conditions;
		carry_conditions(old, &now->listeners[i].conditions, now_ns);
	}
}

static void carry_parents(const struct hdl_gwapi_status *before, struct hdl_gwapi_status *now, int64_t now_ns)
{
	for (size_t i = 0; i < now->parent_count; i++) {
		const struct hdl_gwapi_conditions *old = NULL;

		for (size_t j = 0; before && j < before->parent_count; j++)
			if (same_ref(before->parents[j].ref, now->parents[i].ref))
				old = &before->parents[j].conditions;
		carry_conditions(old, &now->parents[i].conditions, now_ns);
	}
}

static bool same_object(const struct hdl_resource *a, const struct hdl_resource *b)
{
	return a->kind == b->kind && !strcmp(a->name, b->name) && !strcmp(a->ns, b->ns);
}

/* From where the last one was found on, and around: both lists are in the order of the files. */
static const struct hdl_gwapi_status *find(const struct hdl_gwapi_statuses *before, const struct hdl_resource *res,
					   size_t *at)
{
	for (size_t i = 0; before && i < before->n; i++) {
		size_t k = (*at + i) % before->n;

		if (same_object(before->at[k].res, res)) {
			*at = k + 1;
			return &before->at[k];
		}
	}
	return NULL;
}

void hdl_gwapi_carry(const struct hdl_gwapi_statuses *before, struct hdl_gwapi_statuses *statuses, int64_t now_ns)
{
	size_t at = 0;

	for (size_t i = 0; i < statuses->n; i++) {
		struct hdl_gwapi_status *now = &statuses->at[i];
		const struct hdl_gwapi_status *old = find(before, now->res, &at);

		carry_conditions(old ? &old->conditions : NULL, &now->conditions, now_ns);
		carry_listeners(old, now, now_ns);
		carry_parents(old, now, now_ns);
	}
}

/* ---- JSON ---- */

static void print_conditions(struct hdl_jsonw *w, const struct hdl_gwapi_conditions *list, int64_t generation)
{
	hdl_jsonw_key(w, "conditions");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < list->n; i++) {
		const struct hdl_gwapi_condition *c = &list->at[i];
		struct hdl_buf time = { .limit_bytes = 64 };

		/* to the second, as the API server keeps them */
		hdl_rfc3339_print(&time, c->since_ns / 1000000000 * 1000000000);
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "type", c->type);
		hdl_jsonw_kstr(w, "status", c->status ? "True" : "False");
		hdl_jsonw_kstr(w, "reason", c->reason);
		hdl_jsonw_kstr(w, "message", c->message);
		hdl_jsonw_key(w, "observedGeneration");
		hdl_jsonw_i64(w, generation);
		hdl_jsonw_kstr(w, "lastTransitionTime", time.p ? time.p : "");
		hdl_jsonw_object_end(w);
		hdl_buf_done(&time);
	}
	hdl_jsonw_array_end(w);
}

static void print_listeners(struct hdl_jsonw *w, const struct hdl_gwapi_status *status, int64_t generation)
{
	hdl_jsonw_key(w, "listeners");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < status->listener_count; i++) {
		const struct hdl_gwapi_listener_status *l = &status->listeners[i];

		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "name", l->name);
		hdl_jsonw_ku64(w, "attachedRoutes", l->attached);
		hdl_jsonw_key(w, "supportedKinds");
		hdl_jsonw_array(w);
		for (size_t k = 0; k < l->kind_count; k++) {
			hdl_jsonw_object(w);
			hdl_jsonw_kstr(w, "group", HDL_GWAPI_GROUP);
			hdl_jsonw_kstr(w, "kind", l->kinds[k]);
			hdl_jsonw_object_end(w);
		}
		hdl_jsonw_array_end(w);
		print_conditions(w, &l->conditions, generation);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static void print_ref(struct hdl_jsonw *w, const struct hdl_gwapi_ref *ref)
{
	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "group", hdl_gwapi_text(&ref->group, HDL_GWAPI_GROUP));
	hdl_jsonw_kstr(w, "kind", hdl_gwapi_text(&ref->kind, "Gateway"));
	if (ref->ns.s)
		hdl_jsonw_kstr(w, "namespace", ref->ns.s);
	hdl_jsonw_kstr(w, "name", ref->name.s);
	if (ref->section_name.s)
		hdl_jsonw_kstr(w, "sectionName", ref->section_name.s);
	if (ref->port.has)
		hdl_jsonw_ku64(w, "port", (uint64_t)ref->port.value);
	hdl_jsonw_object_end(w);
}

static void print_parents(struct hdl_jsonw *w, const struct hdl_gwapi_status *status, int64_t generation)
{
	bool policy = status->res->kind == HDL_KIND_BACKEND_TLS_POLICY;

	hdl_jsonw_key(w, policy ? "ancestors" : "parents");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < status->parent_count; i++) {
		hdl_jsonw_object(w);
		if (status->parents[i].ref) {
			hdl_jsonw_key(w, policy ? "ancestorRef" : "parentRef");
			print_ref(w, status->parents[i].ref);
		}
		hdl_jsonw_kstr(w, "controllerName", HDL_GWAPI_CONTROLLER);
		print_conditions(w, &status->parents[i].conditions, generation);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static void print_metadata(struct hdl_jsonw *w, const struct hdl_resource *res, int64_t generation)
{
	hdl_jsonw_key(w, "metadata");
	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "name", res->name);
	if (*res->ns)
		hdl_jsonw_kstr(w, "namespace", res->ns);
	hdl_jsonw_key(w, "generation");
	hdl_jsonw_i64(w, generation);
	hdl_jsonw_object_end(w);
}

static void print(struct hdl_jsonw *w, const struct hdl_gwapi_status *status)
{
	const struct hdl_resource *res = status->res;
	int64_t generation = res->metadata ? res->metadata->generation.value : 0;

	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "apiVersion", res->api_version);
	hdl_jsonw_kstr(w, "kind", hdl_kind_name(res->kind));
	print_metadata(w, res, generation);
	hdl_jsonw_key(w, "status");
	hdl_jsonw_object(w);
	if (status->conditions.n)
		print_conditions(w, &status->conditions, generation);
	if (res->kind == HDL_KIND_KUBE_GATEWAY)
		print_listeners(w, status, generation);
	else if (res->kind != HDL_KIND_GATEWAY_CLASS)
		print_parents(w, status, generation);
	hdl_jsonw_object_end(w);
	hdl_jsonw_object_end(w);
}

/* "httproute", "HTTPRoutes", "gatewayclasses" */
static bool is_kind(const char *kind, const char *asked)
{
	size_t n = strlen(kind);

	if (!strcasecmp(asked, "backendtlspolicies"))
		asked = "BackendTLSPolicy";
	return !strncasecmp(kind, asked, n) &&
	       (!asked[n] || !strcasecmp(asked + n, "s") || !strcasecmp(asked + n, "es"));
}

static bool is_asked(const struct hdl_resource *res, const struct hdl_gwapi_filter_by *by)
{
	if (!by)
		return true;
	return (!by->kind || !*by->kind || is_kind(hdl_kind_name(res->kind), by->kind)) &&
	       (!by->ns || !*by->ns || !*res->ns || !strcmp(res->ns, by->ns)) &&
	       (!by->name || !*by->name || !strcmp(res->name, by->name));
}

int hdl_gwapi_print(struct hdl_jsonw *w, const struct hdl_gwapi_statuses *statuses,
		    const struct hdl_gwapi_filter_by *by)
{
	int n = 0;

	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "apiVersion", "v1");
	hdl_jsonw_kstr(w, "kind", "List");
	hdl_jsonw_key(w, "items");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < statuses->n; i++)
		if (is_asked(statuses->at[i].res, by)) {
			print(w, &statuses->at[i]);
			n++;
		}
	hdl_jsonw_array_end(w);
	hdl_jsonw_object_end(w);
	return n;
}
