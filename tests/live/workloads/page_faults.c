// Touches pages for the first time: 1/4 of them in touch_a_quarter and 3/4 in touch_three_quarters,
// a page of one after three of the other; as many as the quarter has in read_zeros, where the
// kernel touches them; and those of a file in touch_file, after the kernel was asked to forget it.
//
// Pages are the smallest that there are. Counts are the kernel's own, read before and after each
// phase from /proc/self/stat; a few more than pages, for code that runs for the first time.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "workload.h"

static uint64_t page_bytes;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

struct counts {
  uint64_t minor;
  uint64_t major;
  uint64_t resident_bytes;
};

static struct counts own_counts(void) {
  struct counts counts = {0, 0, 0};
  char text[1024] = "";
  const int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  const ssize_t bytes = read(file, text, sizeof(text) - 1);
  close(file);
  // The name may hold anything, so fields are counted from the last parenthesis.
  const char* rest = bytes > 0 ? strrchr(text, ')') : NULL;
  unsigned long long minor = 0, major = 0;
  long long pages = 0;
  if (rest == NULL ||
      sscanf(rest,
             ") %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu %*u %*u %*u %*d %*d %*d %*d %*d %*d "
             "%*u %*u %lld",
             &minor, &major, &pages) != 3) {
    fail("/proc/self/stat");
  }
  counts.minor = minor;
  counts.major = major;
  counts.resident_bytes = (uint64_t)pages * page_bytes;
  return counts;
}

static char* new_pages(uint64_t pages) {
  char* memory =
      mmap(NULL, pages * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  // A kernel without huge pages refuses, and makes none.
  (void)madvise(memory, pages * page_bytes, MADV_NOHUGEPAGE);
  return memory;
}

OWN_FRAME static void touch_a_quarter(char* page) { *(volatile char*)page = 1; }

OWN_FRAME static void touch_three_quarters(char* pages) {
  for (int i = 0; i < 3; ++i) *(volatile char*)(pages + (uint64_t)i * page_bytes) = 1;
}

OWN_FRAME static void touch_anonymous(uint64_t quarter_pages) {
  char* memory = new_pages(4 * quarter_pages);
  for (uint64_t i = 0; i < quarter_pages; ++i) {
    touch_a_quarter(memory + 4 * i * page_bytes);
    touch_three_quarters(memory + (4 * i + 1) * page_bytes);
  }
}

OWN_FRAME static void read_zeros(uint64_t pages) {
  char* memory = new_pages(pages);
  const int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  const uint64_t bytes = pages * page_bytes;
  for (uint64_t done = 0; done < bytes;) {
    const long got = raw_syscall4(SYS_read, zeros, (long)(memory + done), (long)(bytes - done), 0);
    if (got <= 0) fail("read /dev/zero");
    done += (uint64_t)got;
  }
  close(zeros);
}

OWN_FRAME static void touch_file(const char* memory, uint64_t pages) {
  for (uint64_t i = 0; i < pages; ++i) (void)*(volatile const char*)(memory + i * page_bytes);
}

static uint64_t major_faults_of_file(const char* path, uint64_t pages) {
  const int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) fail(path);
  char* page = calloc(1, page_bytes);
  for (uint64_t i = 0; i < pages; ++i) {
    if (write(file, page, page_bytes) != (ssize_t)page_bytes) fail(path);
  }
  free(page);
  if (fsync(file) != 0) fail(path);
  (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  char* memory = mmap(NULL, pages * page_bytes, PROT_READ, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) fail("mmap");
  (void)madvise(memory, pages * page_bytes, MADV_RANDOM);  // nothing is read ahead
  const uint64_t before = own_counts().major;
  touch_file(memory, pages);
  const uint64_t major = own_counts().major - before;
  munmap(memory, pages * page_bytes);
  close(file);
  unlink(path);
  return major;
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s QUARTER_PAGES [FILE]\n", argv[0]);
    return 2;
  }
  page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
  const uint64_t quarter_pages = strtoull(argv[1], NULL, 10);
  uint64_t major = 0;
  (void)own_counts();  // the first time needs pages of its own
  const struct counts start = own_counts();
  const uint64_t start_ns = thread_cpu_ns();
  touch_anonymous(quarter_pages);
  const uint64_t cpu_ns = thread_cpu_ns() - start_ns;
  const struct counts touched = own_counts();
  read_zeros(quarter_pages);
  const struct counts read = own_counts();
  if (argc > 2) major = major_faults_of_file(argv[2], 64);
  printf(
      "pid=%d pages=%llu minor=%llu resident_bytes=%llu read_minor=%llu major=%llu cpu_ns=%llu\n",
      (int)getpid(), (unsigned long long)(4 * quarter_pages),
      (unsigned long long)(touched.minor - start.minor),
      (unsigned long long)(touched.resident_bytes - start.resident_bytes),
      (unsigned long long)(read.minor - touched.minor), (unsigned long long)major,
      (unsigned long long)cpu_ns);
  return 0;
}
