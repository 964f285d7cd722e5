/* SPDX-License-Identifier: Apache-2.0 */
/* The worker process: enters its sandbox, then runs the control thread. */
#ifndef HDL_HEDDLED_WORKER_MAIN_H
#define HDL_HEDDLED_WORKER_MAIN_H

/* fd: socket to the keeper. Exit status. */
int hdl_worker_main(int fd);

#endif
