#include "recorder/allocator_probes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>

#include "recorder/careful_open.h"
#include "recorder/proc_process.h"

namespace twofold {
namespace {

bool Allocates(AllocatorFunction function) {
  return function != AllocatorFunction::kFree && function != AllocatorFunction::kMunmap &&
         function != AllocatorFunction::kNew;
}

void DestroyAll(std::vector<bpf_link*>& links) {
  for (bpf_link* link : links) bpf_link__destroy(link);
  links.clear();
}

}  // namespace

Result<void> AllocatorProbes::Follow(Pid pid) {
  const std::optional<ProcProcess> process = ProcProcess::Open(pid);
  if (!process) return {};
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
    if (!fd) continue;  // unmapped meanwhile, or no file
    met_.insert({pid.value, id.first, id.second});
    TWOFOLD_RETURN_IF_ERROR(ProbeFile(pid, fd.get(), file.name));
  }
  return {};
}

Result<void> AllocatorProbes::ProbeFile(Pid pid, int fd, const std::string& name) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || reader_.IsBlamed(status.st_uid)) return {};
  const NameReader::Reply reply = reader_.Ask({.kind = NameRequestKind::kFindAllocators}, fd);
  if (reply.outcome == NameReader::Outcome::kLost) reader_.Blame(status.st_uid);
  if (reply.outcome == NameReader::Outcome::kNoReader) {
    return Error{.what = "the process that would look for allocator functions does not run",
                 .where = name,
                 .remedy = "twofold-record --check tells why"};
  }
  // A file without such functions, or one that cannot be read, which then has none for us.
  if (reply.outcome != NameReader::Outcome::kOk) return {};
  const std::optional<std::vector<AllocatorPlace>> places = ParseAllocatorPlaces(reply.text);
  if (!places) return {};
  // The very file that was read.
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  std::vector<bpf_link*> links;
  size_t allocating = 0;
  // What frees first, and returns before begins: nothing is to look as if it were never freed.
  for (const int pass : {0, 1, 2}) {
    for (const AllocatorPlace& place : *places) {
      const bool allocates = Allocates(place.function);
      if (allocates != (pass != 0)) continue;
      LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = pass == 1);
      bpf_link* link = bpf_program__attach_uprobe_opts(
          pass == 1 ? programs_.end : programs_.begin[size_t(place.function)], int(pid.value),
          path.c_str(), size_t(place.file_offset), &options);
      if (link == nullptr) {
        const int error = errno;
        DestroyAll(links);
        if (error == ESRCH) return {};  // the process is gone
        return Error{.what = "cannot probe the allocator functions of process " +
                             std::to_string(pid.value) + ": " + ErrnoText(error),
                     .where = name,
                     .remedy = error == EMFILE || error == ENFILE
                                   ? "Raise the limit on open files (ulimit -n)"
                                   : "twofold-record --check tells whether this host has probes in "
                                     "programs"};
      }
      links.push_back(link);
      if (pass == 2) ++allocating;
    }
  }
  allocating_functions_ += allocating;
  links_.insert(links_.end(), links.begin(), links.end());
  return {};
}

void AllocatorProbes::Detach() {
  DestroyAll(links_);
  allocating_functions_ = 0;
}

}  // namespace twofold
