/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: documents of every kind are accepted or refused, and accepted ones print to texts that mean the same. */
#include <stdint.h>

#include "tests/lib/mutate.h"
#include "tests/lib/roundtrip.h"
#include "model/resource.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hdl_round_trip t = { 0 };

	hdl_round_trip_run(&t, (struct hdl_str){ (const char *)data, size });
	if (t.complaint.n) {
		fprintf(stderr, "%s\n", t.complaint.p);
		abort();
	}
	hdl_round_trip_done(&t);
	return 0;
}

/* Mostly whole lines and values, so that documents stay documents; sometimes bytes. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct hdl_mutate m = { seed, (char *)data, size, max_size };

	if (size == 0 || seed % 4 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	for (unsigned int i = 0; i <= seed % 3; i++)
		hdl_mutate(&m);
	return m.n;
}
