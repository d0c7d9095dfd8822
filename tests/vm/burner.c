// Burns CPU in one function, in user mode alone, for a number of rounds: what it costs is the same
// for every round.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noipa)) static uint64_t burn(uint64_t rounds, uint64_t state) {
  for (uint64_t i = 0; i < rounds; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
  }
  return state;
}

int main(int argc, char** argv) {
  const uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
  printf("%llu\n", (unsigned long long)burn(rounds, 88172645463325252u));
  return 0;
}
