/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the analyzers one after the other. */
#include "analyze/an.h"

#include <errno.h>
#include <stdlib.h>

static void (*const analyzers[])(struct an *an) = {
	an_annotations,       an_services, an_vs_destinations, an_vs_hosts, an_vs_rules, an_vs_http,    an_vs_retries,
	an_destination_rules, an_gateways, an_entries,         an_sidecars, an_chains,   an_conditions,
};

/* In place of the last message when there is no room: the last is the least. */
static void add_last(struct an *an, const char *text)
{
	struct hdl_an_message message = { .type = HDL_AN_LIMIT, .level = HDL_AN_INFO, .text = text };

	if (an->messages == an->capacity)
		an->messages--;
	an->message[an->messages++] = message;
}

static void report_dropped(struct an *an, const struct hdl_diags *diags)
{
	if (diags && diags->dropped && an->messages)
		add_last(an, an_printf(an, "There are %zu more remarks on documents than are kept of a file",
				       diags->dropped));
	if (an->dropped && an->messages)
		add_last(an, an_printf(an, "There are %zu more messages than the %d that are kept", an->dropped,
				       HDL_AN_MESSAGES_MAX));
}

static int run(struct an *an, const struct hdl_diags *diags)
{
	int r = an_index(an);

	if (r < 0)
		return r;
	if (diags)
		an_report_diags(an, diags);
	for (size_t i = 0; i < sizeof(analyzers) / sizeof(analyzers[0]) && !an->no_memory; i++)
		analyzers[i](an);
	an_sort(an);
	report_dropped(an, diags);
	return an->no_memory ? -ENOMEM : 0;
}

int hdl_analyze(const struct hdl_resource *const *resources, size_t n, const struct hdl_diags *diags,
		const struct hdl_an_options *options, struct hdl_analysis **ret)
{
	static const struct hdl_an_options no_options;
	struct hdl_analysis *analysis = calloc(1, sizeof(*analysis));
	int r;

	if (!analysis)
		return -ENOMEM;
	analysis->an = (struct an){ .res = resources, .n = n, .options = options ? options : &no_options };
	analysis->an.arena = hdl_arena_new(options && options->bytes_max ? options->bytes_max : HDL_AN_BYTES_MAX);
	r = analysis->an.arena ? run(&analysis->an, diags) : -ENOMEM;
	if (r < 0) {
		hdl_analysis_free(analysis);
		return r;
	}
	*ret = analysis;
	return 0;
}

struct hdl_analysis *hdl_analysis_free(struct hdl_analysis *analysis)
{
	if (!analysis)
		return NULL;
	free(analysis->an.message);
	hdl_arena_free(analysis->an.arena);
	free(analysis);
	return NULL;
}

size_t hdl_analysis_messages(const struct hdl_analysis *analysis, const struct hdl_an_message **ret)
{
	*ret = analysis->an.message;
	return analysis->an.messages;
}
