// What functions and places of pprof profiles are called in a capture, and whose values are taken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/import_fixture.h"
#include "tests/analyzer/profile_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

class ImportPprofNames : public ImportFixture {};

TEST_F(ImportPprofNames, FunctionsAreCalledAsPprofShowsThem) {
  ProfileMaker maker;
  maker.SampleType("wall", "microseconds");
  maker.LocationOf(1, 0, 0, maker.Function("./index.js:(anonymous):22", "(anonymous)", "index.js"));
  maker.LocationOf(2, 0, 0,
                   maker.Function("./router.js:(anonymous):9", "(anonymous)", "router.js"));
  maker.LocationOf(3, 0, 0, maker.Function("", "only_system", ""));
  maker.Sample({1}, {9});
  maker.Sample({2}, {1});
  maker.Sample({3}, {4});
  ASSERT_EQ(ImportBytes(maker.Bytes()).status, 0);
  EXPECT_EQ(Fold({"--root", "none"}),
            "./index.js:(anonymous):22 9\n./router.js:(anonymous):9 1\nonly_system 4\n");
}

TEST_F(ImportPprofNames, ATypeWithoutValuesIsLeftForOneWithSome) {
  ProfileMaker maker;
  maker.SampleType("samples", "count");
  maker.SampleType("cpu", "microseconds");
  maker.SampleType("off", "nanoseconds");
  maker.Location(1, 0, 0, {"main"});
  maker.Sample({1}, {3, 30, 0});
  const RunResult result = ImportBytes(maker.Bytes());
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_THAT(result.words, HasSubstr("all values of 'off' are 0; those of 'cpu' are taken"));
  EXPECT_EQ(Fold({"--root", "none"}), "main 30\n");
  // Not where it was asked for.
  EXPECT_THAT(ImportBytes(maker.Bytes(), {"--sample-type", "off"}).words, HasSubstr("no samples"));
}

TEST_F(ImportPprofNames, MicrosecondsInAnySpelling) {
  for (const char* unit : {"us", "\xc2\xb5s", "\xce\xbcs", "microseconds"}) {
    ProfileMaker maker;
    maker.SampleType("cpu", unit);
    maker.Location(1, 0, 0, {"main"});
    maker.Sample({1}, {30});
    EXPECT_EQ(ImportBytes(maker.Bytes()).status, 0) << unit;
    EXPECT_EQ(Fold({"--root", "none"}), "main 30\n") << unit;
  }
}

ProfileMaker Nameless() {
  ProfileMaker maker;
  maker.SampleType("cpu", "microseconds");
  maker.Mapping(1, 0x400000, 0x1000, "/opt/app");
  maker.Mapping(2, 0x500000, 0, "liba.so");
  maker.Mapping(3, 0x600000, 0, "libb.so");
  maker.Mapping(4, 0xffffffff81000000, 0, "[kernel.kallsyms]");
  maker.Mapping(5, 0xffffffffc0000000, 0, "/lib/modules/6.1/kernel/fs/xfs.ko");
  maker.Location(1, 2, 0x500010, {});
  maker.Location(2, 2, 0x500020, {});
  maker.Location(3, 3, 0x600010, {});
  maker.Location(4, 0, 0x700010, {});
  maker.Location(5, 0, 0x700020, {});
  maker.Location(6, 4, 0xffffffff81000123, {});
  maker.Location(7, 5, 0xffffffffc0000123, {"xfs_read"});
  for (uint64_t id = 1; id <= 7; ++id) maker.Sample({id}, {id});
  return maker;
}

constexpr char kNamelessFold[] =
    "[kernel address without symbol] 6\n[liba.so+0x10] 1\n[liba.so+0x20] 2\n"
    "[libb.so+0x10] 3\n[unknown+0x700010] 4\n[unknown+0x700020] 5\nxfs_read 7\n";

TEST_F(ImportPprofNames, PlacesWithoutNamesStayApart) {
  ASSERT_EQ(ImportBytes(Nameless().Bytes()).status, 0);
  EXPECT_EQ(Fold({"--root", "none"}), kNamelessFold);
  EXPECT_EQ(Sql("SELECT kind FROM frame JOIN module USING (module_id) WHERE symbol = 'xfs_read'"),
            "kind\nkernel-module\n");
  EXPECT_EQ(Sql("SELECT count(*) AS n FROM frame WHERE offset_bytes < 0 OR offset_bytes > 8388608"),
            "n\n0\n");
}

TEST_F(ImportPprofNames, PlacesWithoutNamesComeBackFromAnExport) {
  ASSERT_EQ(ImportBytes(Nameless().Bytes()).status, 0);
  const std::string fold = Fold();
  const std::string profile = RunTwofold({"export", "--format", "pprof", Path()}).output;
  ASSERT_EQ(ImportBytes(profile).status, 0);
  EXPECT_EQ(Fold({"--root", "none"}), kNamelessFold);
  EXPECT_EQ(Fold(), fold);
}

}  // namespace
}  // namespace twofold::testing
