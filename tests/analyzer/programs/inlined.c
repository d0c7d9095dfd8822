// A program with known inlining, for symbolize_test.cc: main calls work, which has inner inlined
// into outer inlined into itself.
#include <stdio.h>

static volatile int sink;
int data = 3;

__attribute__((always_inline)) static inline int inner(int x) {
  sink += x;
  return x * 3;
}

__attribute__((always_inline)) static inline int outer(int x) {
  printf("%d", x);
  return inner(x) + sink;
}

__attribute__((noinline)) int work(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) sum += outer(i);
  return sum;
}

int main(int argc, char** argv) {
  (void)argv;
  return work(argc) + data;
}
