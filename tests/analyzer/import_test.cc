// Captures made of other tools' text: every stack, sample and second comes through, and what is of
// no form is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/import_fixture.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

class Import : public ImportFixture {};

constexpr char kPerf[] =
    "# event : name = cycles, , type = 0, { sample_period, sample_freq } = 100, freq = 1, x = 1\n"
    "my program  42/43 [001]   100.500000:      12345 cycles:P: \n"
    "\tffffffff81000010 do_syscall_64+0x10 ([kernel.kallsyms])\n"
    "\t            15f4 burn(int (*)(char), long)+0x74 (/usr/bin/program with spaces)\n"
    "\t            1285 main+0x1e5 (/usr/bin/program with spaces)\n"
    "\n"
    "my program  42/43 [001]   100.700000:      12345 cycles:P: \n"
    "\t            15f4 helper (inlined)\n"
    "\t            15f4 burn+0x74 (/usr/bin/program)\n"
    "\t            9999 [unknown] (/usr/lib/libstripped.so)\n"
    "\n"
    "my program  42/43 [001]   100.800000:  1 sched:sched_switch: \n"
    "\tffffffff81000010 schedule+0x10 ([kernel.kallsyms])\n"
    "\n"
    "java  77/78 [000]   102.600000:      12345 cycles:P: \n"
    "\tffffffffc0001000 read_block+0x1 ([driver])\n"
    "\t    7f0000001000 Lorg/Main;::run+0x10 (/tmp/perf-77.map)\n"
    "\n";

TEST_F(Import, PerfScriptKeepsStacksThreadsAndSeconds) {
  const RunResult result = ImportBytes(kPerf, {});
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_THAT(result.words, HasSubstr("1 sample of the event 'sched:sched_switch' left out"));
  EXPECT_EQ(Fold(),
            "java;Lorg/Main\\x3b::run;read_block 10000\n"
            "my program;[libstripped.so+0x9999];burn;helper 10000\n"
            "my program;main;burn(int (*)(char), long);do_syscall_64 10000\n");
  EXPECT_EQ(Sql("SELECT pid, tid, thread.name FROM thread JOIN process USING (process_id) "
                "ORDER BY tid"),
            "pid,tid,name\n42,43,my program\n77,78,java\n");
  // Two samples in the first second, none in the next, one in the third.
  EXPECT_EQ(Sql("SELECT interval.number, coalesce(sum(samples), 0) AS samples FROM interval "
                "LEFT JOIN cpu_sample USING (interval_id) GROUP BY 1 ORDER BY 1"),
            "number,samples\n0,2\n1,0\n2,1\n");
  EXPECT_EQ(Sql("SELECT count(*) AS inlined FROM frame WHERE is_inlined"), "inlined\n1\n");
  EXPECT_EQ(RunTwofold({"verify", Path()}).status, 0);
  const RunResult info = RunTwofold({"info", Path()});
  EXPECT_EQ(info.status, 0);
  EXPECT_THAT(info.output, HasSubstr("by twofold import"));
}

TEST_F(Import, HeaderLinesOfPerfScriptInEveryForm) {
  const char* headers[] = {
      "prog 43 [001] 100.5: 1 cycles:",
      "prog 43 100.500000: cycles:P:",
      "prog 42/43 100.5:",
      "prog 43 [001] 100.5: cycles:",
      "prog    43 cycles:",
      "prog 42/43 [001]",
  };
  for (const char* header : headers) {
    SCOPED_TRACE(header);
    const RunResult result = ImportBytes(std::string(header) + "\n\t 15f4 main+0x1 (/bin/prog)\n\n",
                                         {"--frequency", "1000"});
    EXPECT_EQ(result.status, 0) << result.words;
    EXPECT_THAT(result.words, HasSubstr("CPU time is an estimate"));
    EXPECT_EQ(Fold(), "prog;main 1000\n");
    EXPECT_EQ(Sql("SELECT tid FROM thread"), "tid\n43\n");
  }
  // Names that end in numbers.
  ImportBytes("kworker 2 43 [001] 100.5: 7 cycles:\n\t 15f4 main+0x1 (/bin/prog)\n\n",
              {"--frequency", "1000"});
  EXPECT_EQ(Sql("SELECT tid, name FROM thread"), "tid,name\n43,kworker 2\n");
}

TEST_F(Import, ClockEventsTellWhatASampleStandsFor) {
  const RunResult result =
      ImportBytes("prog 43 100.5: 10101010 cpu-clock:pppH:\n\t 15f4 main+0x1 (/bin/prog)\n\n", {});
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_EQ(Fold(), "prog;main 10101\n");
}

TEST_F(Import, FoldedStacksComeBackAsTheyWere) {
  const std::string folded =
      "java;Lorg/Main\\x3b::run;read_block 7\n"
      "sh;main;work\\\\er 12\n"
      "sh;main;write 5\n";
  EXPECT_EQ(ImportBytes(folded, {"--unit", "us"}).status, 0);
  EXPECT_EQ(Fold(), folded);
  EXPECT_EQ(ImportBytes(folded, {"--frequency", "100"}).status, 0);
  EXPECT_THAT(Fold(), HasSubstr("sh;main;write 50000\n"));
  EXPECT_EQ(RunTwofold({"verify", Path()}).status, 0);
}

TEST_F(Import, SuffixesOfFoldedStacksTellTheKindOfFrame) {
  EXPECT_EQ(
      ImportBytes("java;run_[j];call_[i];do_syscall_64_[k];read_[k] 3\n", {"--unit", "ms"}).status,
      0);
  EXPECT_EQ(Fold(), "java;run;call;do_syscall_64;read 3000\n");
  EXPECT_EQ(Sql("SELECT symbol, module.kind, is_inlined FROM frame JOIN module USING (module_id) "
                "ORDER BY symbol"),
            "symbol,kind,is_inlined\ncall,other,1\ndo_syscall_64,kernel,0\nread,kernel,0\n"
            "run,runtime,0\n");
}

TEST_F(Import, LinesOfNoFormAreToldAndLeftOut) {
  const RunResult result =
      ImportBytes("a;b 1\nno value\n# a comment\n\na;b 2.75\n", {"--unit", "us"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.words, HasSubstr("1 line is of no known form and left out; the first is "
                                      "line 2: no value"));
  EXPECT_EQ(Fold(), "a;b 4\n");
  EXPECT_EQ(ImportBytes("a;b 1\nno value\nc;d x\na;b 2\n", {"--unit", "us"}).status, 1);
}

TEST_F(Import, WhatCannotBeMeantIsASentence) {
  EXPECT_THAT(ImportBytes("a;b 1\n", {}).words, HasSubstr("does not tell how much time"));
  EXPECT_EQ(ImportBytes("a;b 1\n", {}).status, 2);
  EXPECT_THAT(ImportBytes("a;b 1\n", {"--unit", "hours"}).words, HasSubstr("no unit 'hours'"));
  EXPECT_THAT(ImportBytes("a;b 1\n", {"--from", "prof"}).words, HasSubstr("no format 'prof'"));
  EXPECT_THAT(ImportBytes("", {}).words, HasSubstr("the file is empty"));
  EXPECT_THAT(ImportBytes(" \n", {"--unit", "us"}).words, HasSubstr("the file is empty"));
  EXPECT_EQ(ImportBytes("nothing of the kind\n", {"--unit", "us"}).status, 1);
  EXPECT_THAT(ImportBytes(kPerf, {"--event", "instructions"}).words, HasSubstr("no samples"));
  const std::string huge = "a;b 18446744073709551615\na;b 18446744073709551615\n";
  EXPECT_EQ(ImportBytes(huge, {"--unit", "ms"}).status, 1);
  EXPECT_EQ(RunTwofold({"import", TemporaryPath("nowhere"), "-o", TemporaryPath("x")}).status, 1);
  EXPECT_EQ(RunTwofold({"import", TemporaryPath("nowhere")}).status, 2);
}

TEST_F(Import, EveryPrefixOfATextIsReadOrRefused) {
  const std::string text = kPerf;
  for (size_t length = 0; length <= text.size(); length += 3) {
    const RunResult result = ImportBytes(text.substr(0, length), {"--frequency", "99"});
    EXPECT_TRUE(result.status == 0 || result.status == 1) << length << ": " << result.words;
  }
}

}  // namespace
}  // namespace twofold::testing
