// Without any library, for machines whose C library is not installed: `bare_library` exports two
// functions, and with TWOFOLD_CALLER this is a program that calls them.
#ifdef TWOFOLD_CALLER

int exported_one(int n);
int exported_two(int n);

__attribute__((noinline)) static int call_both(int n) { return exported_one(n) + exported_two(n); }

void _start(void) {
  volatile int sum = call_both(3);
  (void)sum;
  for (;;) {
  }
}

#else

volatile int bare_sink;

__attribute__((noinline)) static int hidden_in_the_file(int n) { return bare_sink += n; }

int exported_two(int n) { return hidden_in_the_file(n) * 2; }

// Through the PLT, as another module may replace exported_two.
int exported_one(int n) { return exported_two(n) + exported_two(n + 1); }

#endif
