#include "recorder/sources/memory/allocator_probes.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>

#include "recorder/base/small_file.h"
#include "recorder/processes/careful_open.h"
#include "recorder/processes/proc_process.h"
#include "recorder/sources/memory/uprobe_multi.h"

namespace twofold {
namespace {

bool Allocates(AllocatorFunction function) {
  return function != AllocatorFunction::kFree && function != AllocatorFunction::kMunmap &&
         function != AllocatorFunction::kNew;
}

// Whether memory may be refused to a process that asks for no more than the host has.
bool MayBeRefusedMemory(Pid pid) {
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit limit = {};
    if (prlimit(pid_t(pid.value), resource, nullptr, &limit) != 0) return true;
    if (limit.rlim_cur != RLIM_INFINITY) return true;
  }
  // 2: the kernel promises no more than it has (Documentation/mm/overcommit-accounting.rst).
  const auto overcommit = ReadSmallFile(AT_FDCWD, "/proc/sys/vm/overcommit_memory", 16);
  return !overcommit || overcommit->starts_with('2');
}

}  // namespace

Result<void> AllocatorProbes::Follow(Pid pid) {
  const std::optional<ProcProcess> process = ProcProcess::Open(pid);
  if (!process) return {};
  if (process->stat().has_ended()) {
    // The kernel finds the memory to place them in by the main thread
    // (kernel/trace/bpf_trace.c: uprobe_multi_link_filter), which has given it up.
    return Error{.what = "no probes can be placed in a process whose main thread has ended",
                 .where = "-p " + std::to_string(pid.value),
                 .remedy = "Record its memory from before that, or --leak-scope kernel"};
  }
  struct File {
    std::string place;
    std::string name;
  };
  std::map<std::pair<uint64_t, uint64_t>, File> files;
  process->ForEachExecutableMapping([&](const MapsLine& line) {
    if (line.inode == 0 || met_.contains({pid.value, line.device, line.inode})) return;
    char place[64];
    (void)snprintf(place, sizeof place, "map_files/%llx-%llx",
                   static_cast<unsigned long long>(line.start),
                   static_cast<unsigned long long>(line.end));
    files.try_emplace({line.device, line.inode}, File{place, line.text});
  });
  for (const auto& [id, file] : files) {
    const UniqueFd fd = OpenRegular(
        UniqueFd(openat(process->directory_fd(), file.place.c_str(), O_PATH | O_CLOEXEC)), 0);
    ++files_mapped_;
    if (!fd) {  // unmapped meanwhile, or no file
      ++files_not_looked_at_;
      continue;
    }
    met_.insert({pid.value, id.first, id.second});
    TWOFOLD_RETURN_IF_ERROR(ProbeFile(pid, fd.get(), file.name));
  }
  return {};
}

Result<void> AllocatorProbes::ProbeFile(Pid pid, int fd, const std::string& name) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || reader_.IsBlamed(status.st_uid)) {
    ++files_not_looked_at_;
    return {};
  }
  const NameReader::Reply reply = reader_.Ask({.kind = NameRequestKind::kFindAllocators}, fd);
  if (reply.outcome == NameReader::Outcome::kLost) reader_.Blame(status.st_uid);
  if (reply.outcome == NameReader::Outcome::kNoReader) {
    return Error{.what = "the process that would look for allocator functions does not run",
                 .where = name,
                 .remedy = "twofold-record --check tells why"};
  }
  if (reply.outcome == NameReader::Outcome::kLost || reply.outcome == NameReader::Outcome::kError) {
    ++files_not_looked_at_;
  }
  // A file without such functions, or one that cannot be read, which then has none for us.
  if (reply.outcome != NameReader::Outcome::kOk) return {};
  const std::optional<std::vector<AllocatorPlace>> places = ParseAllocatorPlaces(reply.text);
  if (!places) return {};
  // The very file that was read.
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  std::vector<AllocatorPlace> others;
  std::vector<AllocatorPlace> allocating;
  const bool may_throw = !programs_.sessions || MayBeRefusedMemory(pid);
  bool has_new_left_alone = false;
  for (const AllocatorPlace& place : *places) {
    if (place.function == AllocatorFunction::kThrowingNew && may_throw) {
      has_new_left_alone = true;
      continue;
    }
    (Allocates(place.function) ? allocating : others).push_back(place);
  }
  std::vector<Link> links;
  // What frees first, and returns before begins: nothing is to look as if it were never freed.
  int error = Attach(pid, path, others, Part::kBegin, links);
  if (programs_.sessions) {
    if (error == 0) error = Attach(pid, path, allocating, Part::kSession, links);
  } else {
    if (error == 0) error = Attach(pid, path, allocating, Part::kEnd, links);
    if (error == 0) error = Attach(pid, path, allocating, Part::kBegin, links);
  }
  if (error != 0) {
    Destroy(links);
    if (error == ESRCH) return {};  // the process is gone
    return Error{.what = "cannot probe the allocator functions of process " +
                         std::to_string(pid.value) + ": " + ErrnoText(error),
                 .where = name,
                 .remedy = error == EMFILE || error == ENFILE
                               ? "Raise the limit on open files (ulimit -n)"
                               : "twofold-record --check tells whether this host has probes in "
                                 "programs"};
  }
  allocating_functions_ += allocating.size();
  for (Link& link : links) links_.push_back(std::move(link));
  if (has_new_left_alone) without_new_.push_back(name);
  return {};
}

std::string AllocatorProbes::WhyNoFunctions() const {
  if (files_mapped_ == 0) {
    return "what the process has mapped cannot be read: it has ended, or is about to";
  }
  if (files_not_looked_at_ > 0) {
    return std::to_string(files_not_looked_at_) + " of the " + std::to_string(files_mapped_) +
           " files that the process has mapped could not be read, and the others do not define "
           "malloc or the like";
  }
  return "no file that the process has mapped defines malloc or the like";
}

int AllocatorProbes::Attach(Pid pid, const std::string& path,
                            const std::vector<AllocatorPlace>& places, Part part,
                            std::vector<Link>& links) const {
  if (places.empty()) return 0;
  const bpf_program* program = part == Part::kBegin ? programs_.begin
                               : part == Part::kEnd ? programs_.end
                                                    : programs_.session;
  if (programs_.sessions) {
    std::vector<uint64_t> offsets;
    std::vector<uint64_t> cookies;
    for (const AllocatorPlace& place : places) {
      offsets.push_back(place.file_offset);
      cookies.push_back(uint64_t(place.function));
    }
    UniqueFd link =
        LinkUprobes(bpf_program__fd(program), bpf_program__expected_attach_type(program), pid, path,
                    offsets, cookies);
    if (!link) return errno;
    links.push_back({.one = nullptr, .many = std::move(link)});
    return 0;
  }
  for (const AllocatorPlace& place : places) {
    LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = uint64_t(place.function),
                .retprobe = part == Part::kEnd);
    bpf_link* link = bpf_program__attach_uprobe_opts(program, int(pid.value), path.c_str(),
                                                     size_t(place.file_offset), &options);
    if (link == nullptr) return errno;
    links.push_back({.one = link, .many = {}});
  }
  return 0;
}

void AllocatorProbes::Destroy(std::vector<Link>& links) {
  for (Link& link : links) {
    if (link.one != nullptr) bpf_link__destroy(link.one);
  }
  links.clear();
}

void AllocatorProbes::Detach() {
  // What allocates first: what is freed meanwhile would look as if it never were.
  std::reverse(links_.begin(), links_.end());
  Destroy(links_);
  allocating_functions_ = 0;
}

}  // namespace twofold
