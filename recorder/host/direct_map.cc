#include "recorder/host/direct_map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <sys/random.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "bpf/direct_map.skel.h"

namespace twofold {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kGigabyte = uint64_t(1) << 30;
// Bits 12 to 51 of a page table's entry (arch/x86/include/asm/pgtable_types.h: PTE_PFN_MASK).
constexpr uint64_t kFrameBits = ((uint64_t(1) << 52) - 1) & ~(kPageBytes - 1);

using Cookie = std::array<uint8_t, sizeof(direct_map_bpf::bss->cookie)>;

Error NotAvailable(const std::string& why, const std::string& where = "",
                   const std::string& remedy = "") {
  return Error{.what = "user stacks of sleeping threads cannot be read afterwards: " + why,
               .where = where,
               .remedy = remedy};
}

// The physical address behind the last memory, by /proc/iomem; 0 when it does not say (it shows
// zeros to whom it hides the addresses from).
uint64_t EndOfMemoryBytes(std::istream& iomem) {
  uint64_t end_bytes = 0;
  for (std::string line; std::getline(iomem, line);) {
    // "100000000-63fffffff : System RAM"; parts of it, indented, come below.
    const size_t dash = line.find('-');
    if (dash == std::string::npos || line.find(" : System RAM") == std::string::npos) continue;
    uint64_t last_byte = 0;
    const char* const first = line.data() + dash + 1;
    const auto [end, error] = std::from_chars(first, line.data() + line.size(), last_byte, 16);
    if (error == std::errc() && last_byte != 0) end_bytes = std::max(end_bytes, last_byte + 1);
  }
  return end_bytes;
}

// Without the bit by which AMD's processors mark encrypted memory (CPUID 0x8000001f; Programmer's
// Manual 3, E.4.17).
uint64_t FrameMask() {
#ifdef __x86_64__
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  const bool may_encrypt =
      __get_cpuid_count(0x8000001f, 0, &eax, &ebx, &ecx, &edx) != 0 && (eax & 3) != 0;
  if (may_encrypt) return kFrameBits & ~(uint64_t(1) << (ebx & 63));
#endif
  return kFrameBits;
}

// Pages of our own with bytes in them that are nowhere else.
class Cookies {
 public:
  static constexpr size_t kPages = 8;

  Cookies() {
    void* const memory = mmap(nullptr, kPages * kPageBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) return;
    memory_ = static_cast<uint8_t*>(memory);
    // Without the right to lock memory, a page that is swapped out right now is found missing.
    if (mlock(memory_, kPages * kPageBytes) != 0) errno = 0;
    for (size_t page = 0; page < kPages; ++page) {
      if (getrandom(At(page), sizeof(Cookie), 0) != ssize_t(sizeof(Cookie))) Clear();
      if (memory_ == nullptr) return;
    }
  }
  Cookies(const Cookies&) = delete;
  Cookies& operator=(const Cookies&) = delete;
  ~Cookies() { Clear(); }

  bool there() const { return memory_ != nullptr; }
  // Not always at the start of the page; the last one ends with its page.
  uint8_t* At(size_t page) const {
    return memory_ + page * kPageBytes + page * (kPageBytes - sizeof(Cookie)) / (kPages - 1);
  }

 private:
  void Clear() {
    if (memory_ != nullptr) munmap(memory_, kPages * kPageBytes);
    memory_ = nullptr;
  }

  uint8_t* memory_ = nullptr;
};

struct DestroySkeleton {
  void operator()(direct_map_bpf* skeleton) const { direct_map_bpf__destroy(skeleton); }
};

// The loaded programs that try guesses.
class Trial {
 public:
  explicit Trial(direct_map_bpf* skeleton) : skeleton_(skeleton) {}

  // Told by the first run.
  uint64_t top_table() const { return skeleton_->bss->top_table; }
  bool tells_registers() const { return skeleton_->bss->tells_registers != 0; }
  // The program that reads by loads; null where the kernel has refused it.
  const bpf_program* by_loads() const {
    return bpf_program__autoload(skeleton_->progs.try_loads) ? skeleton_->progs.try_loads : nullptr;
  }
  const bpf_program* by_helper() const { return skeleton_->progs.try_direct_map; }

  // Whether the bytes at an address of ours are found through a guess. Error: the kernel refuses to
  // run the program.
  Result<bool> Finds(const bpf_program* program, const DirectMap& guess, const uint8_t* address) {
    auto& shared = *skeleton_->bss;
    shared.direct_map = guess;
    shared.cookie_address = reinterpret_cast<uintptr_t>(address);
    std::memcpy(shared.cookie, address, sizeof(shared.cookie));
    LIBBPF_OPTS(bpf_test_run_opts, options);
    const int error = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
    if (error != 0) {
      return NotAvailable("the program that looks for the kernel's map of memory does not run: " +
                          ErrnoText(-error));
    }
    return *const_cast<volatile uint32_t*>(&shared.found) != 0;
  }

  Result<bool> FindsAll(const bpf_program* program, const DirectMap& guess,
                        const Cookies& cookies) {
    for (size_t page = 0; page < Cookies::kPages; ++page) {
      Result<bool> found = Finds(program, guess, cookies.At(page));
      if (!found || !*found) return found;
    }
    return true;
  }

 private:
  std::unique_ptr<direct_map_bpf, DestroySkeleton> skeleton_;
};

// Null with errno.
direct_map_bpf* LoadSkeleton(bool with_loads) {
  direct_map_bpf* const skeleton = direct_map_bpf__open();
  if (skeleton == nullptr) return nullptr;
  bpf_program__set_autoload(skeleton->progs.try_loads, with_loads);
  const int error = direct_map_bpf__load(skeleton);
  if (error == 0) return skeleton;
  direct_map_bpf__destroy(skeleton);
  errno = -error;
  return nullptr;
}

Result<Trial> LoadTrial() {
  const libbpf_print_fn_t print_before = libbpf_set_print(nullptr);  // our sentence says it
  direct_map_bpf* skeleton = LoadSkeleton(true);
  if (skeleton == nullptr) skeleton = LoadSkeleton(false);
  const int error = errno;
  libbpf_set_print(print_before);
  if (skeleton != nullptr) return Trial(skeleton);
  return NotAvailable(
      "the program that looks for the kernel's map of memory cannot be loaded: " + ErrnoText(error),
      "",
      error == EPERM || error == EACCES || error == EINVAL
          ? "Run as root; a kernel in lockdown mode or a container may refuse all "
            "the same"
          : "");
}

}  // namespace

Result<DirectMap> FindDirectMap() {
#ifndef __x86_64__
  return NotAvailable("this is only known for x86-64");
#endif
  std::ifstream iomem("/proc/iomem");
  DirectMap guess = {};
  guess.end_bytes = EndOfMemoryBytes(iomem);
  if (guess.end_bytes == 0) {
    return NotAvailable("the kernel does not tell where the machine's memory is", "/proc/iomem",
                        "Run as root, in a container with --privileged");
  }
  guess.frame_mask = FrameMask();
  const Cookies cookies;
  if (!cookies.there()) return NotAvailable("no memory to look for: " + ErrnoText(errno));
  TWOFOLD_ASSIGN_OR_RETURN(Trial trial, LoadTrial());

  // The first run tells where our own top page table is: in the direct map, which starts at a
  // multiple of 1 GiB (arch/x86/mm/kaslr.c), no farther below than there is memory.
  TWOFOLD_RETURN_IF_ERROR(trial.Finds(trial.by_helper(), guess, cookies.At(0)));
  if (!trial.tells_registers()) {
    return NotAvailable("this kernel does not tell the registers of sleeping threads", "",
                        "Use a kernel from 5.15 on");
  }
  const uint64_t highest_base = trial.top_table() & ~(kGigabyte - 1);
  // Upwards: a guess that is too high could lead behind the direct map, to the registers of
  // devices; one that is too low leads to other memory or to nothing.
  for (uint64_t below = (guess.end_bytes + kGigabyte - 1) / kGigabyte + 1; below-- > 0;) {
    guess.base = highest_base - below * kGigabyte;
    for (const uint32_t levels : {4, 5}) {
      guess.levels = levels;
      TWOFOLD_ASSIGN_OR_RETURN(const bool found, trial.FindsAll(trial.by_helper(), guess, cookies));
      if (!found) continue;
      if (trial.by_loads() != nullptr) {
        const bool loads = trial.FindsAll(trial.by_loads(), guess, cookies).value_or(false);
        guess.can_load = loads ? 1 : 0;
      }
      return guess;
    }
  }
  return NotAvailable("the kernel's map of memory was not found");
}

}  // namespace twofold
