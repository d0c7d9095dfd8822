// What follows from the descriptions of rows: every kind, every field.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "format/records/interval.h"
#include "format/records/row_fields.h"

namespace twofold {

// A kind of row with a field of each role.
struct Visit {
  StringId place;
  uint8_t floor = 0;
  uint64_t count = 0;
  uint64_t longest_ns = 0;
};

template <>
struct RowKind<Visit> : RowKindDefaults {
  static constexpr uint8_t KnownFloor(uint8_t floor) { return floor < 3 ? floor : 0; }

  static constexpr std::tuple kFields = {
      field::Reference("place", &Visit::place),
      field::Key("floor", &Visit::floor, KnownFloor),
      field::Sum("count", &Visit::count),
      field::Max("longest_ns", &Visit::longest_ns),
  };
};

namespace testing {
namespace {

TEST(Rows, ReferencesAndKeysTellThemApart) {
  const Visit visit{.place = StringId(2), .floor = 1, .count = 5, .longest_ns = 9};
  Visit other{.place = StringId(2), .floor = 1, .count = 6, .longest_ns = 8};
  EXPECT_EQ(KeyOf(visit), KeyOf(other));
  other.floor = 2;
  EXPECT_LT(KeyOf(visit), KeyOf(other));
  other = {.place = StringId(1), .floor = 1};
  EXPECT_LT(KeyOf(other), KeyOf(visit));
}

TEST(Rows, ThreadsComeFirstInTheirOrder) {
  const AllocationRow first{.kind = AllocationKind::kPages, .thread = ThreadId(1)};
  const AllocationRow second{.kind = AllocationKind::kMalloc, .thread = ThreadId(2)};
  EXPECT_LT(KeyOf(first), KeyOf(second));
}

TEST(Rows, SumsAddUpAndOfOthersTheLargerCounts) {
  Visit into{.place = StringId(2), .floor = 1, .count = 5, .longest_ns = 9};
  AddRow(into, Visit{.place = StringId(2), .floor = 1, .count = 6, .longest_ns = 8});
  EXPECT_EQ(into.count, 11U);
  EXPECT_EQ(into.longest_ns, 9U);
  AddRow(into, Visit{.longest_ns = 10});
  EXPECT_EQ(into.longest_ns, 10U);
}

TEST(Rows, ValuesOfNewerVersionsAreMadeKnown) {
  const auto& floor = std::get<1>(RowKind<Visit>::kFields);
  Visit visit;
  floor.Set(visit, 2);
  EXPECT_EQ(visit.floor, 2);
  floor.Set(visit, 3);
  EXPECT_EQ(visit.floor, 0);
}

// An interval with one row of each kind, which refers to nothing but thread 1.
Interval OneRowOfEachKind() {
  Interval interval;
  ForEachRowTable([&](const auto& table) {
    ForEachReference(table.Make(interval)->emplace_back(), [](auto& id) {
      if constexpr (std::is_same_v<decltype(id), ThreadId&>) id = ThreadId(1);
    });
  });
  return interval;
}

// Every reference of every kind of row is one that a capture must define, and that stand-ins for
// lost definitions are made for.
TEST(Rows, EveryReferenceIsChecked) {
  constexpr uint32_t kTooHigh = 7;
  Progress progress;
  progress.defined = {.threads = 1};
  ASSERT_EQ(records::AddInterval(OneRowOfEachKind(), progress), std::nullopt);
  size_t references = 0;
  ForEachRowTable([&](const auto& table) {
    using Row = RowOf<decltype(table)>;
    ForEachField<Row, field::Role::kReference>([&](const auto& reference) {
      SCOPED_TRACE(std::string(table.name) + "." + reference.column);
      ++references;
      Interval interval = OneRowOfEachKind();
      reference.Set(table.Find(interval)->front(), kTooHigh);
      Progress fresh;
      fresh.defined = {.threads = 1};
      const MaybeFault fault = records::AddInterval(interval, fresh);
      ASSERT_TRUE(fault.has_value());
      EXPECT_TRUE(fault->dangling);
      EXPECT_NE(fault->what.find(" is number 7, but only "), std::string::npos) << fault->what;
      const DefinitionCounts highest = records::HighestIds(interval);
      bool is_seen = false;
      ForEachDefinitionKind(
          [&](const auto& kind) { is_seen = is_seen || highest.*kind.count == kTooHigh; });
      EXPECT_TRUE(is_seen);
    });
  });
  EXPECT_GE(references, 33U);
}

// Sums are within a limit over the whole capture.
TEST(Rows, EverySumIsLimited) {
  ForEachRowTable([&](const auto& table) {
    using Row = RowOf<decltype(table)>;
    ForEachField<Row, field::Role::kSum>([&](const auto& sum) {
      SCOPED_TRACE(std::string(table.name) + "." + sum.column);
      Interval interval = OneRowOfEachKind();
      Row& row = table.Find(interval)->front();
      // Of blocked and waiting rows: no more of it than time.
      if constexpr (requires { row.sampled_ns; }) row.time_ns = container::kMaxSum;
      sum.Set(row, container::kMaxSum);
      Progress progress;
      progress.defined = {.threads = 1};
      EXPECT_EQ(records::AddInterval(interval, progress), std::nullopt);
      interval.number = 1;
      EXPECT_NE(records::AddInterval(interval, progress), std::nullopt);
    });
  });
}

}  // namespace
}  // namespace testing
}  // namespace twofold
