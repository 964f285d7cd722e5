/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets for tests, written byte by byte with checksums of their own making: what a program makes of one is compared
 * with the packet that should have come out, made here from scratch.
 */
#ifndef HDL_TESTS_BPF_PACKETS_H
#define HDL_TESTS_BPF_PACKETS_H

#include <linux/if_ether.h>
#include <netinet/in.h>
#include "tests/bpf/scene.h"

#define PACKET_MAX 4096
#define PACKET_ETH 14

struct packet {
	unsigned char bytes[PACKET_MAX];
	unsigned int size;
};

/* What a packet is to be. Zero means the plain case. */
struct packet_spec {
	const char *from, *to; /* addresses; the family is theirs */
	unsigned int from_port, to_port;
	unsigned int protocol;                /* IPPROTO_TCP or IPPROTO_UDP */
	unsigned int flags;                   /* TCP */
	unsigned int payload;                 /* bytes */
	unsigned int tcp_options, ip_options; /* bytes, multiples of 4 */
	const unsigned char *extensions;      /* IPv6: protocol numbers of extension headers, 0xff ends */
	unsigned int fragment;                /* offset in bytes of the datagram */
	bool more;                            /* fragments follow */
	bool force_fragment;                  /* IPv6: a fragment header in any case */
	unsigned int id;
	bool no_check;         /* UDP without checksum */
	unsigned int whole;    /* bytes of the datagram that a first fragment begins; 0 = what is here */
	unsigned int last_hop; /* TTL, 0 = 64 */
};

#define PACKET_END 0xff
#define PACKET_HELPER static inline __attribute__((unused))

PACKET_HELPER void packet_byte(struct packet *p, unsigned int value)
{
	p->bytes[p->size++] = (unsigned char)value;
}

PACKET_HELPER void packet_16(struct packet *p, unsigned int value)
{
	packet_byte(p, value >> 8);
	packet_byte(p, value);
}

PACKET_HELPER void packet_32(struct packet *p, unsigned int value)
{
	packet_16(p, value >> 16);
	packet_16(p, value);
}

PACKET_HELPER void packet_put_16(struct packet *p, unsigned int at, unsigned int value)
{
	p->bytes[at] = (unsigned char)(value >> 8);
	p->bytes[at + 1] = (unsigned char)value;
}

/* Sum of 16-bit words (RFC 1071), byte by byte. */
PACKET_HELPER unsigned int packet_sum(const unsigned char *bytes, unsigned int n, unsigned int sum)
{
	for (unsigned int i = 0; i < n; i++)
		sum += i % 2 ? bytes[i] : (unsigned int)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

PACKET_HELPER bool packet_is_v6(const char *address)
{
	return strchr(address, ':') != NULL;
}

PACKET_HELPER void packet_address(struct packet *p, const char *text)
{
	unsigned int n = packet_is_v6(text) ? 16 : 4;

	if (inet_pton(n == 16 ? AF_INET6 : AF_INET, text, p->bytes + p->size) != 1)
		scene_fail(text);
	p->size += n;
}

/* Sum of the pseudo header. */
PACKET_HELPER unsigned int packet_pseudo(const char *from, const char *to, unsigned int protocol, unsigned int bytes)
{
	struct packet p = { .size = 0 };

	packet_address(&p, from);
	packet_address(&p, to);
	packet_32(&p, bytes);
	packet_32(&p, protocol);
	return packet_sum(p.bytes, p.size, 0);
}

PACKET_HELPER void packet_ipv4(struct packet *p, const struct packet_spec *spec, unsigned int protocol,
			       unsigned int inside)
{
	unsigned int at = p->size, header = 20 + spec->ip_options;

	packet_byte(p, 0x40 | header / 4);
	packet_byte(p, 0x10);
	packet_16(p, header + inside);
	packet_16(p, spec->id);
	packet_16(p, (spec->more ? 0x2000 : 0) | spec->fragment / 8);
	packet_byte(p, spec->last_hop ? spec->last_hop : 64);
	packet_byte(p, protocol);
	packet_16(p, 0);
	packet_address(p, spec->from);
	packet_address(p, spec->to);
	for (unsigned int i = 0; i < spec->ip_options; i++)
		packet_byte(p, 1);
	packet_put_16(p, at + 10, ~packet_sum(p->bytes + at, header, 0) & 0xffff);
}

/* The length comes when all is there. */
PACKET_HELPER void packet_ipv6(struct packet *p, const struct packet_spec *spec, unsigned int protocol)
{
	bool pieces = spec->fragment || spec->more || spec->force_fragment;
	const unsigned char *extension = spec->extensions;
	unsigned int next_at = p->size + 6;

	packet_32(p, 0x60012345);
	packet_16(p, 0);
	packet_byte(p, 0);
	packet_byte(p, spec->last_hop ? spec->last_hop : 64);
	packet_address(p, spec->from);
	packet_address(p, spec->to);
	for (; extension && *extension != PACKET_END; extension++) {
		p->bytes[next_at] = *extension;
		next_at = p->size;
		packet_byte(p, 0);
		packet_byte(p, *extension == 60 ? 1 : 0); /* a destination header of 16 bytes */
		packet_byte(p, *extension == 43 ? 2 : 1);
		packet_byte(p, *extension == 43 ? 0 : *extension == 60 ? 12 : 4);
		for (unsigned int i = 0; i < (*extension == 60 ? 12 : 4); i++)
			packet_byte(p, 0);
	}
	if (pieces) {
		p->bytes[next_at] = 44;
		next_at = p->size;
		packet_16(p, 0);
		packet_16(p, spec->fragment | (spec->more ? 1 : 0));
		packet_32(p, spec->id);
	}
	p->bytes[next_at] = (unsigned char)protocol;
}

PACKET_HELPER void packet_eth(struct packet *p, bool v6)
{
	for (unsigned int i = 0; i < 12; i++)
		packet_byte(p, i == 0 || i == 6 ? 2 : i);
	packet_16(p, v6 ? ETH_P_IPV6 : ETH_P_IP);
}

/* TCP or UDP header and payload of the whole datagram, with its checksum. */
PACKET_HELPER void packet_transport(struct packet *p, const struct packet_spec *spec)
{
	unsigned int at = p->size, header = spec->protocol == IPPROTO_TCP ? 20 + spec->tcp_options : 8, sum;
	unsigned int payload = spec->whole ? spec->whole - header : spec->payload;

	packet_16(p, spec->from_port);
	packet_16(p, spec->to_port);
	if (spec->protocol == IPPROTO_TCP) {
		packet_32(p, 0x01020304);
		packet_32(p, spec->flags & 0x10 ? 0x0a0b0c0d : 0);
		packet_byte(p, header / 4 << 4);
		packet_byte(p, spec->flags);
		packet_16(p, 0xfaf0);
		packet_32(p, 0);
		for (unsigned int i = 0; i < spec->tcp_options; i++)
			packet_byte(p, 1);
	} else {
		packet_16(p, header + payload);
		packet_16(p, 0);
	}
	for (unsigned int i = 0; i < payload; i++)
		packet_byte(p, i * 7 + 3);
	sum = ~packet_sum(p->bytes + at, p->size - at,
			  packet_pseudo(spec->from, spec->to, spec->protocol, p->size - at)) &
	      0xffff;
	if (spec->protocol == IPPROTO_TCP)
		packet_put_16(p, at + 16, sum);
	else if (!spec->no_check)
		packet_put_16(p, at + 6, sum ? sum : 0xffff);
}

/* The IP packet of the spec, after what is in *p already. `payload` of a fragment: bytes of this piece. */
PACKET_HELPER void packet_ip(struct packet *p, const struct packet_spec *spec)
{
	bool v6 = packet_is_v6(spec->to);
	struct packet inside = { .size = 0 };
	unsigned int at = p->size, n;

	packet_transport(&inside, spec);
	n = spec->whole ? spec->payload : inside.size;
	if (v6)
		packet_ipv6(p, spec, spec->protocol);
	else
		packet_ipv4(p, spec, spec->protocol, n);
	memcpy(p->bytes + p->size, inside.bytes + spec->fragment, n);
	p->size += n;
	if (v6)
		packet_put_16(p, at + 4, p->size - at - 40);
}

PACKET_HELPER struct packet packet_make(const struct packet_spec *spec)
{
	struct packet p = { .size = 0 };

	packet_eth(&p, packet_is_v6(spec->to));
	packet_ip(&p, spec);
	return p;
}

/* An ICMP or ICMPv6 error from..to about the quoted packet, of which `quoted` bytes are there (0 = all). */
PACKET_HELPER struct packet packet_error(const char *from, const char *to, unsigned int type, unsigned int code,
					 unsigned int word, const struct packet_spec *about, unsigned int quoted)
{
	struct packet_spec outer = { .from = from, .to = to };
	struct packet p = { .size = 0 }, quote = { .size = 0 }, icmp = { .size = 0 };
	bool v6 = packet_is_v6(to);
	unsigned int sum;

	packet_ip(&quote, about);
	if (quoted == 0 || quoted > quote.size)
		quoted = quote.size;
	packet_byte(&icmp, type);
	packet_byte(&icmp, code);
	packet_16(&icmp, 0);
	packet_32(&icmp, word);
	memcpy(icmp.bytes + icmp.size, quote.bytes, quoted);
	icmp.size += quoted;
	sum = packet_sum(icmp.bytes, icmp.size, v6 ? packet_pseudo(from, to, IPPROTO_ICMPV6, icmp.size) : 0);
	packet_put_16(&icmp, 2, ~sum & 0xffff);
	packet_eth(&p, v6);
	if (v6)
		packet_ipv6(&p, &outer, IPPROTO_ICMPV6);
	else
		packet_ipv4(&p, &outer, IPPROTO_ICMP, icmp.size);
	memcpy(p.bytes + p.size, icmp.bytes, icmp.size);
	p.size += icmp.size;
	if (v6)
		packet_put_16(&p, PACKET_ETH + 4, icmp.size);
	return p;
}

/* Runs a tc program on a packet, with that result in *ret (size 0: the kernel would not make a buffer of it). */
PACKET_HELPER int packet_run(const struct bpf_program *program, const struct packet *in, struct packet *ret)
{
	struct __sk_buff context = { .ifindex = 1 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size, .data_out = ret->bytes,
		    .data_size_out = sizeof(ret->bytes), .ctx_in = &context, .ctx_size_in = sizeof(context));

	memset(ret, 0, sizeof(*ret));
	if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts) != 0) {
		/* newer kernels do not make a buffer without a whole IP header */
		if (errno != EINVAL || in->size >= PACKET_ETH + 40)
			scene_fail("test run");
		return -1;
	}
	ret->size = opts.data_size_out;
	return (int)opts.retval;
}

/* Prints where two packets differ. */
PACKET_HELPER bool packet_same(const struct packet *a, const struct packet *b)
{
	if (a->size != b->size)
		printf("# %u bytes, expected %u\n", a->size, b->size);
	for (unsigned int i = 0; i < a->size && i < b->size; i++)
		if (a->bytes[i] != b->bytes[i])
			printf("# byte %u: %02x, expected %02x\n", i, a->bytes[i], b->bytes[i]);
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

#endif
