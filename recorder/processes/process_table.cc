// How the table stays true.
//
// Two witnesses tell of processes. The sideband's events are exact in time, and may be lost; a look
// at /proc is complete, and tells only of now. So the scan at the start comes after the sideband
// was opened, and what both saw is the same image; when events were lost, /proc is scanned again;
// and an event of a process that the table does not know makes it read that process's /proc.
//
// A process is a sequence of images: each exec begins a new one, with other mappings and perhaps
// another name. Images are found by pid and time, as pids come round again. They stay after the
// process has ended for as long as rows may still come that its addresses are in; then Forget lets
// go of them. Files are shared between the mappings of all processes: a host with a thousand
// processes maps a few hundred.
#include "recorder/processes/process_table.h"

#include <algorithm>
#include <utility>

#include "recorder/base/clocks.h"

namespace twofold {
namespace {

// Between the start that the kernel stamps on a process and its fork event lies the rest of
// clone(2), which a busy CPU can stretch; no pid comes round again that fast.
constexpr uint64_t kStartToleranceNs = 1'000'000'000;

// CLOCK_BOOTTIME of a moment of CLOCK_MONOTONIC; the two differ by the time spent suspended.
uint64_t BoottimeOf(uint64_t monotonic_ns) {
  return monotonic_ns + ClockNs(CLOCK_BOOTTIME) - MonotonicNowNs();
}

bool SameStart(uint64_t a_ns, uint64_t b_ns) {
  return (a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns) < kStartToleranceNs;
}

void AddTid(ProcessImage& image, uint32_t tid) {
  const auto at = std::lower_bound(image.live_tids.begin(), image.live_tids.end(), tid);
  if (at == image.live_tids.end() || *at != tid) image.live_tids.insert(at, tid);
}

void RemoveTid(ProcessImage& image, uint32_t tid) {
  const auto at = std::lower_bound(image.live_tids.begin(), image.live_tids.end(), tid);
  if (at != image.live_tids.end() && *at == tid) image.live_tids.erase(at);
}

void MarkEnd(ProcessImage& image, uint64_t monotonic_ns) {
  if (image.end_monotonic_ns == 0) image.end_monotonic_ns = std::max<uint64_t>(monotonic_ns, 1);
}

}  // namespace

size_t ProcessTable::FileHash::operator()(const std::shared_ptr<const MappedFile>& file) const {
  const std::hash<std::string> hash;
  return hash(file->path) * 31 + file->inode_generation * 17 + file->inode;
}

ProcessTable::ProcessTable(Scope scope) : scope_(std::move(scope)) {
  for (const Pid pid : scope_.pids) tracked_.insert(pid.value);
}

bool ProcessTable::InScope(Pid pid) const { return scope_.all || tracked_.contains(pid.value); }

ProcessImage* ProcessTable::Latest(Pid pid) const {
  const auto found = images_.find(pid.value);
  return found == images_.end() ? nullptr : found->second.back().get();
}

ProcessImage* ProcessTable::At(Pid pid, uint64_t monotonic_ns) const {
  const auto found = images_.find(pid.value);
  if (found == images_.end()) return nullptr;
  const Images& images = found->second;
  for (auto image = images.rbegin(); image != images.rend(); ++image) {
    if ((*image)->image_start_monotonic_ns <= monotonic_ns) return image->get();
  }
  return nullptr;
}

ProcessImage& ProcessTable::Add(std::unique_ptr<ProcessImage> image) {
  Images& images = images_[image->pid.value];
  images.push_back(std::move(image));
  return *images.back();
}

std::shared_ptr<const MappedFile> ProcessTable::Intern(MappedFile file) {
  return *files_.insert(std::make_shared<const MappedFile>(std::move(file))).first;
}

void ProcessTable::AddMapping(ProcessImage& image, const Mapping& mapping, uint64_t seen_ns) {
  if (image.AddMapping(mapping, seen_ns)) ++replacements_;
}

bool ProcessTable::ReadMappings(const ProcProcess& process, ProcessImage& image) {
  const bool readable = process.ForEachExecutableMapping([&](const MapsLine& line) {
    MappedFile file = ClassifyMappingText(line.text);
    if (file.kind == ModuleKind::kUserFile) {
      file.device = line.device;
      file.inode = line.inode;
    }
    // Nobody knows since when; and what was known to be there may have been until now.
    AddMapping(image, {line.start, line.end, line.file_offset, Intern(std::move(file))},
               MonotonicNowNs());
  });
  image.mappings.shrink_to_fit();
  // A process that is about to exit has given up its memory already.
  return readable && !image.mappings.empty();
}

ProcessImage* ProcessTable::ReadFromProc(Pid pid) {
  const uint64_t read_monotonic_ns = MonotonicNowNs();
  const auto process = ProcProcess::Open(pid);
  if (!process) return nullptr;
  const ProcStat& stat = process->stat();
  ProcessImage* known = Latest(pid);
  if (known != nullptr && known->end_monotonic_ns == 0) {
    if (known->start_boottime_ns == 0 ||
        SameStart(known->start_boottime_ns, stat.start_boottime_ns)) {
      return known;
    }
    MarkEnd(*known, read_monotonic_ns);
  }

  auto image = std::make_unique<ProcessImage>();
  image->pid = pid;
  image->parent_pid = stat.parent_pid;
  image->start_boottime_ns = stat.start_boottime_ns;
  image->image_start_monotonic_ns = known == nullptr ? 0 : known->end_monotonic_ns;
  image->read_monotonic_ns = read_monotonic_ns;
  image->name = stat.name;
  image->live_tids = {pid.value};
  if (stat.threads != 1 || stat.has_ended()) image->live_tids = process->Tids();
  if (image->live_tids.empty()) return nullptr;
  image->cgroups = process->Cgroups().value_or(ProcCgroups());
  if (!stat.is_kernel_thread) {
    image->executable = process->Executable().value_or("");
    image->mappings_known = ReadMappings(*process, *image);
  }
  return &Add(std::move(image));
}

void ProcessTable::ScanProc() {
  const uint64_t scan_monotonic_ns = MonotonicNowNs();
  std::vector<Pid> running;
  if (scope_.all) {
    running = ListProcesses();
  } else {
    for (const uint32_t pid : tracked_) running.emplace_back(pid);
    std::sort(running.begin(), running.end());
  }
  std::unordered_set<uint32_t> found;
  for (const Pid pid : running) {
    const ProcessImage* known = Latest(pid);
    ProcessImage* image = ReadFromProc(pid);
    if (image == nullptr) continue;
    found.insert(pid.value);
    if (image != known) continue;
    if (const auto process = ProcProcess::Open(pid)) ReadMappings(*process, *image);
  }
  for (const auto& [pid, images] : images_) {
    if (!found.contains(pid)) MarkEnd(*images.back(), scan_monotonic_ns);
  }
}

ProcessImage* ProcessTable::ImageOf(const SidebandEvent& event) {
  if (!InScope(event.pid)) return nullptr;
  ProcessImage* image = Latest(event.pid);
  if (image != nullptr) {
    if (event.time_ns <= image->read_monotonic_ns) return nullptr;
    if (image->end_monotonic_ns == 0 || event.time_ns <= image->end_monotonic_ns) return image;
  }
  // Its fork was lost. What it mapped before this event is left to CompleteFromProc.
  auto fresh = std::make_unique<ProcessImage>();
  fresh->pid = event.pid;
  fresh->image_start_monotonic_ns = image == nullptr ? 0 : image->end_monotonic_ns;
  fresh->mappings_known = false;
  fresh->from_event = true;
  fresh->live_tids = {event.tid.value};
  return &Add(std::move(fresh));
}

void ProcessTable::Apply(const SidebandEvent& event) {
  switch (event.kind) {
    case SidebandEvent::Kind::kFork:
      ApplyFork(event);
      break;
    case SidebandEvent::Kind::kExit:
      ApplyExit(event);
      break;
    case SidebandEvent::Kind::kExec:
      ApplyExec(event);
      break;
    case SidebandEvent::Kind::kComm:
      if (event.tid.value != event.pid.value) break;  // of a thread
      if (ProcessImage* image = ImageOf(event)) image->name = event.text;
      break;
    case SidebandEvent::Kind::kMap:
      ApplyMap(event);
      break;
    case SidebandEvent::Kind::kBpfProgram:
    case SidebandEvent::Kind::kBpfProgramGone:
    case SidebandEvent::Kind::kCgroup:
      break;  // of the kernel
  }
}

void ProcessTable::ApplyFork(const SidebandEvent& event) {
  if (event.pid == event.parent_pid) {  // a thread
    if (ProcessImage* image = ImageOf(event)) AddTid(*image, event.tid.value);
    return;
  }
  if (!scope_.all && scope_.follow_children && tracked_.contains(event.parent_pid.value)) {
    tracked_.insert(event.pid.value);
  }
  if (!InScope(event.pid)) return;
  if (ProcessImage* before = Latest(event.pid)) {
    if (event.time_ns <= std::max(before->read_monotonic_ns, before->image_start_monotonic_ns)) {
      return;
    }
    MarkEnd(*before, event.time_ns);  // its exit was lost
  }
  auto image = std::make_unique<ProcessImage>();
  if (const ProcessImage* parent = At(event.parent_pid, event.time_ns)) {
    image->mappings_known = parent->mappings_known;
    image->name = parent->name;
    image->executable = parent->executable;
    image->cgroups.version_1 = parent->cgroups.version_1;
    image->mappings = parent->mappings;
  } else {
    image->mappings_known = false;
  }
  image->pid = event.pid;
  image->parent_pid = event.parent_pid;
  image->start_boottime_ns = BoottimeOf(event.time_ns);
  image->image_start_monotonic_ns = event.time_ns;
  image->from_event = true;
  image->live_tids = {event.tid.value};
  Add(std::move(image));
}

void ProcessTable::ApplyExec(const SidebandEvent& event) {
  ProcessImage* before = ImageOf(event);
  if (before == nullptr) return;
  auto image = std::make_unique<ProcessImage>();
  image->pid = before->pid;
  image->parent_pid = before->parent_pid;
  image->start_boottime_ns = before->start_boottime_ns;
  image->image_start_monotonic_ns = event.time_ns;
  image->name = event.text;
  image->cgroups = before->cgroups;
  image->from_event = true;
  image->awaits_executable = true;
  image->live_tids = {event.pid.value};  // exec ends all other threads and takes the leader's place
  MarkEnd(*before, event.time_ns);
  before->ended_by_exec = true;
  Add(std::move(image));
}

void ProcessTable::ApplyExit(const SidebandEvent& event) {
  ProcessImage* image = Latest(event.pid);
  if (image == nullptr || event.time_ns <= image->read_monotonic_ns) return;
  // The leader may exit first: a process lives as long as any of its threads.
  RemoveTid(*image, event.tid.value);
  if (!image->live_tids.empty()) return;
  MarkEnd(*image, event.time_ns);
  tracked_.erase(event.pid.value);  // the pid may come back as a stranger
}

void ProcessTable::ApplyMap(const SidebandEvent& event) {
  const uint64_t end = event.address + event.size_bytes;
  if (end <= event.address) return;
  ProcessImage* image = ImageOf(event);
  if (image == nullptr) return;
  MappedFile file = ClassifyMappingText(event.text);
  if (file.kind == ModuleKind::kUserFile) {
    file.device = event.device;
    file.inode = event.inode;
    file.inode_generation = event.inode_generation;
    if (image->awaits_executable) image->executable = file.path;
    image->awaits_executable = false;
  }
  AddMapping(*image,
             {event.address, end, event.file_offset, Intern(std::move(file)), event.time_ns},
             event.time_ns);
}

void ProcessTable::CompleteFromProc(ProcessImage& image) {
  image.from_event = false;
  const auto process = ProcProcess::Open(image.pid);
  if (!process) return;
  const ProcStat& stat = process->stat();
  if (image.start_boottime_ns != 0 && !SameStart(image.start_boottime_ns, stat.start_boottime_ns)) {
    return;
  }
  if (image.start_boottime_ns == 0) {
    image.start_boottime_ns = stat.start_boottime_ns;
    image.parent_pid = stat.parent_pid;
  }
  if (auto cgroups = process->Cgroups()) {
    if (cgroups->version_1.empty()) cgroups->version_1 = image.cgroups.version_1;
    image.cgroups = std::move(*cgroups);
  }
  if (image.name.empty()) image.name = stat.name;
  // Another name means another program by now, whose event is still to come.
  if (stat.name != image.name || stat.is_kernel_thread) {
    image.mappings_known = image.mappings_known || stat.is_kernel_thread;
    return;
  }
  if (image.executable.empty()) image.executable = process->Executable().value_or("");
  if (!image.mappings_known) image.mappings_known = ReadMappings(*process, image);
}

ProcessImage* ProcessTable::Find(Pid pid, uint64_t monotonic_ns) {
  ProcessImage* image = At(pid, monotonic_ns);
  if (image == nullptr) return nullptr;
  if (image->from_event && image->end_monotonic_ns == 0) CompleteFromProc(*image);
  return image;
}

void ProcessTable::Forget(uint64_t before_monotonic_ns) {
  for (auto entry = images_.begin(); entry != images_.end();) {
    std::erase_if(entry->second, [&](const std::unique_ptr<ProcessImage>& image) {
      return image->end_monotonic_ns != 0 && image->end_monotonic_ns < before_monotonic_ns;
    });
    entry = entry->second.empty() ? images_.erase(entry) : std::next(entry);
  }
  // Files that nobody maps any longer; the doubled limit keeps the sweeps rare.
  if (files_.size() > files_worth_a_sweep_) {
    std::erase_if(files_, [](const auto& file) { return file.use_count() == 1; });
    files_worth_a_sweep_ = std::max<size_t>(1024, files_.size() * 2);
  }
}

size_t ProcessTable::size() const {
  size_t count = 0;
  for (const auto& [pid, images] : images_) count += images.size();
  return count;
}

}  // namespace twofold
