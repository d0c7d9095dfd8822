#include "analyzer/symbolize/ask_debug_files.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <tuple>

#include "analyzer/cli/interrupt.h"

namespace twofold {
namespace {

using Clock = std::chrono::steady_clock;

// Of all debug files together.
constexpr auto kMaxTime = std::chrono::minutes(5);
// So many names must differ, and none agree, before a file is said not to fit.
constexpr uint64_t kMinStrangers = 8;

// Whether two names may be of the same function: symbols have suffixes (".isra.0", "@GLIBC_2.34")
// and aliases with more or fewer underscores ("__GI___poll").
bool MayBeSame(std::string_view a, std::string_view b) {
  for (std::string_view* name : {&a, &b}) {
    *name = name->substr(0, name->find_first_of(".@"));
    name->remove_prefix(std::min(name->find_first_not_of('_'), name->size()));
  }
  return a.find(b) != std::string_view::npos || b.find(a) != std::string_view::npos;
}

// A recorded name, and where.
struct RecordedName {
  uint64_t file_offset;
  StringId name;
};

using RecordedNames = std::map<std::string, std::vector<RecordedName>>;

RecordedNames NamesByBuildId(const Capture& capture) {
  RecordedNames names;
  for (const Frame& frame : capture.definitions.frames) {
    if (frame.symbol.value == 0 || frame.inlined) continue;
    const std::string& build_id = capture.String(capture.GetModule(frame.module).build_id);
    if (!build_id.empty()) names[build_id].push_back({frame.offset, frame.symbol});
  }
  return names;
}

// Whether the debug file's names have nothing to do with those of the recorder.
bool IsOfOtherLayout(const Capture& capture, const std::vector<RecordedName>& names,
                     const FileAnswer& answer) {
  uint64_t strangers = 0;
  for (const RecordedName& recorded : names) {
    for (bool is_caller : {false, true}) {
      const SourcePlace* place = answer.Find({recorded.file_offset, is_caller});
      if (place == nullptr || place->frames.front().function == 0) continue;
      const std::string& told = answer.answers.texts[place->frames.front().function];
      if (MayBeSame(capture.String(recorded.name), told)) return false;
      ++strangers;
    }
  }
  return strangers >= kMinStrangers;
}

// Asks for those places at which there is code.
Result<FileAnswer> Ask(const DebugFiles& files, const std::vector<CodePlace>& places) {
  FileAnswer answer;
  std::vector<uint64_t> addresses;
  for (const CodePlace& place : places) {
    // A call ends just before the address that it returns to, and may be the last thing in its
    // file.
    uint64_t back = place.is_caller ? 1 : 0;
    if (place.file_offset < back) continue;
    std::optional<uint64_t> address = files.layout.AddressOf(place.file_offset - back);
    if (!address) continue;
    answer.places.push_back(place);
    addresses.push_back(*address);
  }
  TWOFOLD_ASSIGN_OR_RETURN(
      SourcePlaces told,
      FindSourcePlaces(files.debug.handle.get(), files.shared.handle.get(), addresses));
  answer.answers = std::move(told);
  return answer;
}

}  // namespace

AskedDebugFiles AskDebugFiles(const Capture& capture, const StackUses& uses, DebugFolders& folders,
                              const std::function<void(uint64_t done, uint64_t all)>& progress) {
  AskedDebugFiles result;
  std::map<std::string, std::string> paths;
  for (const Module& module : capture.definitions.modules) {
    paths.try_emplace(capture.String(module.build_id), capture.String(module.path));
  }
  const RecordedNames names = NamesByBuildId(capture);
  const Clock::time_point deadline = Clock::now() + kMaxTime;
  uint64_t done = 0;
  for (const auto& [build_id, places] : uses.places()) {
    if (IsInterrupted()) break;
    progress(done++, uses.places().size());
    DebugFileReport& report = result.reports.emplace_back(
        DebugFileReport{build_id, paths[build_id], places.size(), "", ""});
    std::optional<DebugFiles> files = folders.Find(build_id);
    if (!files) continue;
    report.debug_path = files->debug.path;
    if (Clock::now() > deadline) {
      report.problem = "it was not read, because the files before it took so long";
      continue;
    }
    Result<FileAnswer> answer = Ask(*files, places);
    if (!answer) {
      report.problem = answer.error().what;
      continue;
    }
    auto recorded = names.find(build_id);
    bool is_doubtful = files->layout.is_derived() && recorded != names.end();
    if (is_doubtful && IsOfOtherLayout(capture, recorded->second, *answer)) {
      report.problem =
          "it does not tell where its code lies; give the folder of the program itself, too";
      continue;
    }
    if (!files->debug.elf.shared_build_id.empty() && !files->shared.handle) {
      report.problem = "names are missing: they are in a file that several share, with build id " +
                       files->debug.elf.shared_build_id;
    } else if (!files->debug.elf.has_lines) {
      report.problem = "it has symbols, but no source lines";
    }
    result.found.emplace(build_id, std::move(*answer));
  }
  std::sort(result.reports.begin(), result.reports.end(),
            [](const DebugFileReport& a, const DebugFileReport& b) {
              return std::tie(b.places, a.build_id) < std::tie(a.places, b.build_id);
            });
  return result;
}

}  // namespace twofold
