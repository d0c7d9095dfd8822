// Burns CPU in a library, then in another one that lies at the same place, then in the first again.
// Both are built of reloader_library.c, so that their functions have the same offsets.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "workload.h"

typedef uint64_t (*burner)(uint64_t request_ns);

// Where the code of a library lies, and where in its file.
struct place {
  unsigned long start;
  unsigned long end;
  unsigned long offset;
};

static void* library;

static void leave(const char* what) {
  fprintf(stderr, "reloader: %s failed: %s\n", what, strerror(errno));
  exit(1);
}

static burner load(const char* path) {
  library = dlopen(path, RTLD_NOW);
  if (library == NULL) leave(dlerror());
  burner burn;
  *(void**)&burn = dlsym(library, "burn");
  if (burn == NULL) leave(dlerror());
  return burn;
}

static struct place place_of(burner burn) {
  struct place place = {0, 0, 0};
  FILE* maps = fopen("/proc/self/maps", "re");
  char line[4096];
  while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
    struct place at;
    char protection[5];
    if (sscanf(line, "%lx-%lx %4s %lx", &at.start, &at.end, protection, &at.offset) != 4) continue;
    if ((unsigned long)burn >= at.start && (unsigned long)burn < at.end) place = at;
  }
  if (maps != NULL) fclose(maps);
  if (place.start == 0) leave("/proc/self/maps");
  return place;
}

static void map_over(const struct place* place, const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  void* const at = (void*)place->start;
  if (fd < 0 || mmap(at, place->end - place->start, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED,
                     fd, (off_t)place->offset) != at) {
    leave("mmap");
  }
  close(fd);
}

// Writes one file's bytes into another one, which stays the same file.
static void overwrite(const char* path, const char* from) {
  static char bytes[1 << 20];
  const int in = open(from, O_RDONLY | O_CLOEXEC);
  const int out = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
  const ssize_t size = in < 0 ? -1 : read(in, bytes, sizeof(bytes));
  if (size <= 0 || out < 0 || write(out, bytes, (size_t)size) != size) leave("copying");
  close(in);
  close(out);
}

int main(int argc, char** argv) {
  const char* const usage = "SECONDS_EACH reload|over|overwrite PAUSE_SECONDS ONE TWO [COPY]";
  const uint64_t request_ns = parse_duration_ns(argc, argv, usage);
  if (argc < 6) return 2;
  const char* const how = argv[2];
  const uint64_t pause_ns = (uint64_t)(parse_number("PAUSE_SECONDS", argv[3], 0, 60) * 1e9);
  const char* const paths[] = {argv[4], argv[5], argv[4]};
  uint64_t burned_ns[] = {0, 0};
  unsigned long first_place = 0;
  int at_same_place = 1;
  burner burn = NULL;
  for (int turn = 0; turn < 3; turn++) {
    if (strcmp(how, "over") == 0 && burn != NULL) {
      const struct place place = place_of(burn);
      map_over(&place, paths[turn]);
    } else {
      const char* path = paths[turn];
      if (strcmp(how, "overwrite") == 0) {
        path = argc > 6 ? argv[6] : "";
        overwrite(path, paths[turn]);
      }
      burn = load(path);
    }
    if (turn == 0) first_place = (unsigned long)burn;
    at_same_place = at_same_place && (unsigned long)burn == first_place;
    burned_ns[turn % 2] += burn(request_ns);
    if (pause_ns > 0) sleep_off_cpu_ns(pause_ns);
    if (strcmp(how, "over") == 0) continue;
    dlclose(library);
    if (pause_ns > 0) sleep_off_cpu_ns(pause_ns);
  }
  printf("pid=%d one_ns=%llu two_ns=%llu at_same_place=%d\n", (int)getpid(),
         (unsigned long long)burned_ns[0], (unsigned long long)burned_ns[1], at_same_place);
  return 0;
}
