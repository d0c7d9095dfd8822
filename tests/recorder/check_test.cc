#include "recorder/session/check.h"

#include <gtest/gtest.h>

#include <sstream>

namespace twofold {
namespace {

Finding There(const std::string& name, const std::string& words) { return {name, words}; }
Finding Missing(const std::string& name, const std::string& what) {
  return {name, Error{.what = what, .where = "/a/path", .remedy = "Do this"}};
}

TEST(Check, WhatIsOnlyMoreDoesNotKeepRecordingFromWorking) {
  CheckReport report{
      .host = {}, .needed = {There("types", "")}, .more = {Missing("counter", "no")}};
  EXPECT_TRUE(Works(report));
  report.needed.push_back(Missing("ring", "no"));
  EXPECT_FALSE(Works(report));
}

TEST(Check, LinesAreAlignedAndSayWhy) {
  const CheckReport report{.host = {There("kernel", "6.1")},
                           .needed = {There("types", "a file")},
                           .more = {Missing("counter", "there is none")}};
  EXPECT_EQ(CheckText(report),
            "     kernel                     6.1\n"
            "\nNeeded for a recording with the default options:\n"
            "yes  types                      a file\n"
            "\nWhere it is missing, that alone is missing:\n"
            "no   counter                    /a/path: there is none. Do this.\n"
            "\nRecording works here.\n");
}

TEST(Check, LongWordsGoOnBelowInEightyColumns) {
  std::string sentence;
  for (int i = 0; i < 60; ++i) sentence += "word ";
  const CheckReport report{.host = {}, .needed = {Missing("types", sentence)}, .more = {}};
  std::istringstream lines(CheckText(report));
  size_t long_lines = 0;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80u) << line;
    if (line.starts_with(std::string(32, ' '))) ++long_lines;
  }
  EXPECT_GE(long_lines, 6u);
}

}  // namespace
}  // namespace twofold
