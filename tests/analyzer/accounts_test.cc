// The table account: what a capture's accounts become in SQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

std::string Query(const std::string& capture, const std::string& query) {
  std::string path = WriteTemporary("accounts.twofold", capture);
  RunResult result = RunTwofold({"sql", "--csv", path, query});
  EXPECT_EQ(result.status, 0) << query << "\n" << result.words;
  return result.output;
}

TEST(AccountTable, HoldsEveryTimeUnderItsName) {
  CaptureMaker maker;
  maker.AddThread("first", 1);
  ThreadId thread = maker.AddThread("second", 2);
  maker.EndInterval();
  maker.AddAccount({.thread = thread,
                    .existed_ns = 1,
                    .user_ns = 1,
                    .system_ns = 1,
                    .on_cpu_ns = 20,
                    .woken_ns = 3,
                    .preempted_ns = 4,
                    .blocked_ns = {5, 6, 7, 8, 9, 10, 11}});
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Query(capture, "SELECT * FROM account"),
            "account_id,interval_id,thread_id,existed_ns,on_cpu_ns,user_ns,system_ns,unsampled_ns,"
            "woken_ns,preempted_ns,interruptible_ns,uninterruptible_ns,stopped_ns,traced_ns,"
            "parked_ns,idle_ns,other_ns\r\n"
            "1,2,2,1,20,10,10,20,3,4,5,6,7,8,9,10,11\r\n");
  EXPECT_EQ(Query(capture, "SELECT residue_ns FROM states"), "residue_ns\r\n82\r\n");
  EXPECT_EQ(Query(capture, "SELECT has_accounts FROM interval ORDER BY interval_id"),
            "has_accounts\r\n0\r\n1\r\n");
}

TEST(AccountTable, DividesCpuTimeAsTheEstimatesSayAndLosesNoNanosecond) {
  struct Case {
    uint64_t on_cpu_ns, user_ns, system_ns;
    std::string wanted;
  };
  const std::vector<Case> cases = {
      {10, 1, 2, "3,7"},       // 3.33 rounded down, the rest
      {10, 0, 5, "0,10"},      //
      {10, 5, 0, "10,0"},      //
      {10, 0, 0, ","},         // no tick hit it
      {0, 0, 0, "0,0"},        // nothing to divide
      {0, 4000000, 0, "0,0"},  // a tick that belongs to the interval before
      {3, 4000000, 4000000, "1,2"},
      // A product of more than 64 bits.
      {1ULL << 60, 1ULL << 60, 1ULL << 60, "576460752303423488,576460752303423488"},
  };
  for (const Case& c : cases) {
    CaptureMaker maker;
    ThreadId thread = maker.AddThread("a", 1);
    maker.AddAccount({.thread = thread,
                      .user_ns = c.user_ns,
                      .system_ns = c.system_ns,
                      .on_cpu_ns = c.on_cpu_ns});
    maker.EndInterval();
    std::string capture = maker.Finish();
    EXPECT_EQ(Query(capture, "SELECT user_ns, system_ns FROM account"),
              "user_ns,system_ns\r\n" + c.wanted + "\r\n");
    EXPECT_EQ(Query(capture, "SELECT user_ns, system_ns FROM states"),
              "user_ns,system_ns\r\n" + c.wanted + "\r\n");
  }
}

TEST(AccountTable, IsEmptyWithoutAccounts) {
  CaptureMaker maker;
  maker.AddThread("a", 1);
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Query(capture, "SELECT count(*) AS n FROM account"), "n\r\n0\r\n");
  EXPECT_EQ(Query(capture, "SELECT count(*) AS n FROM states"), "n\r\n0\r\n");
}

}  // namespace
}  // namespace twofold::testing
