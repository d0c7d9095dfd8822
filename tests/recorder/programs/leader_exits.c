// The main thread exits at once; another one lives on for 100 ms.
#include <pthread.h>
#include <time.h>

static void* Linger(void* unused) {
  struct timespec pause = {0, 100 * 1000 * 1000};
  nanosleep(&pause, 0);
  return unused;
}

int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, 0, Linger, 0) != 0) return 1;
  pthread_exit(0);
}
