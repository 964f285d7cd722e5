/* SPDX-License-Identifier: Apache-2.0 */
/* The end of validity of certificates in either form of time (RFC 5280 section 4.1.2.5), and damaged ones. */
#include "unit/unit.h"

#include <string.h>

#include "analyze/an.h"

/* until Oct 28 15:54:40 2126 GMT: GeneralizedTime */
static const char late[] = "-----BEGIN CERTIFICATE-----\n"
			   "MIIBhjCCASugAwIBAgIUS/FgBsRSfoJCTVcX5TjvINWTKWAwCgYIKoZIzj0EAwIw\n"
			   "FzEVMBMGA1UEAwwMc2hvcC5leGFtcGxlMCAXDTI2MTEyMTE1NTQ0MFoYDzIxMjYx\n"
			   "MDI4MTU1NDQwWjAXMRUwEwYDVQQDDAxzaG9wLmV4YW1wbGUwWTATBgcqhkjOPQIB\n"
			   "BggqhkjOPQMBBwNCAAQdXxvIM+s5btNQ9aQbzyW6aShWtNLifOk/L7+lkJ6Nk3ma\n"
			   "BedbCylf2jQw7B0AT/n29DLYkVRWeycZCaRK1EExo1MwUTAdBgNVHQ4EFgQUYSCt\n"
			   "rSIWzR6qMNkwsQXWhPxFgWkwHwYDVR0jBBgwFoAUYSCtrSIWzR6qMNkwsQXWhPxF\n"
			   "gWkwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA7VLbcd7NjB4k\n"
			   "yVovqu+gdYCkWCbhuXvUkmCYDuOZnR4CIQD8Y57sR5H7lCl0twjEtKSdy7OTU3Gq\n"
			   "j/7bOcK2Iq8ZbQ==\n"
			   "-----END CERTIFICATE-----\n";
/* until Nov 22 15:54:40 2026 GMT: UTCTime */
static const char early[] = "-----BEGIN CERTIFICATE-----\n"
			    "MIIBKDCBzwIUC1NWg22IqlljabiKkfsbWNVPf/4wCgYIKoZIzj0EAwIwFzEVMBMG\n"
			    "A1UEAwwMc2hvcC5leGFtcGxlMB4XDTI2MTEyMTE1NTQ0MFoXDTI2MTEyMjE1NTQ0\n"
			    "MFowFzEVMBMGA1UEAwwMc2hvcC5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0D\n"
			    "AQcDQgAEHV8byDPrOW7TUPWkG88lumkoVrTS4nzpPy+/pZCejZN5mgXnWwspX9o0\n"
			    "MOwdAE/59vQy2JFUVnsnGQmkStRBMTAKBggqhkjOPQQDAgNIADBFAiAVPxKX3N5u\n"
			    "iVtBgTAXaTYWZdPIaOEr9c9NQGuZjldlZQIhAMfKvjRFO+b+GsaIi/28uaBV5kE0\n"
			    "46RWIBhaqqDZt72A\n"
			    "-----END CERTIFICATE-----\n";
/* only its frame is looked at */
static const char key[] = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n";

static void test_not_after(void **state)
{
	int64_t s = 0;

	(void)state;
	assert_true(an_pem_certificate(hdl_str_of(late), &s));
	assert_int_equal(s, 4948876480);
	assert_true(an_pem_certificate(hdl_str_of(early), &s));
	assert_int_equal(s, 1795362880);
	assert_false(an_pem_certificate(hdl_str_of(key), &s));
	assert_false(an_pem_certificate(hdl_str_of(""), &s));
	assert_false(an_pem_certificate((struct hdl_str){ 0 }, &s));
}

static void test_key(void **state)
{
	(void)state;
	assert_true(an_pem_key(hdl_str_of(key)));
	assert_true(an_pem_key(hdl_str_of("-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n")));
	assert_false(an_pem_key(hdl_str_of(late)));
	assert_false(an_pem_key(hdl_str_of("-----BEGIN PRIVATE KEY-----\nAA==\n")));
	assert_false(an_pem_key((struct hdl_str){ 0 }));
}

/* Every single character changed, and every end: an answer, whichever. */
static void test_damaged(void **state)
{
	char text[sizeof(late)];
	int64_t s;

	(void)state;
	for (size_t n = 0; n < sizeof(late); n++)
		an_pem_certificate((struct hdl_str){ late, n }, &s);
	for (size_t i = 0; i + 1 < sizeof(late); i++) {
		memcpy(text, late, sizeof(late));
		text[i] = text[i] == '/' ? 'A' : '/';
		an_pem_certificate(hdl_str_of(text), &s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_after),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
