#include "recorder/processes/sideband_record.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>

namespace twofold {
namespace {

constexpr size_t kSampleIdBytes = 8;  // the time that sample_id_all appends

// What PERF_RECORD_FORK and PERF_RECORD_EXIT hold after the header.
struct TaskBody {
  uint32_t pid;
  uint32_t parent_pid;
  uint32_t tid;
  uint32_t parent_tid;
  uint64_t time_ns;
};
static_assert(sizeof(TaskBody) == 24);

struct CommBody {
  uint32_t pid;
  uint32_t tid;
};
static_assert(sizeof(CommBody) == 8);

struct Mmap2Body {
  uint32_t pid;
  uint32_t tid;
  uint64_t address;
  uint64_t size_bytes;
  uint64_t file_offset;
  // PERF_RECORD_MISC_MMAP_BUILD_ID may be set because somebody else asked for build ids, which is
  // no reason to believe it: to those who did not, the kernel writes these all the same.
  uint32_t major;
  uint32_t minor;
  uint64_t inode;
  uint64_t inode_generation;
  uint32_t protection;
  uint32_t flags;
};
static_assert(sizeof(Mmap2Body) == 64);

struct KernelSymbolBody {
  uint64_t address;
  uint32_t size_bytes;
  uint16_t type;
  uint16_t flags;
};
static_assert(sizeof(KernelSymbolBody) == 16);

struct CgroupBody {
  uint64_t id;
};
static_assert(sizeof(CgroupBody) == 8);

struct LostBody {
  uint64_t id;
  uint64_t lost;
};
static_assert(sizeof(LostBody) == 16);

// Copies a body out of the bytes; false when there are not enough of them.
template <typename Body>
bool Take(std::span<const uint8_t>& bytes, Body& body) {
  if (bytes.size() < sizeof body) return false;
  std::memcpy(&body, bytes.data(), sizeof body);
  bytes = bytes.subspan(sizeof body);
  return true;
}

// The text up to its NUL; the kernel pads it to a multiple of 8 bytes.
std::string TakeText(std::span<const uint8_t> bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), uint8_t{0});
  return std::string(bytes.begin(), end);
}

// What a record that is whole turns out to be.
enum class Outcome { kEvent, kNotWanted, kDamaged };

// Each of these takes the body of a kind of record, and fills in the event.

Outcome ReadTask(const perf_event_header& header, std::span<const uint8_t> record,
                 SidebandEvent& event) {
  TaskBody body;
  if (!Take(record, body)) return Outcome::kDamaged;
  const bool is_fork = header.type == PERF_RECORD_FORK;
  event.kind = is_fork ? SidebandEvent::Kind::kFork : SidebandEvent::Kind::kExit;
  event.time_ns = body.time_ns;
  event.pid = Pid(body.pid);
  event.tid = Tid(body.tid);
  if (is_fork) event.parent_pid = Pid(body.parent_pid);
  return Outcome::kEvent;
}

Outcome ReadComm(const perf_event_header& header, std::span<const uint8_t> record,
                 SidebandEvent& event) {
  CommBody body;
  if (!Take(record, body)) return Outcome::kDamaged;
  const bool is_exec = (header.misc & PERF_RECORD_MISC_COMM_EXEC) != 0;
  event.kind = is_exec ? SidebandEvent::Kind::kExec : SidebandEvent::Kind::kComm;
  event.pid = Pid(body.pid);
  event.tid = Tid(body.tid);
  event.text = TakeText(record);
  return Outcome::kEvent;
}

Outcome ReadMapping(const perf_event_header&, std::span<const uint8_t> record,
                    SidebandEvent& event) {
  Mmap2Body body;
  if (!Take(record, body)) return Outcome::kDamaged;
  if ((body.protection & PROT_EXEC) == 0) return Outcome::kNotWanted;
  event.kind = SidebandEvent::Kind::kMap;
  event.pid = Pid(body.pid);
  event.tid = Tid(body.tid);
  event.address = body.address;
  event.size_bytes = body.size_bytes;
  event.file_offset = body.file_offset;
  event.text = TakeText(record);
  event.device = makedev(body.major, body.minor);
  event.inode = body.inode;
  event.inode_generation = body.inode_generation;
  return Outcome::kEvent;
}

Outcome ReadKernelSymbol(const perf_event_header&, std::span<const uint8_t> record,
                         SidebandEvent& event) {
  KernelSymbolBody body;
  if (!Take(record, body)) return Outcome::kDamaged;
  if (body.type != PERF_RECORD_KSYMBOL_TYPE_BPF) return Outcome::kNotWanted;
  const bool is_gone = (body.flags & PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER) != 0;
  event.kind = is_gone ? SidebandEvent::Kind::kBpfProgramGone : SidebandEvent::Kind::kBpfProgram;
  event.address = body.address;
  event.size_bytes = body.size_bytes;
  event.text = TakeText(record);
  return Outcome::kEvent;
}

Outcome ReadCgroup(const perf_event_header&, std::span<const uint8_t> record,
                   SidebandEvent& event) {
  CgroupBody body;
  if (!Take(record, body)) return Outcome::kDamaged;
  event.kind = SidebandEvent::Kind::kCgroup;
  event.cgroup_id = body.id;
  event.text = TakeText(record);
  return Outcome::kEvent;
}

struct RecordKind {
  uint32_t type;
  Outcome (*read)(const perf_event_header& header, std::span<const uint8_t> record,
                  SidebandEvent& event);
};

constexpr RecordKind kRecordKinds[] = {
    {PERF_RECORD_FORK, ReadTask},     {PERF_RECORD_EXIT, ReadTask},
    {PERF_RECORD_COMM, ReadComm},     {PERF_RECORD_MMAP2, ReadMapping},
    {PERF_RECORD_CGROUP, ReadCgroup}, {PERF_RECORD_KSYMBOL, ReadKernelSymbol},
};

}  // namespace

ParsedRecord ParseSidebandRecord(std::span<const uint8_t> record) {
  ParsedRecord parsed;
  perf_event_header header;
  if (!Take(record, header)) {
    parsed.damaged = true;
    return parsed;
  }
  const auto* kind =
      std::find_if(std::begin(kRecordKinds), std::end(kRecordKinds),
                   [&](const RecordKind& known) { return known.type == header.type; });
  const bool is_known = kind != std::end(kRecordKinds);
  if (!is_known && header.type != PERF_RECORD_LOST) return parsed;
  parsed.damaged = true;  // until all of it was there
  if (record.size() < kSampleIdBytes) return parsed;
  SidebandEvent event;
  std::memcpy(&event.time_ns, record.data() + record.size() - kSampleIdBytes, kSampleIdBytes);
  record = record.first(record.size() - kSampleIdBytes);
  if (!is_known) {
    LostBody body;
    if (!Take(record, body)) return parsed;
    parsed.lost = body.lost;
    parsed.damaged = false;
    return parsed;
  }
  const Outcome outcome = kind->read(header, record, event);
  parsed.damaged = outcome == Outcome::kDamaged;
  if (outcome == Outcome::kEvent) parsed.event = std::move(event);
  return parsed;
}

}  // namespace twofold
