// Captures made of pprof profiles: stacks, inlined calls, threads and times come through; a profile
// that is malformed is an error and never harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "analyzer/import/gunzip.h"
#include "analyzer/import/imported_capture.h"
#include "analyzer/output/gzip.h"
#include "format/capture_reader.h"
#include "tests/analyzer/import_fixture.h"
#include "tests/analyzer/profile_maker.h"

namespace twofold::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// As Go writes them: samples and nanoseconds, 10 ms each.
ProfileMaker GoLike() {
  ProfileMaker maker;
  maker.SampleType("samples", "count");
  maker.SampleType("cpu", "nanoseconds");
  maker.Period("cpu", "nanoseconds", 10000000);
  maker.Mapping(1, 0x400000, 0x1000, "/usr/bin/server", "abcdef01");
  maker.Mapping(2, 0xffffffff80000000, 0, "[kernel.kallsyms]");
  maker.Location(11, 1, 0x400234, {"inner@7", "work@30"});
  maker.Location(12, 1, 0x400500, {"main@99"});
  maker.Location(13, 2, 0xffffffff80001234, {"do_syscall_64"});
  maker.Location(14, 1, 0x400777, {});
  maker.Sample({11, 12}, {3, 30000000});
  maker.Sample({13, 11, 12}, {1, 10000000});
  maker.Sample({14, 12}, {2, 20000000});
  maker.profile.Number(9, 1700000000123456789);
  maker.profile.Number(10, 2500000000);
  return maker;
}

class ImportPprof : public ImportFixture {};

constexpr char kGoFold[] =
    "server;main;[server+0x1777] 20000\n"
    "server;main;work;inner 30000\n"
    "server;main;work;inner;do_syscall_64 10000\n";

TEST_F(ImportPprof, StacksTimesAndPlacesComeThrough) {
  RunResult result = ImportBytes(GoLike().Bytes());
  ASSERT_EQ(result.status, 0) << result.words;
  EXPECT_EQ(result.words, "");
  EXPECT_EQ(Fold(), kGoFold);
  EXPECT_THAT(Fold({"--lines"}), HasSubstr("server;main (main.c:99);work (work.c:30);inner "
                                           "(inner.c:7) 30000\n"));
  EXPECT_EQ(Sql("SELECT samples, time_ns FROM cpu_sample ORDER BY 1"),
            "samples,time_ns\n1,10000000\n2,20000000\n3,30000000\n");
  EXPECT_EQ(Sql("SELECT start_realtime_ns, window_ns, frequency_hz FROM capture"),
            "start_realtime_ns,window_ns,frequency_hz\n1700000000123456789,2500000000,100\n");
  EXPECT_EQ(Sql("SELECT path, build_id, kind FROM module WHERE build_id IS NOT NULL"),
            "path,build_id,kind\n/usr/bin/server,abcdef01,user\n");
  EXPECT_EQ(Sql("SELECT symbol, offset_bytes, is_inlined FROM frame WHERE symbol IN ('inner', "
                "'do_syscall_64') ORDER BY symbol"),
            "symbol,offset_bytes,is_inlined\ndo_syscall_64,0,0\ninner,4660,1\n");
  EXPECT_THAT(RunTwofold({"info", Path()}).output,
              AllOf(HasSubstr("2023-11-14"), HasSubstr("by twofold import")));
  EXPECT_EQ(RunTwofold({"verify", Path()}).status, 0);
}

TEST_F(ImportPprof, GzippedOrPlainFromAFileOrAPipe) {
  const std::string plain = GoLike().Bytes();
  const std::string packed = *Gzip(plain);
  for (const std::string& bytes : {plain, packed, packed.substr(0, 0) + *Gzip("") + packed}) {
    ASSERT_EQ(ImportBytes(bytes).status, 0);
    EXPECT_EQ(Fold(), kGoFold);
    EXPECT_EQ(RunTwofold({"import", "--force", "-o", Path(), "-"}, bytes).status, 0);
    EXPECT_EQ(Fold(), kGoFold);
  }
  EXPECT_EQ(ImportBytes(packed, {"--from", "pprof"}).status, 0);
}

TEST_F(ImportPprof, SampleTypesAreChosen) {
  ProfileMaker maker = GoLike();
  EXPECT_EQ(ImportBytes(maker.Bytes(), {"--sample-type", "samples"}).status, 0);
  EXPECT_EQ(Fold(), kGoFold);
  RunResult result = ImportBytes(maker.Bytes(), {"--sample-type", "wall"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("Known: samples, cpu"));
  // The default of the profile goes before the last one.
  maker.profile.Number(14, maker.Text("samples"));
  EXPECT_EQ(ImportBytes(maker.Bytes(), {"--frequency", "50"}).status, 0);
  EXPECT_THAT(Fold(), HasSubstr("server;main;work;inner 60000\n"));
  // What is time needs no frequency.
  result = ImportBytes(maker.Bytes(), {"--frequency", "50", "--sample-type", "cpu"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("time already"));
}

TEST_F(ImportPprof, CountsWithoutAPeriodNeedAFrequency) {
  ProfileMaker maker;
  maker.SampleType("samples", "count");
  maker.Location(1, 0, 0, {"main"});
  maker.Sample({1}, {5}, {maker.Label("thread", "worker")});
  RunResult result = ImportBytes(maker.Bytes());
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("Give --frequency HZ"));
  EXPECT_EQ(ImportBytes(maker.Bytes(), {"--frequency", "1000"}).status, 0);
  EXPECT_EQ(Fold(), "worker;main 5000\n");
}

TEST_F(ImportPprof, BytesAreNoTime) {
  ProfileMaker maker;
  maker.SampleType("alloc_space", "bytes");
  maker.Location(1, 0, 0, {"main"});
  maker.Sample({1}, {5});
  RunResult result = ImportBytes(maker.Bytes());
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("the values of 'alloc_space' are bytes"));
}

TEST_F(ImportPprof, ValuesThatAreNoMultiplesOfThePeriodStayExact) {
  for (const auto& [unit, scale] : std::vector<std::pair<std::string, uint64_t>>{
           {"nanoseconds", 1000}, {"microseconds", 1}, {"us", 1}}) {
    ProfileMaker maker;
    maker.SampleType("cpu", unit);
    maker.Period("cpu", "nanoseconds", 10000000);
    maker.Location(1, 0, 0, {"main"});
    maker.Location(2, 0, 0, {"work"});
    maker.Sample({1}, {12345 * scale});
    maker.Sample({2, 1}, {20000 * scale});
    ASSERT_EQ(ImportBytes(maker.Bytes()).status, 0) << unit;
    EXPECT_EQ(Fold({"--root", "none"}), "main 12345\nmain;work 20000\n") << unit;
  }
}

TEST_F(ImportPprof, LabelsNameThreadsAndProcesses) {
  ProfileMaker maker;
  maker.SampleType("wall", "milliseconds");
  maker.Location(1, 0, 0, {"main"});
  const auto who = [&](const char* process, uint64_t pid, const char* thread, uint64_t tid) {
    return std::vector<ProtobufMessage>{
        maker.Label("process", process), maker.Label("pid", "", pid), maker.Label("thread", thread),
        maker.Label("tid", "", tid), maker.Label("request", "GET /")};
  };
  maker.Sample({1}, {1}, who("db", 7, "flush", 8));
  maker.Sample({1}, {2}, who("db", 7, "read", 9));
  maker.Sample({1}, {4}, who("web", 5, "web", 5));
  RunResult result = ImportBytes(maker.Bytes());
  ASSERT_EQ(result.status, 0) << result.words;
  EXPECT_THAT(result.words, AllOf(HasSubstr("labels that a capture has no place for are left out: "
                                            "request"),
                                  HasSubstr("the values of 'wall' are shown as CPU time")));
  EXPECT_EQ(Fold(), "db;main 3000\nweb;main 4000\n");
  EXPECT_EQ(Fold({"--root", "thread"}), "flush;main 1000\nread;main 2000\nweb;main 4000\n");
  EXPECT_EQ(Fold({"--tid", "9"}), "db;main 2000\n");
}

TEST_F(ImportPprof, NegativeAndEmptyValuesAreLeftOut) {
  ProfileMaker maker;
  maker.SampleType("cpu", "microseconds");
  maker.Location(1, 0, 0, {"main"});
  maker.Sample({1}, {uint64_t(-5)});
  maker.Sample({1}, {0});
  EXPECT_THAT(ImportBytes(maker.Bytes()).words, HasSubstr("no samples"));
  maker.Sample({1}, {7});
  RunResult result = ImportBytes(maker.Bytes());
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.words, HasSubstr("1 sample below zero left out"));
  EXPECT_EQ(Fold({"--root", "none"}), "main 7\n");
}

TEST_F(ImportPprof, DeepStacksAreCutAtTheirRoot) {
  ProfileMaker maker;
  maker.SampleType("cpu", "microseconds");
  maker.Location(1, 0, 0, {"root"});
  maker.Location(2, 0, 0, {"again"});
  maker.Location(3, 0, 0, {"leaf"});
  std::vector<uint64_t> locations(5000, 2);
  locations.front() = 3;
  locations.back() = 1;
  maker.Sample(locations, {9});
  RunResult result = ImportBytes(maker.Bytes());
  ASSERT_EQ(result.status, 0) << result.words;
  EXPECT_THAT(result.words, HasSubstr("1 stack is cut to 1024 frames"));
  const std::string fold = Fold({"--root", "none"});
  EXPECT_EQ(std::count(fold.begin(), fold.end(), ';'), 1023);
  EXPECT_THAT(fold, HasSubstr(";again;leaf 9\n"));
}

// What 'twofold export' writes comes back as it was, byte for byte, where values are whole
// microseconds.
TEST_F(ImportPprof, AnExportComesBackAsItWas) {
  CaptureMaker maker;
  ThreadId one = maker.AddThread("app; \\ \x1b[31m", 7, "main\tthread", 7);
  ThreadId two = maker.AddSibling("worker", 8);
  ThreadId other = maker.AddThread("app", 9);
  StackId user = maker.Stack({"main", "_ZN3foo3barEv", "Lorg/Main;::run"});
  StackId nameless = maker.Stack({"main", "[/usr/lib/libx.so+0x123]"});
  StackId kernel = maker.Stack({"k:entry_SYSCALL_64", "k:do_read"});
  maker.Cpu(one, user, {}, 3);
  maker.Cpu(one, user, kernel, 4);
  maker.Cpu(two, nameless, {}, 5);
  maker.Cpu(two, {}, kernel, 6);
  maker.Cpu(other, maker.Stack({"!truncated", "work"}), {}, 7);
  maker.EndInterval();
  const std::string original = WriteTemporary("original.twofold", maker.Finish());
  const std::string profile = RunTwofold({"export", "--format", "pprof", original}).output;
  RunResult result = ImportBytes(profile);
  ASSERT_EQ(result.status, 0) << result.words;
  for (const char* root : {"process", "thread", "none"}) {
    EXPECT_EQ(Fold({"--root", root}), RunTwofold({"fold", "--root", root, original}).output);
  }
  EXPECT_EQ(Fold({"--no-demangle"}), RunTwofold({"fold", "--no-demangle", original}).output);
  EXPECT_EQ(Sql("SELECT pid, tid, thread.name FROM thread JOIN process USING (process_id) "
                "WHERE tid = 8"),
            "pid,tid,name\n7,8,worker\n");
}

TEST_F(ImportPprof, GoldenCapturesComeBack) {
  for (const char* name : {"demo", "waits", "shares"}) {
    const std::string original =
        std::string(TWOFOLD_TESTS_DIR) + "/../../testdata/" + name + "/capture.twofold";
    const std::string profile = RunTwofold({"export", "--format", "pprof", original}).output;
    ASSERT_EQ(ImportBytes(profile).status, 0) << name;
    // Values were rounded once more, by thread: stacks are the same, totals too.
    const auto stacks = [](const std::string& fold, uint64_t& total) {
      std::string names;
      size_t begin = 0;
      for (size_t end; (end = fold.find('\n', begin)) != std::string::npos; begin = end + 1) {
        const size_t space = fold.rfind(' ', end);
        total += std::stoull(fold.substr(space + 1));
        names += fold.substr(begin, space - begin) + "\n";
      }
      return names;
    };
    uint64_t total = 0;
    uint64_t original_total = 0;
    const std::string fold = RunTwofold({"fold", original}).output;
    EXPECT_EQ(stacks(Fold(), total), stacks(fold, original_total)) << name;
    EXPECT_EQ(total, original_total) << name;
  }
}

TEST_F(ImportPprof, MalformedProfilesAreErrors) {
  const auto error_of = [&](const std::string& bytes) {
    RunResult result = ImportBytes(bytes, {"--from", "pprof"});
    EXPECT_EQ(result.status, 1) << result.words;
    return result.words;
  };
  EXPECT_THAT(error_of("no profile at all"), HasSubstr("malformed"));
  EXPECT_THAT(error_of(""), HasSubstr("the file is empty"));
  ProfileMaker maker = GoLike();
  maker.Sample({99}, {1, 1});
  EXPECT_THAT(error_of(maker.Bytes()), HasSubstr("no location with the id 99"));
  maker = GoLike();
  maker.Sample({11}, {1});
  EXPECT_THAT(error_of(maker.Bytes()), HasSubstr("1 values, not 2"));
  maker = GoLike();
  maker.Location(11, 1, 1, {});
  EXPECT_THAT(error_of(maker.Bytes()), HasSubstr("there twice"));
  maker = GoLike();
  maker.Location(0, 1, 1, {});
  EXPECT_THAT(error_of(maker.Bytes()), HasSubstr("is 0 or"));
  maker = GoLike();
  maker.Location(20, 9, 1, {});
  EXPECT_THAT(error_of(maker.Bytes()), HasSubstr("no mapping with the id 9"));
  maker = GoLike();
  maker.profile.Number(14, 4000);
  EXPECT_THAT(error_of(maker.Bytes()), HasSubstr("no string 4000"));
  std::string packed = *Gzip(GoLike().Bytes());
  EXPECT_THAT(error_of(packed.substr(0, packed.size() - 5)), HasSubstr("cut off"));
  packed[packed.size() - 6] ^= 1;
  EXPECT_THAT(error_of(packed), HasSubstr("damaged"));
  EXPECT_FALSE(Gunzip(*Gzip(std::string(1 << 20, 'x')), 1 << 19));
  // Sums that no capture can hold.
  maker = ProfileMaker();
  maker.SampleType("cpu", "seconds");
  maker.Location(1, 0, 0, {"main"});
  for (int i = 0; i < 3; ++i) maker.Sample({1}, {INT64_MAX});
  EXPECT_THAT(error_of(maker.Bytes()), HasSubstr("more time than a capture can hold"));
}

// Whatever the bytes are: an error, or a capture that can be read.
TEST_F(ImportPprof, NoBytesDoHarm) {
  ProfileMaker maker = GoLike();
  maker.Sample({11, 12}, {1, 5}, {maker.Label("thread", "t"), maker.Label("pid", "", 7)});
  const std::string good = maker.Bytes();
  const auto import = [](const std::string& bytes) {
    ImportedCapture capture;
    Result<PprofNotes> notes = ReadPprof(bytes, "", capture);
    if (!notes) {
      EXPECT_NE(notes.error().what, "");
      return;
    }
    MemorySink sink;
    const ImportedValues values = {.period_ns = std::max<uint64_t>(notes->period_ns, 1)};
    if (!capture.Write(values, "test", sink)) return;
    std::span<const uint8_t> written(reinterpret_cast<const uint8_t*>(sink.bytes.data()),
                                     sink.bytes.size());
    Result<Capture> read = ReadCapture(written, "test");
    ASSERT_TRUE(read);
    EXPECT_FALSE(read->partial());
  };
  for (size_t size = 0; size < good.size(); ++size) import(good.substr(0, size));
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = char(bytes[bit / 8] ^ 1 << bit % 8);
    import(bytes);
  }
  std::minstd_rand random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good;
    for (int change = 0; change < 4; ++change) {
      bytes[random() % bytes.size()] = char(random());
    }
    import(bytes);
  }
}

}  // namespace
}  // namespace twofold::testing
