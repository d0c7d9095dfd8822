#include "analyzer/symbolize/debug_folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace twofold {
namespace {

constexpr uint32_t kMaxDepth = 16;
constexpr uint64_t kMaxEntries = 200000;

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

// Opens a file below a folder; links are followed as long as they stay below it.
UniqueFd OpenBelow(int folder, const std::string& path) {
  // Nobody waits for a pipe or a terminal.
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  open_how how = {};
  how.flags = kFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  int descriptor = int(syscall(SYS_openat2, folder, path.c_str(), &how, sizeof(how)));
  // Kernels before 5.6, and sandboxes that do not know the call.
  if (descriptor < 0 && (errno == ENOSYS || errno == EPERM)) {
    descriptor = openat(folder, path.c_str(), kFlags | O_NOFOLLOW);
  }
  UniqueFd handle(descriptor);
  struct stat status;
  bool is_file = handle && fstat(handle.get(), &status) == 0 && S_ISREG(status.st_mode);
  return is_file ? std::move(handle) : UniqueFd();
}

// The names in a folder, in order.
std::vector<std::string> NamesIn(int folder) {
  std::vector<std::string> names;
  int copy = dup(folder);
  std::unique_ptr<DIR, CloseFolder> listing(copy >= 0 ? fdopendir(copy) : nullptr);
  if (listing == nullptr) {
    if (copy >= 0) close(copy);
    return names;
  }
  while (names.size() < kMaxEntries) {
    const dirent* entry = readdir(listing.get());
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

bool IsBuildId(const std::string& text) {
  return text.size() >= 4 && text.size() <= 128 && text.size() % 2 == 0 &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<DebugFolders> DebugFolders::Open(const std::vector<std::string>& paths) {
  DebugFolders folders;
  for (const std::string& path : paths) {
    UniqueFd handle(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle) {
      return Error{"cannot look for debug files here: " + ErrnoText(errno), path,
                   "Name a folder that holds debug files with --debug-dir"};
    }
    folders.folders_.push_back({path, std::move(handle)});
  }
  return folders;
}

void DebugFolders::Add(const Place& place, const std::string& build_id,
                       std::vector<DebugFile>& files) const {
  const Folder& folder = folders_[place.folder];
  UniqueFd handle = OpenBelow(folder.handle.get(), place.path);
  if (!handle) return;
  std::optional<ElfFile> elf = ReadElfFile(handle.get());
  if (!elf || elf->build_id != build_id) return;
  files.push_back({folder.path + "/" + place.path, std::move(handle), std::move(*elf)});
}

std::vector<DebugFile> DebugFolders::FilesOf(const std::string& build_id, bool only_usual_places) {
  std::vector<DebugFile> files;
  std::string split = build_id.substr(0, 2) + "/" + build_id.substr(2);
  for (size_t i = 0; i < folders_.size(); ++i) {
    for (const std::string& path :
         {".build-id/" + split + ".debug", split + ".debug", build_id + "/debuginfo",
          build_id + "/executable", ".build-id/" + split}) {
      Add({i, path}, build_id, files);
    }
  }
  if (only_usual_places) return files;
  Index();
  auto found = by_build_id_.find(build_id);
  if (found == by_build_id_.end()) return files;
  for (const Place& place : found->second) Add(place, build_id, files);
  return files;
}

std::optional<DebugFiles> DebugFolders::Find(const std::string& build_id) {
  if (!IsBuildId(build_id)) return std::nullopt;
  auto has_lines = [](const DebugFile& file) { return file.elf.has_lines; };
  auto has_symbols = [](const DebugFile& file) { return file.elf.has_symbols; };
  auto has_code = [](const DebugFile& file) { return file.elf.has_code; };
  std::vector<DebugFile> files;
  std::vector<DebugFile>::iterator debug;
  std::vector<DebugFile>::iterator code;
  for (bool only_usual_places : {true, false}) {
    files = FilesOf(build_id, only_usual_places);
    debug = std::find_if(files.begin(), files.end(), has_lines);
    code = std::find_if(files.begin(), files.end(), has_code);
    bool is_enough =
        debug != files.end() && (code != files.end() || !CodeLayout(debug->elf).is_derived());
    if (is_enough) break;
  }
  if (debug == files.end()) debug = std::find_if(files.begin(), files.end(), has_symbols);
  if (debug == files.end()) return std::nullopt;
  CodeLayout layout(code != files.end() ? code->elf : debug->elf);
  DebugFile shared;
  const std::string shared_build_id = debug->elf.shared_build_id;
  if (IsBuildId(shared_build_id)) {
    // It has no place of its own by its build id.
    for (DebugFile& file : FilesOf(shared_build_id, false)) {
      if (!shared.handle && file.elf.has_lines) shared = std::move(file);
    }
  }
  return DebugFiles{std::move(*debug), std::move(layout), std::move(shared)};
}

void DebugFolders::Index() {
  if (is_indexed_) return;
  is_indexed_ = true;
  for (size_t i = 0; i < folders_.size(); ++i) {
    uint64_t entries = 0;
    UniqueFd top(openat(folders_[i].handle.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (top) IndexBelow(i, std::move(top), "", 0, entries);
    if (entries > kMaxEntries) {
      notes_.push_back(folders_[i].path + ": of so many files only the first " +
                       std::to_string(kMaxEntries) + " were looked at");
    }
  }
}

void DebugFolders::IndexBelow(size_t folder, UniqueFd at, const std::string& path, uint32_t depth,
                              uint64_t& entries) {
  for (const std::string& name : NamesIn(at.get())) {
    if (++entries > kMaxEntries) return;
    std::string below = path.empty() ? name : path + "/" + name;
    // Opening a device may do something to it.
    struct stat status;
    bool is_usual = fstatat(at.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                    (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode));
    if (!is_usual) continue;
    UniqueFd handle(
        openat(at.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!handle || fstat(handle.get(), &status) != 0) continue;
    if (S_ISDIR(status.st_mode) && depth < kMaxDepth) {
      IndexBelow(folder, std::move(handle), below, depth + 1, entries);
    } else if (S_ISREG(status.st_mode)) {
      std::optional<ElfFile> elf = ReadElfFile(handle.get());
      bool is_useful = elf && (elf->has_lines || elf->has_symbols || elf->has_code);
      if (is_useful && IsBuildId(elf->build_id)) {
        by_build_id_[elf->build_id].push_back({folder, std::move(below)});
      }
    }
  }
}

}  // namespace twofold
