// Makes two functions at run time, in memory without a file: made_burner burns a third of the CPU
// time, burn_in_c the rest; made_sleeper does all of the sleeping. HOW says where their names are:
//   map      in /tmp/perf-PID.map, after wrong names for the same addresses
//   deleted  likewise, and the file is deleted before the program ends
//   inside   likewise, in a pid and a mount namespace with a /tmp of its own (needs root)
//   dump     in jit-PID.dump in the current directory, which is deleted before the program ends
//   nowhere  no names
// The functions have another name in the second half of the time: made_burner_again. Files that
// are left behind are the caller's to remove.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "workload.h"

enum { MADE_BYTES = 64, SLEEPER_AT = 64, BURNER_STEPS = 500000 };

typedef void burner_function(uint64_t steps);
typedef long sleeper_function(const struct timespec* request, struct timespec* rest);

static uint8_t* code;
static char file_path[64];
static int file_fd = -1;
static void* marker;

static void make_functions(void) {
#if defined(__x86_64__)
  // push %rbp; mov %rsp,%rbp; 1: dec %rdi; jnz 1b; pop %rbp; ret
  static const uint8_t burner[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0xff,
                                   0xcf, 0x75, 0xfb, 0x5d, 0xc3};
  // push %rbp; mov %rsp,%rbp; mov $SYS_nanosleep,%eax; syscall; pop %rbp; ret
  static const uint8_t sleeper[] = {0x55, 0x48, 0x89, 0xe5, 0xb8, 0x23, 0x00,
                                    0x00, 0x00, 0x0f, 0x05, 0x5d, 0xc3};
#else
#error "runtime_code knows x86-64 only."
#endif
  code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) exit(1);
  memcpy(code, burner, sizeof(burner));
  memcpy(code + SLEEPER_AT, sleeper, sizeof(sleeper));
  if (mprotect(code, 4096, PROT_READ | PROT_EXEC) != 0) exit(1);
}

static void write_all(const void* bytes, size_t size) {
  if (write(file_fd, bytes, size) != (ssize_t)size) {
    fprintf(stderr, "runtime_code: cannot write %s: %s\n", file_path, strerror(errno));
    exit(1);
  }
}

static void tell(bool dump, int offset, const char* name) {
  if (file_fd < 0) return;
  if (!dump) {
    char line[128];
    const int length = snprintf(line, sizeof(line), "%llx %x %s\n",
                                (unsigned long long)(uintptr_t)(code + offset), MADE_BYTES, name);
    write_all(line, (size_t)length);
    return;
  }
  static uint64_t index;
  const uint64_t address = (uint64_t)(uintptr_t)(code + offset);
  const uint32_t name_size = (uint32_t)strlen(name) + 1;
  struct {
    uint32_t id, total_size;
    uint64_t timestamp;
    uint32_t pid, tid;
    uint64_t vma, code_addr, code_size, code_index;
  } load = {0,
            (uint32_t)sizeof(load) + name_size + MADE_BYTES,
            now_ns(),
            (uint32_t)getpid(),
            (uint32_t)getpid(),
            address,
            address,
            MADE_BYTES,
            ++index};
  write_all(&load, sizeof(load));
  write_all(name, name_size);
  write_all(code + offset, MADE_BYTES);
}

static void open_file(bool dump) {
  snprintf(file_path, sizeof(file_path), dump ? "jit-%d.dump" : "/tmp/perf-%d.map", (int)getpid());
  file_fd = open(file_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file_fd < 0) {
    fprintf(stderr, "runtime_code: cannot create %s: %s\n", file_path, strerror(errno));
    exit(1);
  }
  if (!dump) return;
  const struct {
    uint32_t magic, version, total_size, elf_machine, pad, pid;
    uint64_t timestamp, flags;
  } header = {0x4A695444, 1, sizeof(header), 62, 0, (uint32_t)getpid(), now_ns(), 0};
  write_all(&header, sizeof(header));
  marker = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file_fd, 0);
  if (marker == MAP_FAILED) exit(1);
}

OWN_FRAME static uint64_t call_made_burner(uint64_t request_ns) {
  const uint64_t before_ns = thread_cpu_ns();
  uint64_t used_ns = 0;
  while (used_ns < request_ns) {
    ((burner_function*)(uintptr_t)code)(BURNER_STEPS);
    used_ns = thread_cpu_ns() - before_ns;
  }
  return used_ns;
}

OWN_FRAME static uint64_t burn_in_c(uint64_t request_ns) { return burn_cpu_ns(request_ns); }

OWN_FRAME static uint64_t call_made_sleeper(uint64_t request_ns) {
  const struct timespec request = {0, (long)request_ns};
  const uint64_t before_ns = now_ns();
  ((sleeper_function*)(uintptr_t)(code + SLEEPER_AT))(&request, NULL);
  return now_ns() - before_ns;
}

int main(int argc, char** argv) {
  const uint64_t duration_ns =
      parse_duration_ns(argc, argv, "SECONDS map|deleted|inside|dump|nowhere");
  const char* how = argc > 2 ? argv[2] : "map";
  const bool dump = strcmp(how, "dump") == 0;
  const bool inside = strcmp(how, "inside") == 0;
  const bool nowhere = strcmp(how, "nowhere") == 0;
  stop_on_signals();
  if (inside) {
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) {
      fprintf(stderr, "runtime_code: cannot make namespaces: %s\n", strerror(errno));
      return 1;
    }
    const pid_t child = fork();
    if (child != 0) {
      int status = 1;
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) kill(child, SIGTERM);
      return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/tmp", "tmpfs", 0, NULL) != 0) {
      fprintf(stderr, "runtime_code: cannot mount a /tmp: %s\n", strerror(errno));
      return 1;
    }
  }
  make_functions();
  if (!nowhere) open_file(dump);
  tell(dump, 0, "wrong_burner");
  tell(dump, 0, "made_burner");
  tell(dump, SLEEPER_AT, "made_sleeper");

  const uint64_t start_ns = now_ns();
  uint64_t made_ns = 0;
  uint64_t plain_ns = 0;
  uint64_t again_ns = 0;
  uint64_t slept_ns = 0;
  uint64_t random_state = 88172645463325252u;
  bool renamed = false;
  while (!stop_requested && now_ns() - start_ns < duration_ns) {
    if (!renamed && now_ns() - start_ns >= duration_ns / 2) {
      tell(dump, 0, "made_burner_again");
      renamed = true;
    }
    // Several sampling periods long, and without a beat, as in burn_shares.
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    const uint64_t used_ns = call_made_burner(20000000 + (random_state >> 33) % 30000000);
    made_ns += used_ns;
    if (renamed) again_ns += used_ns;
    if (plain_ns < 2 * made_ns) plain_ns += burn_in_c(2 * made_ns - plain_ns);
    slept_ns += call_made_sleeper(15000000);
  }
  if (dump || strcmp(how, "deleted") == 0) unlink(file_path);
  printf(
      "pid=%d wall_ns=%llu made_ns=%llu again_ns=%llu plain_ns=%llu slept_ns=%llu "
      "run_delay_ns=%llu\n",
      (int)getpid(), (unsigned long long)(now_ns() - start_ns), (unsigned long long)made_ns,
      (unsigned long long)again_ns, (unsigned long long)plain_ns, (unsigned long long)slept_ns,
      (unsigned long long)run_delay_ns());
  return 0;
}
