// Starts RATE processes a second for SECONDS, each of which executes this program anew or fails to:
// every tenth executes a path that does not exist and exits with 127, every seventh of the others
// exits with its number modulo 100, every thirteenth kills itself with SIGKILL, and the rest exit
// with 0. Writes "PID ERROR STATUS" for each of them into TRUTH; 256 + N: killed by signal N.
#include <sys/wait.h>

#include "workload.h"

struct child {
  pid_t pid;
  int error;
  int status;
};

static int expected_status(int number) {
  if (number % 10 == 0) return 127;
  if (number % 7 == 0) return number % 100;
  return number % 13 == 0 ? 256 + SIGKILL : 0;
}

OWN_FRAME static pid_t execute(const char* path, char* const* arguments) {
  char* const environment[] = {NULL};
  const pid_t pid = vfork();
  if (pid == 0) {
    execve(path, arguments, environment);
    _exit(127);
  }
  return pid;
}

static struct child start(const char* self, int number) {
  char text[16];
  char live[] = "live";
  char* const arguments[] = {(char*)self, live, text, NULL};
  const bool fails = number % 10 == 0;
  struct child child = {0, fails ? ENOENT : 0, expected_status(number)};
  snprintf(text, sizeof(text), "%d", number);
  child.pid = execute(fails ? "/nonexistent/program" : self, arguments);
  return child;
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "live") == 0) {
    const int status = expected_status((int)parse_number("NUMBER", argv[2], 0, 1e6));
    if (status >= 256) kill(getpid(), status - 256);
    return status;
  }
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS RATE TRUTH");
  if (argc != 4) {
    fprintf(stderr, "usage: %s SECONDS RATE TRUTH\n", argv[0]);
    return 2;
  }
  const double rate = parse_number("RATE", argv[2], 1, 100000);
  const int count = (int)((double)duration_ns * 1e-9 * rate);
  struct child* children = calloc((size_t)count, sizeof(*children));
  const uint64_t begin_ns = now_ns();
  for (int i = 0; i < count; i++) {
    const uint64_t due_ns = begin_ns + (uint64_t)((double)i * 1e9 / rate);
    const uint64_t now = now_ns();
    if (now < due_ns) sleep_off_cpu_ns(due_ns - now);
    children[i] = start(argv[0], i);
    if (children[i].pid < 0) {
      perror("vfork");
      return 1;
    }
  }
  const uint64_t end_ns = now_ns();
  FILE* truth = fopen(argv[3], "we");
  if (truth == NULL) {
    perror(argv[3]);
    return 1;
  }
  for (int i = 0; i < count; i++) {
    int wait_status = 0;
    if (waitpid(children[i].pid, &wait_status, 0) != children[i].pid) return 1;
    const int status =
        WIFSIGNALED(wait_status) ? 256 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
    if (status != children[i].status) {
      fprintf(stderr, "exec_storm: number %d ended with %d\n", i, status);
      return 1;
    }
    fprintf(truth, "%d %d %d\n", (int)children[i].pid, children[i].error, children[i].status);
  }
  fclose(truth);
  printf("pid=%d started=%d took_ns=%llu\n", (int)getpid(), count,
         (unsigned long long)(end_ns - begin_ns));
  return 0;
}
