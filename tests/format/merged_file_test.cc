// Merged files: every capture comes out as it went in, damage stays where it is, and no list of
// members can do harm.
#include "format/merged_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/base/bytes.h"
#include "format/records/members.h"
#include "tests/format/capture_bytes.h"
#include "tests/format/faithful.h"
#include "tests/format/sample_capture.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

std::string Merged(const std::vector<std::pair<std::string, std::string>>& captures) {
  std::vector<Member> members;
  for (const auto& [name, bytes] : captures) members.push_back({name, AsBytes(bytes), {}});
  MemorySink sink;
  EXPECT_TRUE(WriteMerged(members, sink));
  return sink.bytes;
}

// The samples of two hosts, of different sizes.
struct TwoHosts {
  Sample first = MakeSample();
  Sample second = MakeSample({.intervals = 3, .stacks_per_interval = 4, .frames_per_stack = 3});
  std::string bytes = Merged({{"a.twofold", first.bytes}, {"b.twofold", second.bytes}});
  // Where the captures begin.
  size_t first_at() const { return bytes.size() - first.bytes.size() - second.bytes.size(); }
  size_t second_at() const { return bytes.size() - second.bytes.size(); }
};

// What is wrong with how a changed copy is read; empty: nothing. `partial`: which members are.
std::string TroubleWith(const TwoHosts& hosts, const std::string& changed,
                        std::vector<bool>* partial = nullptr) {
  Result<CaptureList> list = ListCaptures(AsBytes(changed), "changed");
  if (!list) return list.error().what.empty() ? "an error without words" : "";
  // A file that is no merged one any more would be one capture: the first host's numbers alone.
  if (!list->is_merged || list->members.size() != 2) return "the members are others";
  bool noticed = false;
  for (size_t i = 0; i < 2; ++i) {
    Result<Capture> capture = ReadMember(*list, i, "changed");
    if (!capture) return "a member is an error";
    const Capture& expected = i == 0 ? hosts.first.expected : hosts.second.expected;
    if (partial != nullptr) partial->push_back(capture->partial());
    noticed = noticed || capture->partial();
    if (IsUnreadable(*capture)) continue;
    std::string trouble = BrokenPromise(expected, *capture);
    if (!trouble.empty()) return trouble;
  }
  return noticed ? "" : "the change was not noticed";
}

TEST(MergedFile, GivesEachCaptureAsItWas) {
  TwoHosts hosts;
  Result<CaptureList> list = ListCaptures(AsBytes(hosts.bytes), "merged");
  ASSERT_TRUE(list) << list.error().Message();
  ASSERT_TRUE(list->is_merged);
  ASSERT_EQ(list->members.size(), 2U);
  EXPECT_EQ(list->members[0].name, "a.twofold");
  EXPECT_EQ(list->members[1].name, "b.twofold");
  EXPECT_TRUE(std::ranges::equal(list->members[0].bytes, AsBytes(hosts.first.bytes)));
  EXPECT_TRUE(std::ranges::equal(list->members[1].bytes, AsBytes(hosts.second.bytes)));
  Result<Capture> second = ReadMember(*list, 1, "merged");
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->partial());
  EXPECT_EQ(BrokenPromise(hosts.second.expected, *second), "");
  EXPECT_EQ(second->intervals.size(), hosts.second.expected.intervals.size());
}

TEST(MergedFile, ASingleCaptureIsAListOfOne) {
  Sample sample = MakeSample();
  Result<CaptureList> list = ListCaptures(AsBytes(sample.bytes), "one.twofold");
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->is_merged);
  ASSERT_EQ(list->members.size(), 1U);
  EXPECT_TRUE(ReadMember(*list, 0, "one.twofold"));
  // There an unreadable one is an error.
  std::string cut = sample.bytes.substr(0, 40);
  list = ListCaptures(AsBytes(cut), "one.twofold");
  ASSERT_TRUE(list);
  EXPECT_FALSE(ReadMember(*list, 0, "one.twofold"));
}

TEST(MergedFile, EveryFlippedBitIsAnErrorOrLabelled) {
  TwoHosts hosts;
  for (size_t byte = 0; byte < hosts.bytes.size(); ++byte) {
    for (int bit = 0; bit < 8; bit += byte < hosts.first_at() ? 1 : 3) {
      CaptureBytes copy(hosts.bytes);
      copy.FlipBit(byte, bit);
      ASSERT_EQ(TroubleWith(hosts, copy.bytes()), "") << "byte " << byte << " bit " << bit;
    }
  }
}

TEST(MergedFile, EveryPrefixIsAnErrorOrLabelled) {
  TwoHosts hosts;
  for (size_t size = 0; size < hosts.bytes.size(); ++size) {
    ASSERT_EQ(TroubleWith(hosts, hosts.bytes.substr(0, size)), "") << "cut to " << size;
  }
}

TEST(MergedFile, DamageOfOneCaptureCostsNothingOfTheOther) {
  TwoHosts hosts;
  std::vector<bool> partial;
  CaptureBytes copy(hosts.bytes);
  copy.FlipBit(hosts.first_at() + hosts.first.bytes.size() / 2, 3);
  EXPECT_EQ(TroubleWith(hosts, copy.bytes(), &partial), "");
  EXPECT_EQ(partial, (std::vector<bool>{true, false}));

  // Its first block: nothing of it can be read, and it stays in its place.
  copy = CaptureBytes(hosts.bytes);
  copy.FlipBit(hosts.first_at() + 70, 3);
  Result<CaptureList> list = ListCaptures(copy.span(), "merged");
  ASSERT_TRUE(list);
  Result<Capture> first = ReadMember(*list, 0, "merged");
  ASSERT_TRUE(first);
  EXPECT_TRUE(IsUnreadable(*first));
  EXPECT_TRUE(first->partial());
  EXPECT_THAT(DamageText(*first), HasSubstr("nothing of this capture can be read"));
  EXPECT_FALSE(ReadMember(*list, 1, "merged")->partial());
}

TEST(MergedFile, BytesBehindTheLastCaptureAreNoticed) {
  TwoHosts hosts;
  std::vector<bool> partial;
  EXPECT_EQ(TroubleWith(hosts, hosts.bytes + "x", &partial), "");
  EXPECT_EQ(partial, (std::vector<bool>{false, true}));
}

// A merged file whose Members block holds what is given.
CaptureBytes WithMembers(const flatbuffers::FlatBufferBuilder& builder) {
  CaptureBytes file;
  file.WriteFileHeader();
  container::FileHeader header;
  header.required_features = container::kMergedFeature;
  file.SetFileHeader(header);
  file.WriteBlock(container::BlockType::kMembers, builder);
  return file;
}

CaptureBytes WithMembers(const std::vector<records::MemberEntry>& entries) {
  flatbuffers::FlatBufferBuilder builder;
  records::PackMembers(entries, builder);
  return WithMembers(builder);
}

std::string ErrorOf(const CaptureBytes& file) {
  Result<CaptureList> list = ListCaptures(file.span(), "hostile");
  return list ? "" : list.error().Message();
}

TEST(HostileMembers, CountsSizesAndNamesAreBounded) {
  EXPECT_THAT(ErrorOf(WithMembers(std::vector<records::MemberEntry>{})),
              HasSubstr("holds no captures"));
  std::vector<records::MemberEntry> many(container::kMaxMembers + 1, {"a", 1});
  EXPECT_THAT(ErrorOf(WithMembers(many)), HasSubstr("too many captures"));
  std::string long_name(container::kMaxMemberNameBytes + 1, 'a');
  EXPECT_THAT(ErrorOf(WithMembers({{long_name, 1}})), HasSubstr("too long"));
  EXPECT_THAT(ErrorOf(WithMembers({{"\xff", 1}})), HasSubstr("not UTF-8"));

  // Sizes that overflow when they are added.
  CaptureBytes file = WithMembers({{"a", UINT64_MAX}, {"b", UINT64_MAX}, {"c", 2}});
  Result<CaptureList> list = ListCaptures(file.span(), "hostile");
  ASSERT_TRUE(list);
  for (size_t i = 0; i < 3; ++i) {
    Result<Capture> capture = ReadMember(*list, i, "hostile");
    ASSERT_TRUE(capture);
    EXPECT_TRUE(IsUnreadable(*capture));
    EXPECT_THAT(DamageText(*capture), HasSubstr("the merged file ends after 0 of the"));
  }

  // Columns of different lengths.
  flatbuffers::FlatBufferBuilder builder;
  auto sizes = builder.CreateVector(std::vector<uint64_t>{1, 2});
  builder.Finish(wire::CreateMembers(builder, 0, sizes));
  EXPECT_THAT(ErrorOf(WithMembers(builder)), HasSubstr("differ in length"));
}

TEST(HostileMembers, AMergedFileInAMergedFileIsNotRead) {
  std::string inner = TwoHosts().bytes;
  std::string outer = Merged({{"inner", inner}, {"good", MakeSample().bytes}});
  Result<CaptureList> list = ListCaptures(AsBytes(outer), "outer");
  ASSERT_TRUE(list);
  Result<Capture> first = ReadMember(*list, 0, "outer");
  ASSERT_TRUE(first);
  EXPECT_TRUE(IsUnreadable(*first));
  EXPECT_THAT(DamageText(*first), HasSubstr("this is a merged file"));
  EXPECT_FALSE(ReadMember(*list, 1, "outer")->partial());
}

TEST(MergedFile, NamesAreMadeToFit) {
  std::string sample = MakeSample().bytes;
  std::string name = "\xff" + std::string(container::kMaxMemberNameBytes, 'x') + "\xc3\xa4";
  std::string bytes = Merged({{name, sample}});
  Result<CaptureList> list = ListCaptures(AsBytes(bytes), "merged");
  ASSERT_TRUE(list) << list.error().Message();
  EXPECT_EQ(list->members[0].name.substr(0, 6), "\\xffxx");
  EXPECT_EQ(list->members[0].name.size(), container::kMaxMemberNameBytes);
}

TEST(MergedFile, HoldsAtLeastOneAndAtMostSoMany) {
  MemorySink sink;
  EXPECT_FALSE(WriteMerged({}, sink));
  std::vector<Member> many(container::kMaxMembers + 1);
  EXPECT_THAT(WriteMerged(many, sink).error().Message(), HasSubstr("1 to 1024"));
  EXPECT_EQ(sink.bytes, "");
}

}  // namespace
}  // namespace twofold::testing
