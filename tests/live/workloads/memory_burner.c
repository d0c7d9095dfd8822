// Copies a program into a file in memory and becomes it.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "workload.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s CPU_SECONDS PROGRAM\n", argv[0]);
    return 2;
  }
  const int from = open(argv[2], O_RDONLY | O_CLOEXEC);
  const int to = memfd_create("burner", MFD_CLOEXEC);
  struct stat status;
  if (from < 0 || to < 0 || fstat(from, &status) != 0 ||
      sendfile(to, from, NULL, (size_t)status.st_size) != status.st_size) {
    perror("memory_burner");
    return 1;
  }
  char* const arguments[] = {argv[2], argv[1], NULL};
  char* const environment[] = {NULL};
  fexecve(to, arguments, environment);
  perror("memory_burner: fexecve");
  return 1;
}
