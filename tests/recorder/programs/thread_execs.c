// A thread that is not the main one runs the program argv[1].
#include <pthread.h>
#include <unistd.h>

static char* arguments[2];

static void* Exec(void* unused) {
  execv(arguments[0], arguments);
  return unused;
}

int main(int argc, char** argv) {
  pthread_t thread;
  if (argc < 2) return 1;
  arguments[0] = argv[1];
  if (pthread_create(&thread, 0, Exec, 0) != 0) return 1;
  pthread_join(thread, 0);
  return 1;
}
