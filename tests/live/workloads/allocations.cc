// Leaks known amounts in functions of their own, among many allocations that are freed again, by
// several threads and through every way to allocate. Begins at SIGUSR1, tells its truth when it has
// done all of that, and then holds what it has until SIGTERM.
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__clang__)
#define OWN_FRAME extern "C" __attribute__((noinline, used))
#else
#define OWN_FRAME extern "C" __attribute__((noipa, used))
#endif

// What a pointer is given to cannot be left out by the compiler.
OWN_FRAME void* hold(void* pointer) { return pointer; }

OWN_FRAME void leak_small() { hold(malloc(64)); }
OWN_FRAME void leak_large() { hold(malloc(4096)); }
OWN_FRAME void leak_cleared() { hold(calloc(25, 40)); }
OWN_FRAME void leak_aligned() {
  void* pointer = nullptr;
  if (posix_memalign(&pointer, 4096, 8192) == 0) hold(pointer);
}
OWN_FRAME void leak_aligned_too() { hold(aligned_alloc(256, 512)); }
OWN_FRAME void leak_new() { hold(::operator new(48)); }
OWN_FRAME void leak_new_array() { hold(new char[1000]); }
OWN_FRAME void leak_new_aligned() { hold(::operator new(192, std::align_val_t(64))); }
OWN_FRAME void leak_new_nothrow() { hold(::operator new(80, std::nothrow)); }
OWN_FRAME void leak_mapping() {
  hold(mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
// Of three parts the first is given back.
OWN_FRAME void leak_part_of_mapping() {
  char* const start = static_cast<char*>(
      mmap(nullptr, 3 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  munmap(start, 1 << 16);
}
// Grows by moving, and stays as it is at last: 200,000 bytes.
OWN_FRAME void leak_grown() {
  void* pointer = malloc(10);
  for (size_t bytes = 100; bytes <= 200'000; bytes += 100) pointer = hold(realloc(pointer, bytes));
}
// What cannot be made larger stays.
OWN_FRAME void leak_not_grown() {
  void* const pointer = hold(malloc(300));
  volatile size_t too_much = SIZE_MAX / 4;
  if (realloc(pointer, too_much) != nullptr) abort();
}

OWN_FRAME void balanced_malloc() { free(hold(malloc(100))); }
OWN_FRAME void balanced_calloc() { free(hold(calloc(3, 50))); }
OWN_FRAME void balanced_realloc() {
  void* pointer = hold(malloc(10));
  pointer = hold(realloc(pointer, 3000));
  pointer = hold(realloc(pointer, 200'000));
  pointer = hold(realloc(pointer, 20));
  free(pointer);
}
OWN_FRAME void balanced_aligned() {
  void* pointer = nullptr;
  if (posix_memalign(&pointer, 1024, 3000) == 0) free(hold(pointer));
}
OWN_FRAME void balanced_new() {
  ::operator delete(hold(::operator new(72)));
  ::operator delete[](static_cast<char*>(hold(new char[500])));
  ::operator delete(hold(::operator new(64, std::align_val_t(64))), std::align_val_t(64));
}
OWN_FRAME void balanced_mapping() {
  char* const start = static_cast<char*>(
      mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  munmap(start, 1 << 12);
  munmap(start + (1 << 12), (1 << 16) - (1 << 12));
}

void* balance(void*) {
  for (int i = 0; i < 1000; ++i) {
    balanced_malloc();
    balanced_calloc();
    balanced_realloc();
    balanced_aligned();
    balanced_new();
    balanced_mapping();
  }
  return nullptr;
}

// Parcels go from the main thread to another one, which opens them.
constexpr int kParcels = 3000;
int parcel_pipe[2];

OWN_FRAME void* make_parcel() { return hold(malloc(700)); }
void* open_parcels(void*) {
  for (int i = 0; i < kParcels; ++i) {
    void* parcel = nullptr;
    if (read(parcel_pipe[0], &parcel, sizeof parcel) != ssize_t(sizeof parcel)) abort();
    free(parcel);
  }
  return nullptr;
}

// operator new that fails throws, recorded or not.
OWN_FRAME int fail_to_allocate() {
  volatile size_t too_much = size_t(1) << 60;
  int caught = 0;
  for (int i = 0; i < 3; ++i) {
    try {
      hold(::operator new(too_much));
    } catch (const std::bad_alloc&) {
      ++caught;
    }
  }
  return caught;
}

using Malloc = void* (*)(size_t);
Malloc late_malloc;
OWN_FRAME void leak_late() { hold(late_malloc(400)); }

void start_thread(pthread_t& thread, void* (*run)(void*)) {
  if (pthread_create(&thread, nullptr, run, nullptr) != 0) abort();
}

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: allocations SMALL LARGE [LIBRARY | now]\n");
    return 2;
  }
  const long small = std::atol(argv[1]);
  const long large = std::atol(argv[2]);
  const bool now = argc > 3 && std::strcmp(argv[3], "now") == 0;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  int signal_number = 0;
  if (!now && (sigwait(&signals, &signal_number) != 0 || signal_number != SIGUSR1)) return 0;

  constexpr int kThreads = 3;
  pthread_t balancing[kThreads];
  for (pthread_t& thread : balancing) start_thread(thread, balance);
  pthread_t opening;
  if (pipe(parcel_pipe) != 0) return 1;
  start_thread(opening, open_parcels);

  for (long i = 0; i < small; ++i) leak_small();
  for (long i = 0; i < large; ++i) leak_large();
  for (int i = 0; i < 9; ++i) leak_cleared();
  for (int i = 0; i < 7; ++i) leak_aligned();
  for (int i = 0; i < 21; ++i) leak_aligned_too();
  for (int i = 0; i < 11; ++i) leak_new();
  for (int i = 0; i < 13; ++i) leak_new_array();
  for (int i = 0; i < 15; ++i) leak_new_aligned();
  for (int i = 0; i < 17; ++i) leak_new_nothrow();
  for (int i = 0; i < 5; ++i) leak_mapping();
  for (int i = 0; i < 6; ++i) leak_part_of_mapping();
  for (int i = 0; i < 2; ++i) leak_grown();
  for (int i = 0; i < 19; ++i) leak_not_grown();
  const int caught = fail_to_allocate();
  for (int i = 0; i < kParcels; ++i) {
    void* const parcel = make_parcel();
    if (write(parcel_pipe[1], &parcel, sizeof parcel) != ssize_t(sizeof parcel)) abort();
  }
  int late = 0;
  if (argc > 3 && !now) {
    void* const library = dlopen(argv[3], RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      std::fprintf(stderr, "%s\n", dlerror());
      return 1;
    }
    late_malloc = reinterpret_cast<Malloc>(dlsym(library, "malloc"));
    usleep(500'000);  // the recorder sees it by and by
    for (; late < 400; ++late) leak_late();
  }
  for (const pthread_t thread : balancing) pthread_join(thread, nullptr);
  pthread_join(opening, nullptr);
  std::printf("small=%ld large=%ld caught=%d late=%d\n", small, large, caught, late);
  std::fflush(stdout);
  if (!now) sigwait(&signals, &signal_number);
  return 0;
}
