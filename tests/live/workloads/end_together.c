// COUNT threads that take names of their own, wait for each other, and end all at once.
#include <pthread.h>
#include <sys/prctl.h>

#include "workload.h"

static pthread_barrier_t all_are_there;

static void* end_with_the_others(void* number) {
  char name[16];
  snprintf(name, sizeof(name), "end_%d", (int)(intptr_t)number);
  prctl(PR_SET_NAME, name);
  pthread_barrier_wait(&all_are_there);
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s COUNT\n", argv[0]);
    return 2;
  }
  const int count = (int)parse_number("COUNT", argv[1], 1, 100000);
  pthread_t* threads = calloc((size_t)count, sizeof(*threads));
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 << 10);
  pthread_barrier_init(&all_are_there, NULL, (unsigned)count);
  for (int i = 0; i < count; i++) {
    if (pthread_create(&threads[i], &small, end_with_the_others, (void*)(intptr_t)i) != 0) {
      fprintf(stderr, "end_together: cannot start thread %d\n", i);
      return 1;
    }
  }
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
  printf("pid=%d threads=%d\n", (int)getpid(), count);
  return 0;
}
