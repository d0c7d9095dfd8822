// A thread sleeps for a second, and is given another name by its process in the middle of it:
// "before" has the first 400 ms, "after" the rest.
#include <pthread.h>

#include "workload.h"

static void* sleep_for_a_second(void* unused) {
  (void)unused;
  sleep_off_cpu_ns(1000000000);
  return NULL;
}

int main(void) {
  pthread_t sleeper;
  if (pthread_create(&sleeper, NULL, sleep_for_a_second, NULL) != 0) return 1;
  pthread_setname_np(sleeper, "before");
  sleep_off_cpu_ns(400000000);
  pthread_setname_np(sleeper, "after");
  pthread_join(sleeper, NULL);
  printf("done=1\n");
  return 0;
}
