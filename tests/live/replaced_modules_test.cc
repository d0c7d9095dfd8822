// Code that lay where other code had been: a plug-in that is loaded in the place of another one, a
// file that is mapped over another, a file that is overwritten. Its time has its own name, or the
// stack says that it is not known whose it is; never the other one's name.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

constexpr double kSlack = 0.05;  // of samples, and of what the program does between
constexpr uint64_t kIntervalNs = 250'000'000;

const std::string kOne = WorkloadPath("libreloader_one.so");
const std::string kTwo = WorkloadPath("libreloader_two.so");
const std::string kEither = "[module replaced: libreloader_one.so or libreloader_two.so]";

Recorded Record(const std::string& interval_s, const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {WorkloadPath("reloader")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RecordCommand({"--frequency", "997", "--record", "cpu", "--interval", interval_s},
                       command);
}

// What each function has under its name, and what has neither.
struct Named {
  explicit Named(const Recorded& recorded)
      : one_ns(double(CpuNs(recorded.capture, {.function = "burn_in_one"}))),
        two_ns(double(CpuNs(recorded.capture, {.function = "burn_in_two"}))),
        either_ns(double(CpuNs(recorded.capture, {.function = kEither}))) {}
  double one_ns;
  double two_ns;
  double either_ns;
};

// No time is under a wrong name, and all of it is there.
void ExpectNothingWrong(const Recorded& recorded) {
  const auto& [capture, truth] = recorded;
  ASSERT_EQ(truth["at_same_place"], 1u);
  const Named named(recorded);
  const double all_ns = double(truth["one_ns"] + truth["two_ns"]);
  EXPECT_LE(named.one_ns, double(truth["one_ns"]) + kSlack * all_ns);
  EXPECT_LE(named.two_ns, double(truth["two_ns"]) + kSlack * all_ns);
  EXPECT_GE(named.one_ns + named.two_ns + named.either_ns, (1 - 2 * kSlack) * all_ns);
}

TEST(ReplacedModules, LibraryInThePlaceOfAnotherHasItsNameInOtherIntervals) {
  for (const char* how : {"reload", "over"}) {
    SCOPED_TRACE(how);
    const Recorded recorded = Record("0.25", {"1", how, "0", kOne, kTwo});
    ExpectNothingWrong(recorded);
    const Named named(recorded);
    // Two changes, each within an interval.
    EXPECT_LE(named.either_ns, 2 * kIntervalNs + kSlack * 3e9);
    EXPECT_GE(named.one_ns, 1.4e9);
    EXPECT_GE(named.two_ns, 0.4e9);
  }
}

TEST(ReplacedModules, LibraryInThePlaceOfAnotherIsToldFromItAfterAPause) {
  const Recorded recorded = Record("0.25", {"0.6", "reload", "0.6", kOne, kTwo});
  ExpectNothingWrong(recorded);
  EXPECT_GE(Named(recorded).one_ns, 0.5e9);
  EXPECT_GE(Named(recorded).two_ns, 0.3e9);
}

TEST(ReplacedModules, TwoInTheSamePlaceWithinAnIntervalAreNotTakenForOneAnother) {
  for (const char* how : {"reload", "over"}) {
    SCOPED_TRACE(how);
    const Recorded recorded = Record("10", {"0.2", how, "0", kOne, kTwo});
    ExpectNothingWrong(recorded);
    EXPECT_GE(Named(recorded).either_ns, 0.5e9);
  }
}

TEST(ReplacedModules, LibraryThatIsOverwrittenHasNoNameOfTheOther) {
  const Workplace files;
  const std::string copy = files.Path("copy.so");
  std::filesystem::copy_file(kOne, copy);
  const Recorded recorded = Record("0.25", {"1", "overwrite", "0", kOne, kTwo, copy});
  const auto& [capture, truth] = recorded;
  ASSERT_EQ(truth["at_same_place"], 1u);
  const Named named(recorded);
  const double all_ns = double(truth["one_ns"] + truth["two_ns"]);
  EXPECT_LE(named.one_ns, double(truth["one_ns"]) + kSlack * all_ns);
  EXPECT_LE(named.two_ns, double(truth["two_ns"]) + kSlack * all_ns);
  EXPECT_GE(named.one_ns, 1.2e9);
  EXPECT_GE(named.two_ns, 0.4e9);
}

}  // namespace
}  // namespace twofold::live
