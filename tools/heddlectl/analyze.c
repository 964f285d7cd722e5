/* SPDX-License-Identifier: Apache-2.0 */
/* heddlectl analyze: options as istioctl's, the files to read, and which messages to print. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "analyze/analyze.h"
#include "heddlectl/ctl.h"
#include "heddlectl/load.h"
#include "model/store.h"
#include "xlate/xlate.h"

/* istioctl's status when messages reach the failure threshold. */
#define FOUND_ISSUES 79
#define SUPPRESS_MAX 1000
#define CHAINS_MAX 1000

struct analyze {
	struct ctl *ctl;
	const char *ns; /* NULL: all */
	bool all, list, markdown;
	enum hdl_an_level failure, output;
	const char *suppress[SUPPRESS_MAX];
	size_t suppress_count;
	const char *chain[CHAINS_MAX];
	size_t chain_count;
	bool color;
};

static const char help[] =
	"usage: heddlectl analyze [PATH...] [options]\n"
	"Checks resource files for what is wrong, dangerous or without effect, with istioctl's messages (IST...) and "
	"Heddle's\n"
	"own (HDL...). PATH is a file, a directory (recursive) or - for the standard input; without PATH: the files of "
	"the\n"
	"running daemon.\n\n"
	"  -n, --namespace NS             messages about objects of this namespace only\n"
	"  -A, --all-namespaces           messages about all namespaces (default)\n"
	"      --failure-threshold LEVEL  exit with 79 when a message has at least this level (default Error)\n"
	"      --output-threshold LEVEL   print messages of at least this level (default Info)\n"
	"  -S, --suppress CODE=OBJECT     do not print CODE of OBJECT, such as \"IST0101=VirtualService default/*\"\n"
	"      --call-chain A,B,...       A calls B, and so on: for checks along chains of calls; may be repeated\n"
	"  -o, --output FORMAT            text (also: log), json or yaml\n"
	"      --color[=false]            colors, by default on a terminal\n"
	"  -L, --list-analyzers           list the analyzers\n"
	"      --list-codes               list the codes in Markdown, as in docs/analyze.md\n"
	"LEVEL is Info, Warning or Error. Exit status: 0 nothing reaches the failure threshold, 79 something does,\n"
	"1 files cannot be read, 2 wrong usage.\n";

enum { OPT_FAILURE = 256, OPT_OUTPUT, OPT_CHAIN, OPT_COLOR, OPT_CODES, OPT_RUN_DIR };

static const struct option options[] = {
	{ "namespace", required_argument, NULL, 'n' },
	{ "all-namespaces", no_argument, NULL, 'A' },
	{ "failure-threshold", required_argument, NULL, OPT_FAILURE },
	{ "output-threshold", required_argument, NULL, OPT_OUTPUT },
	{ "suppress", required_argument, NULL, 'S' },
	{ "call-chain", required_argument, NULL, OPT_CHAIN },
	{ "output", required_argument, NULL, 'o' },
	{ "color", optional_argument, NULL, OPT_COLOR },
	{ "list-analyzers", no_argument, NULL, 'L' },
	{ "list-codes", no_argument, NULL, OPT_CODES },
	{ "recursive", no_argument, NULL, 'R' }, /* always so; istioctl's scripts give it */
	{ "run-dir", required_argument, NULL, OPT_RUN_DIR },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* ---- options ---- */

static int parse_level(const char *option, const char *text, enum hdl_an_level *ret)
{
	if (hdl_an_level_parse(text, ret) == 0)
		return 0;
	fprintf(stderr, "heddlectl: %s %s: Info, Warning or Error is allowed\n", option, text);
	return -EINVAL;
}

static int parse_output(const char *text, enum ctl_format *ret)
{
	static const struct {
		const char *name;
		enum ctl_format format;
	} formats[] = { { "text", CTL_TEXT }, { "log", CTL_TEXT }, { "json", CTL_JSON }, { "yaml", CTL_YAML } };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcasecmp(text, formats[i].name) == 0) {
			*ret = formats[i].format;
			return 0;
		}
	fprintf(stderr, "heddlectl: -o %s: text, json or yaml is allowed\n", text);
	return -EINVAL;
}

static int add_suppression(struct analyze *a, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || a->suppress_count == SUPPRESS_MAX) {
		fprintf(stderr, "heddlectl: --suppress %s: CODE=OBJECT is allowed, at most %d times\n", text,
			SUPPRESS_MAX);
		return -EINVAL;
	}
	*equals = '\0';
	if (!hdl_an_code_known(text))
		fprintf(stderr, "heddlectl: warning: --suppress: no message has the code %s\n", text);
	a->suppress[a->suppress_count++] = text;
	return 0;
}

static int parse_option(struct analyze *a, int option)
{
	switch (option) {
	case 'n':
		a->ns = optarg;
		return 0;
	case 'A':
		a->all = true;
		return 0;
	case OPT_FAILURE:
		return parse_level("--failure-threshold", optarg, &a->failure);
	case OPT_OUTPUT:
		return parse_level("--output-threshold", optarg, &a->output);
	case 'S':
		return add_suppression(a, optarg);
	case OPT_CHAIN:
		if (a->chain_count == CHAINS_MAX)
			return -EINVAL;
		a->chain[a->chain_count++] = optarg;
		return 0;
	case 'o':
		return parse_output(optarg, &a->ctl->format);
	case OPT_COLOR:
		a->color = !optarg || strcmp(optarg, "false") != 0;
		return 0;
	case 'L':
		a->list = true;
		return 0;
	case OPT_CODES:
		a->markdown = true;
		return 0;
	case 'R':
		return 0;
	case OPT_RUN_DIR:
		a->ctl->run_dir = optarg;
		return 0;
	default:
		return -EINVAL;
	}
}

/* 0, 1 when help was asked for, or -EINVAL. */
static int parse_options(struct analyze *a)
{
	const char *term = getenv("TERM");
	int option;

	a->failure = HDL_AN_ERROR;
	a->output = HDL_AN_INFO;
	a->color = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
	optind = 0; /* the words before the command have been read already */
	while ((option = getopt_long(a->ctl->argc, a->ctl->argv, "n:AS:o:LRh", options, NULL)) != -1) {
		if (option == 'h')
			return 1;
		if (parse_option(a, option) < 0)
			return -EINVAL;
	}
	if (a->all)
		a->ns = NULL;
	return 0;
}

/* ---- what is analyzed ---- */

/* What can be read of them; -ENOENT: some cannot. */
static int load_all(struct hdl_resource_store *store, char *const *paths, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && (r == 0 || r == -ENOENT); i++) {
		int of_this = ctl_load(store, paths[i]);

		r = of_this ? of_this : r;
	}
	return r;
}

/* The files that the daemon reads, as it reports them. */
static int read_daemon_files(const struct analyze *a, struct hdl_resource_store *store)
{
	json_t *answer = ctl_ask(a->ctl, "/api/v1/proxy-status", NULL), *rows = json_object_get(answer, "rows"), *row;
	size_t i, n = 0;
	char **paths = calloc(json_array_size(rows) + 1, sizeof(*paths));
	int r = answer && paths ? 0 : -EIO;

	json_array_foreach(rows, i, row)
	{
		if (r == 0 && strcmp(ctl_str(row, "type"), "source") == 0)
			paths[n++] = (char *)ctl_str(row, "name");
	}
	if (r == 0)
		r = load_all(store, paths, n);
	free(paths);
	json_decref(answer);
	return r;
}

/* ---- output ---- */

static bool is_suppressed(const struct analyze *a, const struct hdl_an_message *message)
{
	for (size_t i = 0; i < a->suppress_count; i++)
		if (hdl_an_suppressed(message, a->suppress[i], a->suppress[i] + strlen(a->suppress[i]) + 1))
			return true;
	/* what has no namespace is of interest in all of them */
	return a->ns && message->ns && *message->ns && strcmp(message->ns, a->ns) != 0;
}

static int write_out(struct hdl_buf *buf)
{
	bool good = !buf->failed && (!buf->n || fwrite(buf->p, 1, buf->n, stdout) == buf->n) && fflush(stdout) == 0;

	hdl_buf_done(buf);
	if (!good)
		fputs("heddlectl: the output could not be written\n", stderr);
	return good ? CTL_OK : CTL_FAILED;
}

static void print_clean(const struct analyze *a)
{
	fputs("\xe2\x9c\x94 No validation issues found when analyzing ", stderr);
	if (a->ns)
		fprintf(stderr, "namespace: %s.\n", a->ns);
	else if (a->all || !a->ctl->argc)
		fputs("all namespaces.\n", stderr);
	else
		for (int i = 0; i < a->ctl->argc; i++)
			fprintf(stderr, "%s%s", a->ctl->argv[i], i + 1 < a->ctl->argc ? "\n" : ".\n");
}

static void print_verdict(const struct analyze *a)
{
	if (a->ns)
		fprintf(stderr, "Error: Analyzers found issues when analyzing namespace: %s.\n", a->ns);
	else
		fputs("Error: Analyzers found issues when analyzing all namespaces.\n", stderr);
	fputs("See heddlectl(8) and https://istio.io/latest/docs/reference/config/analysis for more information about "
	      "causes and resolutions.\n",
	      stderr);
}

static int print(const struct analyze *a, const struct hdl_an_message *messages, size_t n, bool missing)
{
	const struct hdl_an_message **shown = calloc(n + 1, sizeof(*shown));
	struct hdl_buf buf = { 0 };
	size_t count = 0;
	bool failed = false;
	int result;

	if (!shown) {
		fputs("heddlectl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	for (size_t i = 0; i < n; i++) {
		if (is_suppressed(a, &messages[i]))
			continue;
		failed = failed || messages[i].level <= a->failure;
		if (messages[i].level <= a->output)
			shown[count++] = &messages[i];
	}
	if (a->ctl->format == CTL_JSON)
		hdl_an_print_json(shown, count, &buf);
	else if (a->ctl->format == CTL_YAML)
		hdl_an_print_yaml(shown, count, &buf);
	for (size_t i = 0; i < count && a->ctl->format == CTL_TEXT; i++)
		hdl_an_print_text(shown[i], a->color, &buf);
	free(shown);
	result = write_out(&buf);
	if (result == CTL_OK && !count && !missing)
		print_clean(a);
	if (result == CTL_OK && failed && a->ctl->format == CTL_TEXT)
		print_verdict(a);
	return result == CTL_OK && failed ? FOUND_ISSUES : result;
}

/* missing: something could not be read, so that nobody can say that all is well. */
static int analyze(const struct analyze *a, struct hdl_resource_store *store, bool missing)
{
	struct hdl_an_options wanted = {
		.chain = a->chain, .chain_count = a->chain_count, .default_ns = a->ns, .now_s = time(NULL)
	};
	struct hdl_resource_list *list = NULL;
	const struct hdl_an_message *messages;
	struct hdl_analysis *analysis = NULL;
	struct hdl_diags diags = { 0 };
	int r = hdl_resource_store_commit(store, &list), result = CTL_FAILED;

	if (r == 0) {
		hdl_resource_store_diags(store, &diags);
		r = diags.no_memory ? -ENOMEM : hdl_analyze(list->at, list->n, &diags, &wanted, &analysis);
	}
	if (r == 0) {
		size_t n = hdl_analysis_messages(analysis, &messages);

		result = print(a, messages, n, missing);
	} else {
		fprintf(stderr, "heddlectl: %s\n", strerror(-r));
	}
	hdl_analysis_free(analysis);
	hdl_diags_done(&diags);
	hdl_resource_list_unref(list);
	return result;
}

static int analyze_files(struct analyze *a)
{
	struct hdl_resource_store *store = hdl_resource_store_new();
	int r, result;

	if (!store) {
		fputs("heddlectl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	hdl_resource_store_set_check(store, hdl_xlate_check);
	r = a->ctl->argc ? load_all(store, a->ctl->argv, (size_t)a->ctl->argc) : read_daemon_files(a, store);
	/* what can be read is analyzed all the same */
	result = r == 0 || r == -ENOENT ? analyze(a, store, r != 0) : CTL_FAILED;
	hdl_resource_store_free(store);
	return r == -ENOENT ? CTL_FAILED : result;
}

int ctl_analyze(struct ctl *ctl)
{
	struct analyze *a = calloc(1, sizeof(*a));
	struct hdl_buf buf = { 0 };
	int parsed, result;

	if (!a)
		return CTL_FAILED;
	a->ctl = ctl;
	parsed = parse_options(a);
	if (parsed) {
		fputs(help, parsed > 0 ? stdout : stderr);
		result = parsed > 0 ? CTL_OK : CTL_USAGE;
	} else if (a->list || a->markdown) {
		if (a->list)
			hdl_an_print_analyzers(&buf);
		else
			hdl_an_print_markdown(&buf);
		result = write_out(&buf);
	} else {
		ctl->argv += optind;
		ctl->argc -= optind;
		result = analyze_files(a);
	}
	free(a);
	return result;
}
