// Executes PROGRAM, with the arguments that follow, in a way that no shell offers:
//   descriptor  by execveat with a descriptor of the file and an empty path
//   folder      by execveat with a descriptor of the folder /proc/self and PROGRAM relative to it
//   thread      in a thread that is not the main one
//   many        a path that does not exist, with a thousand arguments "x"
//   unreadable  with arguments that cannot be read, which fails
// If it fails, the exit status is 127.
#include <fcntl.h>
#include <pthread.h>

#include "workload.h"

static char** program;

static void* execute(void* unused) {
  (void)unused;
  execv(program[0], program);
  _exit(127);
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s descriptor|folder|thread|many|unreadable PROGRAM...\n", argv[0]);
    return 2;
  }
  char* const environment[] = {NULL};
  program = argv + 2;
  if (strcmp(argv[1], "descriptor") == 0) {
    const int file = open(program[0], O_RDONLY);
    if (dup2(file, 9) == 9) syscall(SYS_execveat, 9, "", program, environment, 0x1000);
  } else if (strcmp(argv[1], "folder") == 0) {
    const int folder = open("/proc/self", O_RDONLY | O_DIRECTORY);
    if (dup2(folder, 8) == 8) syscall(SYS_execveat, 8, program[0], program, environment, 0);
  } else if (strcmp(argv[1], "thread") == 0) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, execute, NULL) == 0) pthread_join(thread, NULL);
  } else if (strcmp(argv[1], "many") == 0) {
    char x[] = "x";
    char* many[1001];
    for (int i = 0; i < 1000; i++) many[i] = x;
    many[1000] = NULL;
    syscall(SYS_execve, program[0], many, environment);
  } else if (strcmp(argv[1], "unreadable") == 0) {
    syscall(SYS_execve, program[0], 16L, environment);
  }
  return 127;
}
