// Which source a kind of row is of, held against captures that were recorded.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "format/capture_reader.h"

namespace twofold::testing {
namespace {

TEST(RowSources, RowsAreOfASourceThatTheirCaptureHas) {
  const std::filesystem::path testdata =
      std::filesystem::path(TWOFOLD_TESTS_DIR).parent_path().parent_path() / "testdata";
  std::set<LossSource> seen;
  for (const auto& folder : std::filesystem::directory_iterator(testdata)) {
    const std::filesystem::path path = folder.path() / "capture.twofold";
    if (!std::filesystem::exists(path)) continue;
    SCOPED_TRACE(folder.path().filename().string());
    Result<Capture> capture = ReadCaptureFile(path.string());
    if (!capture) continue;  // merged, or damaged on purpose
    const Settings& settings = capture->recording.settings;
    ForEachRowTable([&](const auto& table) {
      if (table.source == LossSource::kRecorder) return;
      for (const Interval& interval : capture->intervals) {
        if (table.Find(interval) == nullptr) continue;
        const bool counts_events =
            table.source == LossSource::kCpu && settings.CountedEvent().has_value();
        EXPECT_TRUE(settings.Has(table.source) || counts_events) << table.name;
        seen.insert(table.source);
      }
    });
  }
  EXPECT_GE(seen.size(), 3U);
}

}  // namespace
}  // namespace twofold::testing
