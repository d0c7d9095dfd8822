#include "analyzer/names/demangle_many.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "analyzer/names/demangle.h"

namespace twofold {
namespace {

// Of CPU time. An honest name takes a few microseconds, and a slow machine or a sanitizer makes a
// millisecond of it.
constexpr suseconds_t kMaxNameUs = 50000;
constexpr int64_t kMaxTotalUs = 3000000;
constexpr size_t kMaxGivenUp = 16;
// All readable forms together: those of 100,000 long names.
constexpr uint32_t kMaxTextBytes = 32u << 20;

struct Place {
  uint32_t offset_bytes = 0;
  uint32_t size_bytes = 0;  // 0: no readable form
};

int64_t CpuUs(const rusage& usage) {
  return (int64_t{usage.ru_utime.tv_sec} + usage.ru_stime.tv_sec) * 1000000 +
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

// The child dies of whatever goes wrong, without a word and without a file.
void PrepareChild(int64_t max_us) {
  for (int number : {SIGPROF, SIGXCPU}) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  const rlim_t seconds = static_cast<rlim_t>(max_us / 1000000) + 1;
  const rlimit cpu = {seconds, seconds + 1};
  if (setrlimit(RLIMIT_CORE, &no_core) != 0 || setrlimit(RLIMIT_CPU, &cpu) != 0) _exit(1);
}

}  // namespace

// What parent and child share: this, then a place for each name, then the texts.
struct DemangledNames::Shared {
  std::atomic<uint32_t> done = 0;        // names that are finished
  std::atomic<uint32_t> text_bytes = 0;  // of them

  Place* places() { return reinterpret_cast<Place*>(this + 1); }
  char* texts(size_t count) { return reinterpret_cast<char*>(places() + count); }

  // In the child: goes on with the names that are not finished.
  void Work(const std::vector<std::string_view>& names);
};

void DemangledNames::Shared::Work(const std::vector<std::string_view>& names) {
  const itimerval limit = {{0, 0}, {0, kMaxNameUs}};
  for (uint32_t i = done; i < names.size(); ++i) {
    if (setitimer(ITIMER_PROF, &limit, nullptr) != 0) _exit(1);
    const std::string text = Demangle(names[i]).value_or("");
    const uint32_t offset = text_bytes;
    if (text.size() > kMaxTextBytes - offset) return;
    text.copy(texts(names.size()) + offset, text.size());
    places()[i] = {offset, uint32_t(text.size())};
    text_bytes = offset + uint32_t(text.size());
    done = i + 1;
  }
}

void DemangledNames::Unmap::operator()(Shared* shared) const { munmap(shared, size_bytes); }

DemangledNames DemangledNames::Of(const std::vector<std::string_view>& names) {
  DemangledNames result;
  result.count_ = names.size();
  if (names.empty()) return result;
  result.not_tried_ = names.size();
  if (names.size() > UINT32_MAX) return result;
  size_t size_bytes = sizeof(Shared) + names.size() * sizeof(Place) + kMaxTextBytes;
  void* memory = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return result;
  result.shared_ = {new (memory) Shared, Unmap{size_bytes}};
  Shared& shared = *result.shared_;
  int64_t left_us = kMaxTotalUs;
  while (shared.done < names.size() && left_us > 0 && result.given_up_ < kMaxGivenUp) {
    pid_t child = fork();
    if (child < 0) break;
    if (child == 0) {
      PrepareChild(left_us);
      shared.Work(names);
      _exit(0);
    }
    int status = 0;
    rusage usage = {};
    pid_t ended = -1;
    do {
      ended = wait4(child, &status, 0, &usage);
    } while (ended < 0 && errno == EINTR);
    if (ended != child || !WIFSIGNALED(status)) break;
    left_us -= CpuUs(usage);
    // Out of time for all, not for the name that was at work.
    if (WTERMSIG(status) == SIGXCPU) break;
    if (shared.done == names.size()) break;
    ++result.given_up_;
    shared.places()[shared.done] = {};
    ++shared.done;
  }
  result.not_tried_ = names.size() - shared.done;
  return result;
}

std::optional<std::string_view> DemangledNames::At(size_t index) const {
  if (shared_ == nullptr || index >= shared_->done) return std::nullopt;
  const Place& place = shared_->places()[index];
  // The child wrote it, after reading names that may be crafted.
  const bool is_inside =
      place.offset_bytes <= kMaxTextBytes && place.size_bytes <= kMaxTextBytes - place.offset_bytes;
  if (place.size_bytes == 0 || !is_inside) return std::nullopt;
  return std::string_view(shared_->texts(count_) + place.offset_bytes, place.size_bytes);
}

}  // namespace twofold
