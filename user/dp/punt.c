/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, routes and transparent listeners for packets that tc hands to workers. */
#include "dp/punt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "dp/nl.h"
#include "heddle/abi_addr.h"

static const int families[] = { AF_INET, AF_INET6 };

struct rule {
	uint32_t mark, mask, table, priority;
	uint8_t protocol;
	bool has_mark;
};

/* What the rules and routes of one family say about mark and table. */
struct survey {
	const struct hdl_punt_conf *conf;
	int family;
	struct rule rule; /* the one being read */
	bool have_rule, have_route;
	bool shared;   /* a rule of ours with another mark uses the table */
	int collision; /* 0 or -EEXIST */
	char text[256];
};

static void survey_reset(void *data)
{
	struct survey *survey = data;

	survey->have_rule = survey->have_route = survey->shared = false;
	survey->collision = 0;
}

static int rule_attribute(const struct nlattr *attribute, void *data)
{
	struct rule *rule = data;

	switch (mnl_attr_get_type(attribute)) {
	case FRA_FWMARK:
		rule->mark = mnl_attr_get_u32(attribute);
		rule->has_mark = true;
		break;
	case FRA_FWMASK:
		rule->mask = mnl_attr_get_u32(attribute);
		break;
	case FRA_TABLE:
		rule->table = mnl_attr_get_u32(attribute);
		break;
	case FRA_PRIORITY:
		rule->priority = mnl_attr_get_u32(attribute);
		break;
	case FRA_PROTOCOL:
		rule->protocol = mnl_attr_get_u8(attribute);
		break;
	}
	return MNL_CB_OK;
}

static const char *family_name(int family)
{
	return family == AF_INET ? "ip" : "ip -6";
}

/* A packet can carry both our mark and that of the rule. */
static bool marks_collide(const struct hdl_punt_conf *conf, const struct rule *rule)
{
	uint32_t common = conf->mask & rule->mask;

	return rule->has_mark && common && ((conf->mark ^ rule->mark) & common) == 0;
}

static int see_rule(const struct nlmsghdr *message, void *data)
{
	struct survey *survey = data;
	const struct fib_rule_hdr *header = mnl_nlmsg_get_payload(message);
	const struct hdl_punt_conf *conf = survey->conf;
	struct rule rule = { .table = header->table, .mask = UINT32_MAX };

	mnl_attr_parse(message, sizeof(*header), rule_attribute, &rule);
	if (rule.protocol == HDL_PUNT_PROTOCOL && rule.table == conf->table && rule.has_mark &&
	    rule.mark == conf->mark && rule.mask == conf->mask) {
		survey->have_rule = true;
	} else if (rule.protocol == HDL_PUNT_PROTOCOL) {
		/* Of another daemon or of our former configuration: delivers locally too. Live daemons hold locks. */
		survey->shared = survey->shared || rule.table == conf->table;
	} else if (marks_collide(conf, &rule)) {
		survey->collision = -EEXIST;
		snprintf(survey->text, sizeof(survey->text),
			 "packet mark 0x%x/0x%x collides with rule `%s rule` %u: fwmark 0x%x/0x%x lookup %u",
			 conf->mark, conf->mask, family_name(survey->family), rule.priority, rule.mark, rule.mask,
			 rule.table);
	} else if (rule.table == conf->table) {
		survey->collision = -EEXIST;
		snprintf(survey->text, sizeof(survey->text), "routing table %u is used by rule `%s rule` %u",
			 conf->table, family_name(survey->family), rule.priority);
	}
	return MNL_CB_OK;
}

static int route_table_attribute(const struct nlattr *attribute, void *data)
{
	if (mnl_attr_get_type(attribute) == RTA_TABLE)
		*(uint32_t *)data = mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static int see_route(const struct nlmsghdr *message, void *data)
{
	struct survey *survey = data;
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	uint32_t table = header->rtm_table;

	mnl_attr_parse(message, sizeof(*header), route_table_attribute, &table);
	if (table != survey->conf->table)
		return MNL_CB_OK;
	if (header->rtm_protocol == HDL_PUNT_PROTOCOL) {
		survey->have_route = true;
		return MNL_CB_OK;
	}
	survey->collision = -EEXIST;
	snprintf(survey->text, sizeof(survey->text), "routing table %u has routes of others (`%s route show table %u`)",
		 table, family_name(survey->family), table);
	return MNL_CB_OK;
}

static int survey_rules(struct hdl_nl *nl, struct survey *survey)
{
	struct fib_rule_hdr *rule;
	struct nlmsghdr *message = hdl_nl_begin(nl, RTM_GETRULE, NLM_F_DUMP, sizeof(*rule), (void **)&rule);

	rule->family = (uint8_t)survey->family;
	return hdl_nl_query(nl, message, see_rule, survey_reset, survey);
}

static int survey_family(struct hdl_nl *nl, struct survey *survey)
{
	struct nlmsghdr *message;
	struct rtmsg *route;
	int r = survey_rules(nl, survey);

	if (r < 0 || survey->collision)
		return r;
	/* Of one table: the main table of a node can be long. */
	message = hdl_nl_begin(nl, RTM_GETROUTE, NLM_F_DUMP, sizeof(*route), (void **)&route);
	route->rtm_family = (uint8_t)survey->family;
	mnl_attr_put_u32(message, RTA_TABLE, survey->conf->table);
	r = hdl_nl_query(nl, message, see_route, NULL, survey);
	return r == -ENOENT ? 0 : r; /* no such table yet */
}

static int change_rule(struct hdl_nl *nl, const struct hdl_punt_conf *conf, int family, uint16_t type, uint16_t flags)
{
	struct fib_rule_hdr *rule;
	struct nlmsghdr *message = hdl_nl_begin(nl, type, flags, sizeof(*rule), (void **)&rule);

	rule->family = (uint8_t)family;
	rule->action = FR_ACT_TO_TBL;
	rule->table = RT_TABLE_UNSPEC;
	mnl_attr_put_u32(message, FRA_TABLE, conf->table);
	mnl_attr_put_u32(message, FRA_FWMARK, conf->mark);
	mnl_attr_put_u32(message, FRA_FWMASK, conf->mask);
	mnl_attr_put_u32(message, FRA_PRIORITY, HDL_PUNT_RULE_PRIORITY);
	mnl_attr_put_u8(message, FRA_PROTOCOL, HDL_PUNT_PROTOCOL);
	return hdl_nl_acked(nl, message);
}

static int change_route(struct hdl_nl *nl, const struct hdl_punt_conf *conf, int family, uint16_t type, uint16_t flags)
{
	struct rtmsg *route;
	struct nlmsghdr *message = hdl_nl_begin(nl, type, flags, sizeof(*route), (void **)&route);
	unsigned int lo = if_nametoindex("lo");

	if (lo == 0)
		return -ENODEV;
	route->rtm_family = (uint8_t)family;
	route->rtm_table = RT_TABLE_UNSPEC;
	route->rtm_protocol = HDL_PUNT_PROTOCOL;
	route->rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_LOCAL;
	mnl_attr_put_u32(message, RTA_TABLE, conf->table);
	mnl_attr_put_u32(message, RTA_OIF, lo);
	return hdl_nl_acked(nl, message);
}

static int check_conf(const struct hdl_punt_conf *conf, struct hdl_err *err)
{
	if (conf->mark == 0 || conf->mask == 0 || (conf->mark & ~conf->mask))
		return hdl_err_set(err, -EINVAL, "packet mark 0x%x/0x%x: the mark is 0 or has bits outside its mask",
				   conf->mark, conf->mask);
	if (conf->table == RT_TABLE_UNSPEC || (conf->table >= RT_TABLE_DEFAULT && conf->table <= RT_TABLE_LOCAL))
		return hdl_err_set(err, -EINVAL, "routing table %u is not free for use", conf->table);
	return 0;
}

static bool has_ipv6(void)
{
	return access("/proc/net/if_inet6", F_OK) == 0;
}

static int setup_family(struct hdl_nl *nl, const struct survey *survey)
{
	int r = 0;

	/* The route first: a rule that leads to an empty table would let marked packets go astray. */
	if (!survey->have_route)
		r = change_route(nl, survey->conf, survey->family, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	if (r == 0 && !survey->have_rule)
		r = change_rule(nl, survey->conf, survey->family, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	return r == -EEXIST ? 0 : r;
}

int hdl_punt_setup(const struct hdl_punt_conf *conf, struct hdl_err *err)
{
	struct survey surveys[] = { { .conf = conf, .family = AF_INET }, { .conf = conf, .family = AF_INET6 } };
	size_t n = has_ipv6() ? 2 : 1;
	struct hdl_nl nl;
	int r = check_conf(conf, err);

	if (r < 0)
		return r;
	r = hdl_nl_open(&nl);
	if (r < 0)
		return hdl_err_set(err, r, "netlink: %s", strerror(-r));
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = survey_family(&nl, &surveys[i]);
		if (r < 0)
			hdl_err_set(err, r, "%s rules and routes cannot be read: %s", family_name(surveys[i].family),
				    strerror(-r));
		else if (surveys[i].collision)
			r = hdl_err_set(err, surveys[i].collision, "%s", surveys[i].text);
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = setup_family(&nl, &surveys[i]);
		if (r < 0)
			hdl_err_set(err, r, "%s: rule and route for mark 0x%x/0x%x and table %u cannot be set: %s",
				    family_name(surveys[i].family), conf->mark, conf->mask, conf->table, strerror(-r));
	}
	hdl_nl_close(&nl);
	return r;
}

static bool was_not_there(int r)
{
	return r == -ENOENT || r == -ESRCH || r == -EAFNOSUPPORT || r == -ENODEV || r == -EOPNOTSUPP;
}

static int remove_family(struct hdl_nl *nl, const struct hdl_punt_conf *conf, int family)
{
	struct survey survey = { .conf = conf, .family = family };
	int r = change_rule(nl, conf, family, RTM_DELRULE, 0);

	if (r < 0 && !was_not_there(r))
		return r;
	r = survey_rules(nl, &survey);
	if (r < 0 || survey.shared)
		return r;
	return change_route(nl, conf, family, RTM_DELROUTE, 0);
}

int hdl_punt_remove(const struct hdl_punt_conf *conf, struct hdl_err *err)
{
	struct hdl_nl nl;
	int result = hdl_nl_open(&nl);

	if (result < 0)
		return hdl_err_set(err, result, "netlink: %s", strerror(-result));
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		int r = remove_family(&nl, conf, families[i]);

		if (r < 0 && !was_not_there(r) && result == 0)
			result = hdl_err_set(err, r, "%s: rule or route of table %u cannot be removed: %s",
					     family_name(families[i]), conf->table, strerror(-r));
	}
	hdl_nl_close(&nl);
	return result;
}

static int bind_loopback(int fd, int family, uint16_t *ret_port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t size = family == HDL_FAMILY_V4 ? sizeof(address.in) : sizeof(address.in6);

	if (family == HDL_FAMILY_V4) {
		address.in.sin_family = AF_INET;
		address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else {
		address.in6.sin6_family = AF_INET6;
		address.in6.sin6_addr = in6addr_loopback;
	}
	if (bind(fd, &address.any, size) != 0 || getsockname(fd, &address.any, &size) != 0)
		return -errno;
	*ret_port = ntohs(family == HDL_FAMILY_V4 ? address.in.sin_port : address.in6.sin6_port);
	return 0;
}

static int listen_on(int fd, int family, int backlog, uint16_t *ret_port)
{
	int one = 1, r;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0)
		return -errno;
	if (family == HDL_FAMILY_V4) {
		if (setsockopt(fd, SOL_IP, IP_TRANSPARENT, &one, sizeof(one)) != 0)
			return -errno;
	} else if (setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0 ||
		   setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &one, sizeof(one)) != 0) {
		return -errno;
	}
	r = bind_loopback(fd, family, ret_port);
	if (r < 0)
		return r;
	return listen(fd, backlog) == 0 ? 0 : -errno;
}

int hdl_punt_listen(int family, int backlog, int *ret_fd, uint16_t *ret_port, struct hdl_err *err)
{
	const char *name = family == HDL_FAMILY_V4 ? "127.0.0.1" : "[::1]";
	int fd = socket(family == HDL_FAMILY_V4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	uint16_t port = 0;
	int r;

	if (fd < 0)
		return hdl_err_set(err, -errno, "listener on %s: %s", name, strerror(errno));
	r = listen_on(fd, family, backlog, &port);
	if (r < 0) {
		close(fd);
		return hdl_err_set(err, r, "transparent listener on %s: %s", name, strerror(-r));
	}
	*ret_fd = fd;
	*ret_port = port;
	return 0;
}
