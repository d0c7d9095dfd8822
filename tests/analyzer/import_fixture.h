// What tests of `twofold import` share: a file is imported, and the capture looked at.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {

class ImportFixture : public ::testing::Test {
 protected:
  RunResult ImportBytes(const std::string& bytes, std::vector<std::string> options = {}) {
    const std::string path = WriteTemporary("to_import", bytes);
    options.insert(options.begin(), "import");
    options.insert(options.end(), {"--force", "-o", Path(), path});
    return RunTwofold(options);
  }
  std::string Path() const { return TemporaryPath("imported.twofold"); }
  std::string Fold(std::vector<std::string> options = {}) {
    options.insert(options.begin(), "fold");
    options.push_back(Path());
    return RunTwofold(options).output;
  }
  std::string Sql(const std::string& query) {
    std::string csv = RunTwofold({"sql", "--csv", Path(), query}).output;
    std::erase(csv, '\r');
    return csv;
  }
};

}  // namespace twofold::testing
