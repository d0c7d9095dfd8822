#include "recorder/tracer/account_book.h"

#include <gtest/gtest.h>

#include <utility>

namespace twofold {
namespace {

twofold_account Account(uint32_t thread, uint64_t on_cpu_ns, uint64_t woken_ns,
                        bool ended = false) {
  twofold_account account = {};
  account.thread = thread;
  account.ended = ended;
  account.at_ns = on_cpu_ns + woken_ns;
  account.time_ns[TWOFOLD_ON_CPU] = on_cpu_ns;
  account.time_ns[TWOFOLD_WOKEN] = woken_ns;
  return account;
}

TEST(AccountBook, GivesWhatWasAddedSinceTheAccountBefore) {
  AccountBook book;
  book.Add(Account(7, 100, 10));
  std::vector<AccountDifference> first = book.TakeDifferences();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].thread, 7u);
  EXPECT_EQ(first[0].time_ns[TWOFOLD_ON_CPU], 100u);
  EXPECT_EQ(first[0].time_ns[TWOFOLD_WOKEN], 10u);
  book.Add(Account(7, 150, 10));
  std::vector<AccountDifference> second = book.TakeDifferences();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].time_ns[TWOFOLD_ON_CPU], 50u);
  EXPECT_EQ(second[0].time_ns[TWOFOLD_WOKEN], 0u);
}

TEST(AccountBook, ThreadsThatDidNotGrowAreLeftOut) {
  AccountBook book;
  book.Add(Account(7, 100, 0));
  book.TakeDifferences();
  book.Add(Account(7, 100, 0));
  EXPECT_TRUE(book.TakeDifferences().empty());
}

TEST(AccountBook, EndOfAThreadClosesItsAccount) {
  AccountBook book;
  book.Add(Account(7, 100, 0));
  book.Add(Account(7, 130, 5, true));
  const std::vector<AccountDifference> differences = book.TakeDifferences();
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_TRUE(differences[0].ended);
  EXPECT_EQ(differences[0].at_ns, 135u);
  EXPECT_EQ(differences[0].time_ns[TWOFOLD_ON_CPU], 130u);
  EXPECT_EQ(differences[0].time_ns[TWOFOLD_WOKEN], 5u);
}

// A thread ends after the interval does, and before that is read.
TEST(AccountBook, WhatComesAfterTheIntervalsEndWaitsForTheNextOne) {
  AccountBook book;
  book.EndIntervalAt(120);
  book.Add(Account(7, 200, 50, true));
  book.Add(Account(7, 100, 20));
  const std::vector<AccountDifference> first = book.TakeDifferences();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_FALSE(first[0].ended);
  EXPECT_EQ(first[0].at_ns, 120u);
  EXPECT_EQ(first[0].time_ns[TWOFOLD_ON_CPU], 100u);
  const std::vector<AccountDifference> second = book.TakeDifferences();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_TRUE(second[0].ended);
  EXPECT_EQ(second[0].at_ns, 250u);
  EXPECT_EQ(second[0].time_ns[TWOFOLD_ON_CPU], 100u);
  EXPECT_EQ(second[0].time_ns[TWOFOLD_WOKEN], 30u);
}

// Threads that found the thread table full share number 0.
TEST(AccountBook, AccountsWithoutARowAreAddedUp) {
  AccountBook book;
  book.Add(Account(0, 100, 7, true));
  book.Add(Account(0, 40, 0, true));
  const std::vector<AccountDifference> differences = book.TakeDifferences();
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_EQ(differences[0].thread, 0u);
  EXPECT_EQ(differences[0].time_ns[TWOFOLD_ON_CPU], 140u);
  EXPECT_EQ(differences[0].time_ns[TWOFOLD_WOKEN], 7u);
  EXPECT_TRUE(book.TakeDifferences().empty());
}

// A thread ran unseen: at the boundary it seemed to wait, and later it turned out to have run.
TEST(AccountBook, TimeThatMovesToAnotherStateIsNeverToldTwice) {
  AccountBook book;
  const auto added = [&](uint64_t on_cpu_ns, uint64_t woken_ns) {
    book.Add(Account(7, on_cpu_ns, woken_ns));
    AccountDifference sum;
    for (const AccountDifference& difference : book.TakeDifferences()) {
      for (int state = 0; state < TWOFOLD_STATES; ++state) {
        sum.time_ns[state] += difference.time_ns[state];
      }
    }
    return std::pair(sum.time_ns[TWOFOLD_ON_CPU], sum.time_ns[TWOFOLD_WOKEN]);
  };
  EXPECT_EQ(added(100, 50), std::pair(uint64_t{100}, uint64_t{50}));
  EXPECT_EQ(added(160, 20), std::pair(uint64_t{30}, uint64_t{0}));  // 30 more in all
  EXPECT_EQ(added(170, 60), std::pair(uint64_t{40}, uint64_t{10}));
}

// As of a boundary, a state may be a little behind what an account written since has said.
TEST(AccountBook, SumsAreRightAlsoWhenAStateFallsBackForAMoment) {
  AccountBook book;
  uint64_t sum_ns = 0;
  for (const uint64_t on_cpu_ns : {100, 90, 95, 140}) {
    book.Add(Account(7, on_cpu_ns, 0));
    for (const AccountDifference& difference : book.TakeDifferences()) {
      sum_ns += difference.time_ns[TWOFOLD_ON_CPU];
    }
  }
  EXPECT_EQ(sum_ns, 140u);
}

}  // namespace
}  // namespace twofold
