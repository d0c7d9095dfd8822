// Functions of every kind that a symbol table knows: global, local, weak, aliases, an indirect one,
// one without a size.
#include <stdlib.h>

volatile int sink;

void plain_global(void) { sink = sink * 3 + 1; }

static void local_one(int n) {
  for (int i = 0; i < n; ++i) sink += i * n;
}

__attribute__((weak)) void weak_only(void) { sink ^= 5; }

// One address under four names: the global with the fewest underscores is to be found.
void __decorated_name(int n) {
  for (int i = 0; i < n; ++i) sink -= i;
}
void decorated_name(int n) __attribute__((alias("__decorated_name")));
void a_weak_name(int n) __attribute__((weak, alias("__decorated_name")));
static void a_local_name(int n) __attribute__((alias("__decorated_name"), used));

static int real_choice(void) { return sink + 1; }
static int (*choose(void))(void) { return real_choice; }
int indirect_choice(void) __attribute__((ifunc("choose")));
// The same once more under a name that is not to be found.
int __indirect_choice(void) __attribute__((ifunc("choose")));

// Without a size: reaches to the next function.
__asm__(
    ".text\n"
    ".globl unsized_function\n"
    ".type unsized_function, %function\n"
    "unsized_function:\n"
    "  .rept 8\n"
    "  nop\n"
    "  .endr\n"
    "  ret\n");
void unsized_function(void);

int main(int argc, char** argv) {
  plain_global();
  local_one(argc);
  weak_only();
  decorated_name(argc);
  unsized_function();
  (void)argv;
  return indirect_choice() == 0 ? EXIT_SUCCESS : 0;
}
