/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds to parse and to write one typical request head, and to decode chunks; medians of rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "h1/body.h"
#include "h1/parse.h"
#include "h1/serialize.h"
#include "http/path.h"

#define ROUNDS 15
#define LOOPS 100000

static const char request[] = "GET /api/v1/reviews/0?page=2 HTTP/1.1\r\n"
			      "Host: reviews.default.svc.cluster.local:9080\r\n"
			      "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
			      "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
			      "Accept-Language: en-US,en;q=0.5\r\n"
			      "Accept-Encoding: gzip, deflate, br\r\n"
			      "Cookie: session=0123456789abcdef0123456789abcdef; user=jason\r\n"
			      "X-Canary: always\r\n"
			      "Connection: keep-alive\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			       "Content-Type: text/plain\r\nContent-Length: 1024\r\nConnection: keep-alive\r\n"
			       "ETag: \"5e1-0\"\r\nAccept-Ranges: bytes\r\n\r\n";

static struct hdl_http_header array[HDL_H1_HEADERS_MAX + 8];
static struct hdl_http_head head = { .headers = { .v = array, .capacity = HDL_H1_HEADERS_MAX + 8 } };
static const struct hdl_h1_limits limits = { 61440, 100, 8192 };
static char data[2048], buf[4096];
static volatile int sink;

static void parse_request(void)
{
	struct hdl_h1_scan scan = { 0 };

	sink = hdl_h1_parse_request(data, sizeof(request) - 1, &scan, &limits, &head);
}

static void parse_response(void)
{
	struct hdl_h1_scan scan = { 0 };

	sink = hdl_h1_parse_response(data, sizeof(response) - 1, &scan, &limits, HDL_HTTP_GET, &head);
}

static void write_request(void)
{
	sink = hdl_h1_write_request(&head, buf, sizeof(buf));
}

static void forward_request(void)
{
	struct hdl_str path;

	parse_request();
	sink = hdl_http_path_normalize(head.path, buf, sizeof(buf), &path);
	hdl_http_headers_strip_hop_by_hop(&head.headers);
	hdl_http_headers_set_id(&head.headers, HDL_HTTP_H_X_REQUEST_ID,
				HDL_STR("6b3d1c5e-5a1a-9d0b-8a43-0f6f7e3f2b11"));
	hdl_http_headers_set_id(&head.headers, HDL_HTTP_H_X_FORWARDED_FOR, HDL_STR("10.0.0.1"));
	write_request();
}

static void read_chunks(void)
{
	struct hdl_http_head chunked = { .framing = HDL_HTTP_BODY_CHUNKED };
	struct hdl_h1_body body;
	size_t at = 0, consumed;
	struct hdl_str slice;

	hdl_h1_body_init(&body, &chunked, &limits, NULL);
	while (hdl_h1_body_feed(&body, data + at, sizeof(data) - at, &consumed, &slice) == HDL_H1_BODY_DATA)
		at += consumed;
	sink = (int)at;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure(const char *name, void (*what)(void))
{
	double rounds[ROUNDS];

	for (int r = 0; r < ROUNDS; r++) {
		double start = now_ns();

		for (int i = 0; i < LOOPS; i++)
			what();
		rounds[r] = (now_ns() - start) / LOOPS;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
	printf("%-44s %7.1f ns   (%.1f to %.1f)\n", name, rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]);
}

int main(void)
{
	memcpy(data, request, sizeof(request));
	printf("request of %zu bytes\n", sizeof(request) - 1);
	measure("parse request, 8 headers", parse_request);
	measure("write request", write_request);
	measure("parse, normalise, strip, add 2, write", forward_request);
	memcpy(data, response, sizeof(response));
	measure("parse response, 7 headers", parse_response);
	memcpy(data, "80\r\n", 4);
	memset(data + 4, 'x', 128);
	memcpy(data + 132, "\r\n0\r\n\r\n", 7);
	measure("decode a chunk of 128 bytes and the end", read_chunks);
	return 0;
}
