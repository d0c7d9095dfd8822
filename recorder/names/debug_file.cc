#include "recorder/names/debug_file.h"

#include <algorithm>
#include <utility>

#include "recorder/processes/careful_open.h"
#include "recorder/processes/proc_process.h"

namespace twofold {
namespace {

constexpr const char* kDebugDirectory = "/usr/lib/debug";

bool IsBuildId(const std::string& text) {
  return text.size() > 2 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool OfferPaths(const UniqueFd& root, const std::vector<std::string>& paths,
                const std::function<bool(UniqueFd)>& accept) {
  if (!root) return false;
  return std::any_of(paths.begin(), paths.end(), [&](const std::string& path) {
    const Links links =
        path.starts_with(std::string(kDebugDirectory) + "/") ? Links::kInRoot : Links::kRefused;
    UniqueFd fd = OpenRegular(FindInRoot(root.get(), path, links), 0);
    return fd && accept(std::move(fd));
  });
}

}  // namespace

std::vector<std::string> DebugFilePaths(const std::string& module_path, const std::string& build_id,
                                        const std::optional<DebugLink>& debug_link) {
  std::vector<std::string> paths;
  if (IsBuildId(build_id)) {
    paths.push_back(std::string(kDebugDirectory) + "/.build-id/" + build_id.substr(0, 2) + "/" +
                    build_id.substr(2) + ".debug");
  }
  if (debug_link && module_path.starts_with('/')) {
    const std::string directory = module_path.substr(0, module_path.rfind('/') + 1);
    paths.push_back(directory + debug_link->file_name);
    paths.push_back(directory + ".debug/" + debug_link->file_name);
    paths.push_back(kDebugDirectory + directory + debug_link->file_name);
  }
  return paths;
}

bool ForEachDebugFile(const ProcessImage& image, const Mapping& mapping,
                      const std::string& build_id, const std::optional<DebugLink>& debug_link,
                      const std::function<bool(UniqueFd)>& accept) {
  if (mapping.kind() != ModuleKind::kUserFile) return false;
  const std::vector<std::string> paths = DebugFilePaths(mapping.path(), build_id, debug_link);
  if (paths.empty()) return false;
  const auto process = OpenProcess(image);
  if (process && OfferPaths(OpenRootOf(*process), paths, accept)) return true;
  return OfferPaths(OpenOwnRoot(), paths, accept);
}

}  // namespace twofold
