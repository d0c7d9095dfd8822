// Calls functions of the C library, so that a program or library made of it has a PLT; and has
// functions that no dynamic symbol names.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Both called and loaded from memory: such a function's entry is in .plt.got.
size_t (*volatile length_of)(const char*) = strlen;

static int compare_letters(const void* a, const void* b) {
  return *(const char*)a - *(const char*)b;
}

static size_t sort_letters(char* text) {
  const size_t length = strlen(text) + length_of(text);
  qsort(text, length / 2, 1, compare_letters);
  return length;
}

int call_out(const char* text) {
  char copy[64];
  memset(copy, 0, sizeof copy);
  memcpy(copy, text, strlen(text) % (sizeof copy - 1));
  const size_t length = sort_letters(copy);
  if (strchr(copy, 'q') != NULL) puts(copy);
  return (int)length;
}

int main(int argc, char** argv) { return argc > 1 ? call_out(argv[1]) & 1 : 0; }
