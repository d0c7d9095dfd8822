// Starts COUNT processes, one after the other, each of which executes this program anew, burns a
// millisecond in burn_briefly, and exits with its number modulo 100.
#include <spawn.h>
#include <sys/wait.h>

#include "workload.h"

OWN_FRAME static uint64_t burn_briefly(uint64_t request_ns) { return burn_cpu_ns(request_ns); }

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "live") == 0) {
    burn_briefly(1000000);
    return (int)parse_number("NUMBER", argv[2], 0, 1e6) % 100;
  }
  if (argc != 2) {
    fprintf(stderr, "usage: %s COUNT\n", argv[0]);
    return 2;
  }
  const int count = (int)parse_number("COUNT", argv[1], 1, 100000);
  int started = 0;
  uint64_t sum_of_pids = 0;
  for (int i = 0; i < count; i++) {
    char number[16];
    snprintf(number, sizeof(number), "%d", i);
    char live[] = "live";
    char* const arguments[] = {argv[0], live, number, NULL};
    char* const environment[] = {NULL};
    pid_t pid;
    int status;
    if (posix_spawn(&pid, argv[0], NULL, NULL, arguments, environment) != 0) continue;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != i % 100) {
      fprintf(stderr, "brief_lives: a process did not end as it should\n");
      return 1;
    }
    started++;
    sum_of_pids += (uint64_t)pid;
  }
  printf("pid=%d started=%d sum_of_pids=%llu\n", (int)getpid(), started,
         (unsigned long long)sum_of_pids);
  return 0;
}
