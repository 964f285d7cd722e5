/* SPDX-License-Identifier: Apache-2.0 */
/* Whether there is a short cut on this kernel, and the addresses for which there is one. */
#include "dp/shortcut.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"

/* --- self-test ----------------------------------------------------------------------------------------------------- */

/* sk_psock.msg_tot_len: how much waits for a reader. */
static bool tells_queue(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	const struct btf_member *member;
	bool found = false;
	int id;

	if (!btf)
		return false;
	id = btf__find_by_name_kind(btf, "sk_psock", BTF_KIND_STRUCT);
	type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	member = type ? btf_members(type) : NULL;
	for (__u32 i = 0; type && i < btf_vlen(type); i++)
		found |= strcmp(btf__name_by_offset(btf, member[i].name_off), "msg_tot_len") == 0;
	btf__free(btf);
	return found;
}

static void add(struct hdl_shortcut_trial *to, const char *text)
{
	size_t n = strlen(to->why);

	snprintf(to->why + n, sizeof(to->why) - n, "%s%s", n ? "; " : "", text);
}

/* Takes lines until the end, or the time is over. */
static void follow(int fd, struct hdl_shortcut_trial *ret)
{
	uint64_t now_ns = hdl_clock_mono_ns(), end_ns = now_ns + HDL_SHORTCUT_TRIAL_MS * HDL_NS_PER_MS;
	char at[sizeof(((struct hdl_shortcut_line *)0)->text)] = "start", text[160];
	struct hdl_shortcut_line line;

	for (; now_ns < end_ns; now_ns = hdl_clock_mono_ns()) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (poll(&wait, 1, (int)((end_ns - now_ns) / HDL_NS_PER_MS) + 1) <= 0)
			continue;
		/* shorter than PIPE_BUF: all of a line, or the end */
		if (read(fd, &line, sizeof(line)) != (ssize_t)sizeof(line)) {
			snprintf(text, sizeof(text), "the self-test broke off at %s", at);
			add(ret, text);
			return;
		}
		line.text[sizeof(line.text) - 1] = '\0';
		if (line.kind == HDL_SHORTCUT_ENDS) {
			ret->sound = ret->why[0] == '\0';
			return;
		}
		if (line.kind == HDL_SHORTCUT_DIFFERS)
			add(ret, line.text);
		else
			memcpy(at, line.text, sizeof(at));
	}
	snprintf(text, sizeof(text), "the self-test did not end within %d ms: %s", HDL_SHORTCUT_TRIAL_MS, at);
	add(ret, text);
}

void hdl_shortcut_try(bool joined, struct hdl_shortcut_trial *ret)
{
	pid_t parent = getpid(), child;
	int ends[2];

	*ret = (struct hdl_shortcut_trial){ .sound = false };
	if (!tells_queue()) {
		add(ret, "the kernel does not tell how much waits for a reader (sk_psock.msg_tot_len)");
		return;
	}
	if (pipe(ends) != 0) {
		add(ret, strerror(errno));
		return;
	}
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		if (getppid() != parent)
			_exit(1);
		hdl_shortcut_cases(ends[1], joined);
	}
	close(ends[1]);
	if (child > 0) {
		follow(ends[0], ret);
		kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
	} else {
		add(ret, strerror(errno));
	}
	close(ends[0]);
}

/* --- addresses ----------------------------------------------------------------------------------------------------- */

struct owner {
	struct hdl_addr address;
	uint64_t cookie; /* 0 = several */
};

static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hdl_addr));
}

/* Sorted by address, one entry each. NULL = no memory. */
static struct owner *owners_of(const struct hdl_pod *list, size_t n, size_t *ret_n)
{
	struct owner *owners = calloc(n * HDL_POD_ADDRESSES_MAX + 1, sizeof(*owners));
	size_t count = 0, kept = 0;

	if (!owners)
		return NULL;
	for (size_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < list[i].address_count; k++)
			owners[count++] = (struct owner){ list[i].address[k], list[i].cookie };
	qsort(owners, count, sizeof(*owners), by_address);
	for (size_t i = 0; i < count; i++) {
		if (kept && by_address(&owners[kept - 1], &owners[i]) == 0) {
			if (owners[kept - 1].cookie != owners[i].cookie)
				owners[kept - 1].cookie = 0;
			continue;
		}
		owners[kept++] = owners[i];
	}
	*ret_n = kept;
	return owners;
}

/* Away with what is not wanted. Deleting while one iterates may begin anew: bounded by the size of the map. */
static void prune(int fd, const struct owner *owners, size_t n)
{
	struct hdl_addr key, next;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more) {
		struct owner want = { .cookie = 0 };
		const struct owner *found;

		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		want.address = key;
		found = n ? bsearch(&want, owners, n, sizeof(*owners), by_address) : NULL;
		if (!found || found->cookie == 0)
			bpf_map_delete_elem(fd, &key);
	}
}

int hdl_shortcut_sync(int address_fd, const struct hdl_pod *list, size_t n, struct hdl_err *err)
{
	struct owner *owners;
	size_t count = 0;
	int r = 0;

	owners = owners_of(list, n, &count);
	if (!owners)
		return hdl_err_set(err, -ENOMEM, "map shortcut_owner: out of memory");
	prune(address_fd, owners, count);
	for (size_t i = 0; i < count; i++) {
		uint64_t present = 0;

		if (owners[i].cookie == 0 ||
		    (bpf_map_lookup_elem(address_fd, &owners[i].address, &present) == 0 && present == owners[i].cookie))
			continue;
		if (bpf_map_update_elem(address_fd, &owners[i].address, &owners[i].cookie, BPF_ANY) != 0)
			r = -errno;
	}
	free(owners);
	return r < 0 ? hdl_err_set(err, r, "map shortcut_owner: %s", strerror(-r)) : 0;
}
