/* SPDX-License-Identifier: Apache-2.0 */
/* The intrusive list keeps order, allows removal while it is walked and removing twice. */
#include "unit/unit.h"
#include "base/list.h"

struct item {
	int value;
	struct hdl_list link;
};

static int sum_in_order(struct hdl_list *head)
{
	int sum = 0;

	HDL_LIST_FOR_EACH(pos, head)
		sum = sum * 10 + HDL_CONTAINER_OF(pos, struct item, link)->value;
	return sum;
}

static void test_order_and_removal(void **state)
{
	struct item items[4] = { { .value = 1 }, { .value = 2 }, { .value = 3 }, { .value = 4 } };
	struct hdl_list head;

	(void)state;
	hdl_list_init(&head);
	assert_true(hdl_list_empty(&head));
	for (int i = 0; i < 3; i++)
		hdl_list_append(&head, &items[i].link);
	hdl_list_insert(&items[0].link, &items[3].link);
	assert_int_equal(sum_in_order(&head), 1423);
	HDL_LIST_FOR_EACH_SAFE(pos, tmp, &head)
		if (HDL_CONTAINER_OF(pos, struct item, link)->value % 2 == 0)
			hdl_list_remove(pos);
	assert_int_equal(sum_in_order(&head), 13);
	hdl_list_remove(&items[0].link);
	hdl_list_remove(&items[0].link);
	assert_int_equal(sum_in_order(&head), 3);
	hdl_list_remove(&items[2].link);
	assert_true(hdl_list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_removal),
	};

	return cmocka_run_group_tests_name("base/list", tests, NULL, NULL);
}
