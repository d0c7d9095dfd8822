#include "recorder/processes/sideband.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "format/base/unique_fd.h"
#include "recorder/base/clocks.h"
#include "recorder/base/small_file.h"
#include "recorder/host/cgroup.h"
#include "recorder/host/online_cpus.h"
#include "recorder/processes/sideband_record.h"

namespace twofold {
namespace {

constexpr size_t kWantedRingBytes = size_t{128} * 1024;
constexpr size_t kSmallestRingBytes = size_t{8} * 1024;

bool CgroupsAreTold() {
  static const bool told =
      PerfTellsVersionTwo(ReadSmallFile(AT_FDCWD, "/proc/cgroups", 65536).value_or(std::string()));
  return told;
}

// What is asked for here must not change what others get. So no build ids (attr.build_id): the
// kernel sets a flag for them in a record that it builds once for all listeners, and does not clear
// it again (kernel/events/core.c: perf_event_mmap_output). Whoever listens beside us and did not
// ask for build ids would take an inode for one, and `perf script` aborts on that.
perf_event_attr Attributes() {
  perf_event_attr attr;
  std::memset(&attr, 0, sizeof attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.size = sizeof attr;
  attr.sample_type = PERF_SAMPLE_TIME;
  attr.sample_id_all = 1;
  attr.mmap = 1;
  attr.mmap2 = 1;
  attr.comm = 1;
  attr.comm_exec = 1;
  attr.task = 1;
  attr.ksymbol = 1;
  attr.cgroup = CgroupsAreTold() ? 1 : 0;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  attr.watermark = 1;
  attr.wakeup_watermark = kWantedRingBytes / 2;
  return attr;
}

UniqueFd OpenEvent(perf_event_attr& attr, uint32_t cpu) {
  constexpr pid_t kEveryTask = -1;
  return UniqueFd(
      int(syscall(SYS_perf_event_open, &attr, kEveryTask, int(cpu), -1, PERF_FLAG_FD_CLOEXEC)));
}

Error OpenError(int error_number) {
  Error error{"cannot follow processes: " + ErrnoText(error_number), "perf_event_open", ""};
  if (error_number == EACCES || error_number == EPERM) {
    error.remedy =
        "Run as root (CAP_PERFMON or CAP_SYS_ADMIN), or lower kernel.perf_event_paranoid: "
        "sysctl -w kernel.perf_event_paranoid=-1";
  } else if (error_number == EMFILE || error_number == ENFILE) {
    error.remedy = "Raise the limit of open files: ulimit -n 4096";
  } else if (error_number == ENOSYS) {
    error.remedy = "Use a kernel with CONFIG_PERF_EVENTS, outside of containers that forbid it";
  } else {
    error.remedy = "Use Linux 5.13 or later";
  }
  return error;
}

// One CPU's ring: a control page and, behind it, a power of two of data bytes.
class Ring {
 public:
  // Takes the descriptor; nullopt when the kernel refuses the memory even for the smallest ring,
  // with errno set.
  static std::optional<Ring> Map(UniqueFd fd, size_t page_bytes) {
    const size_t smallest_bytes = std::max(kSmallestRingBytes, page_bytes);
    for (size_t data_bytes = std::max(kWantedRingBytes, page_bytes); data_bytes >= smallest_bytes;
         data_bytes /= 2) {
      void* base =
          mmap(nullptr, page_bytes + data_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
      if (base != MAP_FAILED) return Ring(std::move(fd), base, page_bytes, data_bytes);
      if (errno != EPERM && errno != ENOMEM) return std::nullopt;
    }
    return std::nullopt;
  }

  Ring(Ring&& other) noexcept
      : fd_(std::move(other.fd_)),
        base_(std::exchange(other.base_, nullptr)),
        page_bytes_(other.page_bytes_),
        data_bytes_(other.data_bytes_) {}
  Ring& operator=(Ring&&) = delete;
  ~Ring() {
    if (base_ != nullptr) munmap(base_, page_bytes_ + data_bytes_);
  }

  int fd() const { return fd_.get(); }

  // Hands every complete record to `take`; false when the ring held nonsense, whose bytes were
  // skipped.
  template <typename Take>
  bool Read(std::vector<uint8_t>& scratch, Take&& take) {
    auto* control = static_cast<perf_event_mmap_page*>(base_);
    // Pairs with the kernel's barrier before it moves data_head: the records are there.
    const uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = control->data_tail;
    bool sound = true;
    while (tail != head) {
      const uint64_t available_bytes = head - tail;
      perf_event_header header;
      if (available_bytes < sizeof header || available_bytes > data_bytes_) {
        sound = false;
        break;
      }
      Copy(tail, {reinterpret_cast<uint8_t*>(&header), sizeof header});
      if (header.size < sizeof header || header.size > available_bytes) {
        sound = false;
        break;
      }
      scratch.resize(header.size);
      Copy(tail, scratch);
      take(std::span<const uint8_t>(scratch));
      tail += header.size;
    }
    // Pairs with the kernel's control dependency: we are done reading what it may now overwrite.
    __atomic_store_n(&control->data_tail, head, __ATOMIC_RELEASE);
    return sound;
  }

 private:
  Ring(UniqueFd fd, void* base, size_t page_bytes, size_t data_bytes)
      : fd_(std::move(fd)), base_(base), page_bytes_(page_bytes), data_bytes_(data_bytes) {}

  // Copies bytes at a position that counts through all rounds of the ring.
  void Copy(uint64_t position, std::span<uint8_t> out) const {
    const auto* data = static_cast<const uint8_t*>(base_) + page_bytes_;
    const size_t at = size_t(position & (data_bytes_ - 1));
    const size_t first_bytes = std::min(out.size(), data_bytes_ - at);
    std::memcpy(out.data(), data + at, first_bytes);
    std::memcpy(out.data() + first_bytes, data, out.size() - first_bytes);
  }

  UniqueFd fd_;
  void* base_;
  size_t page_bytes_;
  size_t data_bytes_;
};

}  // namespace

struct Sideband::State {
  std::vector<Ring> rings;
  std::vector<int> fds;
  std::vector<SidebandEvent> kept_back;
  std::vector<uint8_t> scratch;  // one record
  uint64_t lost = 0;
};

Sideband::Sideband() : state_(std::make_unique<State>()) {}
Sideband::~Sideband() = default;

Result<std::unique_ptr<Sideband>> Sideband::Open() {
  std::unique_ptr<Sideband> sideband(new Sideband());
  State& state = *sideband->state_;
  const size_t page_bytes = size_t(sysconf(_SC_PAGESIZE));
  for (const uint32_t cpu : OnlineCpus()) {
    perf_event_attr attr = Attributes();
    UniqueFd fd = OpenEvent(attr, cpu);
    if (!fd && errno == ENODEV) continue;  // went offline meanwhile
    if (!fd) return OpenError(errno);
    std::optional<Ring> ring = Ring::Map(std::move(fd), page_bytes);
    if (!ring) {
      return Error{"cannot map a ring for process events: " + ErrnoText(errno), "perf_event_open",
                   "Run as root (CAP_IPC_LOCK), or raise kernel.perf_event_mlock_kb: "
                   "sysctl -w kernel.perf_event_mlock_kb=2048"};
    }
    state.fds.push_back(ring->fd());
    state.rings.push_back(std::move(*ring));
  }
  if (state.rings.empty()) return OpenError(ENODEV);
  return sideband;
}

const std::vector<int>& Sideband::fds() const { return state_->fds; }

uint64_t Sideband::lost() const { return state_->lost; }

void Sideband::Drain(std::vector<SidebandEvent>& events) {
  State& state = *state_;
  const uint64_t horizon_ns = MonotonicNowNs();
  std::vector<SidebandEvent> fresh = std::move(state.kept_back);
  state.kept_back.clear();
  for (Ring& ring : state.rings) {
    const bool sound = ring.Read(state.scratch, [&](std::span<const uint8_t> record) {
      ParsedRecord parsed = ParseSidebandRecord(record);
      state.lost += parsed.lost + (parsed.damaged ? 1 : 0);
      if (parsed.event) fresh.push_back(std::move(*parsed.event));
    });
    if (!sound) ++state.lost;
  }
  std::stable_sort(fresh.begin(), fresh.end(), [](const SidebandEvent& a, const SidebandEvent& b) {
    return a.time_ns < b.time_ns;
  });
  const auto newer = std::upper_bound(
      fresh.begin(), fresh.end(), horizon_ns,
      [](uint64_t time_ns, const SidebandEvent& event) { return time_ns < event.time_ns; });
  events.insert(events.end(), std::make_move_iterator(fresh.begin()),
                std::make_move_iterator(newer));
  state.kept_back.assign(std::make_move_iterator(newer), std::make_move_iterator(fresh.end()));
}

}  // namespace twofold
