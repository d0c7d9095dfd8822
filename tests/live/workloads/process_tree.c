// A family of processes with different lifetimes: one child that execs sleep_shares for half of the
// time, one that execs burn_shares for a fifth of it, one that never execs but is a parent itself
// (its child execs sleep_shares for a quarter), and a row of children that exec brief, one after
// the other, until the time is over. It waits for all of them.
#include <limits.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "workload.h"

static char directory[PATH_MAX];

struct child {
  pid_t pid;
  uint64_t start_ns;     // CLOCK_MONOTONIC
  uint64_t lifetime_ns;  // from before fork until it was waited for
};

static void fail(const char* what) {
  fprintf(stderr, "process_tree: %s: %s\n", what, strerror(errno));
  exit(1);
}

// In a child: becomes a program of the same folder. Its output goes nowhere: the family prints one
// line.
static void become(const char* program, const char* argument) {
  char path[PATH_MAX + 64];
  snprintf(path, sizeof(path), "%s/%s", directory, program);
  if (freopen("/dev/null", "w", stdout) == NULL) _exit(126);
  execl(path, program, argument, (char*)NULL);
  fprintf(stderr, "process_tree: cannot run %s: %s\n", path, strerror(errno));
  _exit(127);
}

static struct child start(const char* program, const char* argument) {
  struct child child = {0, now_ns(), 0};
  child.pid = fork();
  if (child.pid < 0) fail("cannot fork");
  if (child.pid == 0) become(program, argument);
  return child;
}

static struct child family[4];  // sleeper, burner, in_between, and the brief one of the moment

// Waits for children until `child` has ended; notes the end of any other that comes first.
static void wait_for(struct child* child) {
  while (child->lifetime_ns == 0) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, 0);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) fail("cannot wait for a child");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      fprintf(stderr, "process_tree: child %d failed\n", (int)pid);
      exit(1);
    }
    if (pid == child->pid) child->lifetime_ns = now_ns() - child->start_ns;
    for (int i = 0; i < 4; i++) {
      if (pid == family[i].pid && family[i].lifetime_ns == 0) {
        family[i].lifetime_ns = now_ns() - family[i].start_ns;
      }
    }
  }
}

// A child that only forks: it keeps the program of its parent under a name of its own.
static struct child start_parent_in_between(const char* grandchild_seconds) {
  struct child child = {0, now_ns(), 0};
  child.pid = fork();
  if (child.pid < 0) fail("cannot fork");
  if (child.pid == 0) {
    prctl(PR_SET_NAME, "in_between");
    struct child grandchild = start("sleep_shares", grandchild_seconds);
    wait_for(&grandchild);
    _exit(0);
  }
  return child;
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS");
  const ssize_t length = readlink("/proc/self/exe", directory, sizeof(directory) - 1);
  if (length < 0) fail("cannot find its own program");
  directory[length] = '\0';
  char* last_slash = strrchr(directory, '/');
  if (last_slash != NULL) *last_slash = '\0';

  char half[32];
  char fifth[32];
  char quarter[32];
  snprintf(half, sizeof(half), "%.3f", (double)duration_ns / 2e9);
  snprintf(fifth, sizeof(fifth), "%.3f", (double)duration_ns / 5e9);
  snprintf(quarter, sizeof(quarter), "%.3f", (double)duration_ns / 4e9);

  const uint64_t start_ns = now_ns();
  struct child* sleeper = &family[0];
  struct child* burner = &family[1];
  struct child* in_between = &family[2];
  struct child* brief = &family[3];
  *sleeper = start("sleep_shares", half);
  *burner = start("burn_shares", fifth);
  *in_between = start_parent_in_between(quarter);
  uint64_t briefs = 0;
  uint64_t briefs_lifetime_ns = 0;
  while (now_ns() - start_ns < duration_ns) {
    *brief = start("brief", "10");
    wait_for(brief);
    briefs++;
    briefs_lifetime_ns += brief->lifetime_ns;
  }
  wait_for(sleeper);
  wait_for(burner);
  wait_for(in_between);
  printf(
      "pid=%d wall_ns=%llu sleeper_pid=%d sleeper_lifetime_ns=%llu burner_pid=%d "
      "burner_lifetime_ns=%llu in_between_pid=%d in_between_lifetime_ns=%llu briefs=%llu "
      "briefs_lifetime_ns=%llu\n",
      (int)getpid(), (unsigned long long)(now_ns() - start_ns), (int)sleeper->pid,
      (unsigned long long)sleeper->lifetime_ns, (int)burner->pid,
      (unsigned long long)burner->lifetime_ns, (int)in_between->pid,
      (unsigned long long)in_between->lifetime_ns, (unsigned long long)briefs,
      (unsigned long long)briefs_lifetime_ns);
  return 0;
}
