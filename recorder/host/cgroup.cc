#include "recorder/host/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "recorder/base/small_file.h"

namespace twofold {
namespace {

std::vector<std::string_view> SplitAtBlanks(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t blank = std::min(line.find(' '), line.size());
    if (blank > 0) words.push_back(line.substr(0, blank));
    line.remove_prefix(std::min(blank + 1, line.size()));
  }
  return words;
}

// Blanks, tabs, newlines and backslashes are written as \040 and so on.
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) { return uint32_t(text[at]) - '0'; };
    if (text[i] == '\\' && i + 3 < text.size() && digit(i + 1) < 4 && digit(i + 2) < 8 &&
        digit(i + 3) < 8) {
      plain += char(digit(i + 1) * 64 + digit(i + 2) * 8 + digit(i + 3));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// The directory without links and dots; empty, with errno: there is none.
std::string Canonical(const std::string& path) {
  const std::unique_ptr<char, decltype(&free)> real(realpath(path.c_str(), nullptr), &free);
  return real == nullptr ? "" : real.get();
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

bool IsFileSystem(const std::string& directory, long magic) {
  struct statfs facts = {};
  return statfs(directory.c_str(), &facts) == 0 && facts.f_type == magic;
}

// What is left of a path behind a directory that it lies in: "/", or "/below"; nullopt: it does not
// lie there.
std::optional<std::string> PathBelow(const std::string& directory, const std::string& path) {
  const std::string prefix = directory == "/" ? "" : directory;
  if (path.compare(0, prefix.size(), prefix) != 0) return std::nullopt;
  const std::string rest = path.substr(prefix.size());
  if (rest.empty()) return "/";
  if (rest[0] != '/') return std::nullopt;
  return rest;
}

// A path below a mount as it is in the whole hierarchy.
std::string PathInHierarchy(const CgroupMount& mount, const std::string& below) {
  if (mount.root == "/") return below;
  return below == "/" ? mount.root : mount.root + below;
}

}  // namespace

std::optional<CgroupMount> FindCgroupMount(std::string_view mountinfo) {
  std::optional<CgroupMount> first;
  while (!mountinfo.empty()) {
    const size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    const std::vector<std::string_view> words = SplitAtBlanks(mountinfo.substr(0, end));
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    // proc(5): id, parent, device, root, mount point, options, tags, "-", type, ...
    size_t dash = 6;
    while (dash < words.size() && words[dash] != "-") ++dash;
    if (dash + 1 >= words.size() || words[dash + 1] != "cgroup2") continue;
    CgroupMount mount{.directory = Unescape(words[4]), .root = Unescape(words[3])};
    if (mount.root == "/") return mount;
    if (!first) first = std::move(mount);
  }
  return first;
}

Result<Cgroup> FindCgroup(const std::string& path, const std::string& mountinfo_path) {
  const std::optional<CgroupMount> mount = FindCgroupMount(
      ReadSmallFile(AT_FDCWD, mountinfo_path.c_str(), 16 << 20).value_or(std::string()));
  if (!mount) {
    return Error{.what = "this host has no cgroup hierarchy of version 2",
                 .where = "--cgroup " + path,
                 .remedy =
                     "Mount it (mount -t cgroup2 none DIRECTORY; with systemd: boot with "
                     "systemd.unified_cgroup_hierarchy=1), or record processes with -p"};
  }
  std::string directory = Canonical(path);
  if (path.empty() || path[0] != '/' || directory.empty() ||
      !PathBelow(mount->directory, directory)) {
    if (IsFileSystem(directory, CGROUP_SUPER_MAGIC)) {
      return Error{.what = "this cgroup belongs to a hierarchy of version 1",
                   .where = "--cgroup " + path,
                   .remedy = "Give a cgroup of version 2, which is below " + mount->directory};
    }
    directory = Canonical(mount->directory + "/" + path);
  }
  const std::optional<std::string> below = PathBelow(mount->directory, directory);
  struct stat status = {};
  if (directory.empty() || !below || !IsFileSystem(directory, CGROUP2_SUPER_MAGIC) ||
      stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return Error{
        .what = "there is no such cgroup below " + mount->directory,
        .where = "--cgroup " + path,
        .remedy = "`systemd-cgls`, or `find " + mount->directory +
                  " -type d`, lists them; a unit's is in `systemctl show -p ControlGroup`"};
  }
  return Cgroup{.id = status.st_ino, .path = PathInHierarchy(*mount, *below)};
}

bool PerfTellsVersionTwo(std::string_view proc_cgroups) {
  // Name, hierarchy, number of cgroups, enabled, between tabs. Hierarchy 0 is that of version 2.
  constexpr std::string_view kLine = "\nperf_event\t";
  const size_t line = proc_cgroups.find(kLine);
  return line == std::string_view::npos ||
         proc_cgroups.substr(line + kLine.size()).starts_with("0\t");
}

CgroupPaths::CgroupPaths(const std::string& mountinfo_path, size_t most)
    : mount_(FindCgroupMount(
          ReadSmallFile(AT_FDCWD, mountinfo_path.c_str(), 16 << 20).value_or(std::string()))),
      most_(most) {
  if (!mount_) return;
  directory_.Reset(open(mount_->directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Walk();
}

void CgroupPaths::Walk() {
  struct stat root = {};
  if (!directory_ || fstat(directory_.get(), &root) != 0) return;
  Add(root.st_ino, mount_->root);
  std::vector<std::string> unread = {""};  // below the mount, without a slash at the end
  while (!unread.empty() && known_.size() < most_) {
    const std::string parent = std::move(unread.back());
    unread.pop_back();
    const std::unique_ptr<DIR, CloseDirectory> directory(
        opendir((mount_->directory + parent).c_str()));
    if (!directory) continue;  // it was removed meanwhile
    while (const dirent* entry = readdir(directory.get())) {
      const std::string_view name = entry->d_name;
      if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
      std::string path = parent + "/" + entry->d_name;
      Add(entry->d_ino, PathInHierarchy(*mount_, path));
      unread.push_back(std::move(path));
    }
  }
}

void CgroupPaths::Add(uint64_t id, const std::string& path) {
  if (!known_.insert_or_assign(id, path).second) return;
  oldest_first_.push_back(id);
  if (known_.size() <= most_) return;
  known_.erase(oldest_first_.front());
  oldest_first_.pop_front();
}

std::optional<std::string> CgroupPaths::Find(uint64_t id) {
  if (const auto known = known_.find(id); known != known_.end()) return known->second;
  if (!directory_) return std::nullopt;
  // What name_to_handle_at(2) gives for a directory of this file system (fs/kernfs/mount.c).
  constexpr int kKernfsHandle = 0xfe;
  alignas(file_handle) char bytes[sizeof(file_handle) + sizeof id] = {};
  file_handle* handle = reinterpret_cast<file_handle*>(bytes);
  handle->handle_bytes = sizeof id;
  handle->handle_type = kKernfsHandle;
  std::memcpy(bytes + sizeof(file_handle), &id, sizeof id);
  const UniqueFd found(open_by_handle_at(directory_.get(), handle, O_PATH | O_CLOEXEC));
  if (!found) return std::nullopt;
  const auto target = ReadLink(AT_FDCWD, ("/proc/self/fd/" + std::to_string(found.get())).c_str());
  if (!target) return std::nullopt;
  const auto below = PathBelow(mount_->directory, *target);
  if (!below) return std::nullopt;
  std::string path = PathInHierarchy(*mount_, *below);
  Add(id, path);
  return path;
}

}  // namespace twofold
