// Loads a library, may delete its file, and burns CPU in it.
#include <dlfcn.h>

#include "workload.h"

int main(int argc, char** argv) {
  const uint64_t request_ns = parse_duration_ns(argc, argv, "CPU_SECONDS LIBRARY [delete]");
  void* library = argc > 2 ? dlopen(argv[2], RTLD_NOW) : NULL;
  uint64_t (*burn)(uint64_t) = NULL;
  if (library != NULL) *(void**)&burn = dlsym(library, "burn_in_library");
  if (burn == NULL) {
    fprintf(stderr, "dlopen_burner: no library to burn in\n");
    return 1;
  }
  if (argc > 3 && unlink(argv[2]) != 0) perror("dlopen_burner: unlink");
  const uint64_t burned_ns = burn(request_ns);
  printf("pid=%d burned_ns=%llu\n", (int)getpid(), (unsigned long long)burned_ns);
  return 0;
}
