// The small things under the format: UTF-8, definitions, losses, look-ups.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "format/base/utf8.h"
#include "format/capture.h"
#include "format/definitions_builder.h"
#include "format/loss_advice.h"

namespace twofold::testing {
namespace {

TEST(Utf8, WellFormedTextIsAccepted) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("plain text that is longer than a word"));
  EXPECT_TRUE(IsUtf8(std::string_view("nul\0inside", 10)));
  EXPECT_TRUE(IsUtf8("\xC2\x80 \xDF\xBF"));                  // U+0080, U+07FF
  EXPECT_TRUE(IsUtf8("\xE0\xA0\x80 \xEF\xBF\xBF"));          // U+0800, U+FFFF
  EXPECT_TRUE(IsUtf8("\xED\x9F\xBF \xEE\x80\x80"));          // around the surrogates
  EXPECT_TRUE(IsUtf8("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));  // U+10000, U+10FFFF
}

TEST(Utf8, IllFormedTextIsRefused) {
  for (const char* text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xE0\xA0", "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF0\x90\x80", "\xFF",
        "eight by\xFF", "\xE2\x82"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
    EXPECT_FALSE(IsUtf8(std::string("longer than a word: ") + text)) << text;
  }
}

TEST(Utf8, BadBytesAreEscapedAndTheRestKept) {
  EXPECT_EQ(EscapeNonUtf8("a\xFFz"), "a\\xffz");
  EXPECT_EQ(EscapeNonUtf8("\xC3\xB6\xC3"), "\xC3\xB6\\xc3");
  EXPECT_EQ(EscapeNonUtf8("\xED\xA0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(EscapeNonUtf8("tab\tand \\"), "tab\tand \\");
}

TEST(DefinitionsBuilder, SameThingsGetTheSameIds) {
  DefinitionsBuilder builder;
  StringId name = builder.InternString("name");
  EXPECT_EQ(name, StringId(1));
  EXPECT_EQ(builder.InternString("other"), StringId(2));
  EXPECT_EQ(builder.InternString("name"), name);
  EXPECT_EQ(builder.InternString(""), StringId(0));
  Module module{ModuleKind::kUserFile, name, {}};
  EXPECT_EQ(builder.InternModule(module), ModuleId(1));
  EXPECT_EQ(builder.InternModule(module), ModuleId(1));
  module.kind = ModuleKind::kVdso;
  EXPECT_EQ(builder.InternModule(module), ModuleId(2));
  Frame frame{ModuleId(1), name, 16};
  EXPECT_EQ(builder.InternFrame(frame), FrameId(1));
  EXPECT_EQ(builder.InternFrame(frame), FrameId(1));
  frame.offset = 17;
  EXPECT_EQ(builder.InternFrame(frame), FrameId(2));
}

TEST(DefinitionsBuilder, StacksShareTheirBeginnings) {
  DefinitionsBuilder builder;
  FrameId a = builder.InternSpecialFrame("[a]");
  FrameId b = builder.InternSpecialFrame("[b]");
  FrameId c = builder.InternSpecialFrame("[c]");
  StackId abc = builder.InternStack(std::vector{a, b, c});
  StackId abb = builder.InternStack(std::vector{a, b, b});
  EXPECT_EQ(builder.InternStack(std::vector{a, b, c}), abc);
  EXPECT_EQ(builder.InternStack({}), StackId(0));
  EXPECT_EQ(builder.stack_count(), 4U);  // a, a b, a b c, a b b
  Definitions fresh = builder.TakeNew();
  ASSERT_EQ(fresh.stacks.size(), 4U);
  EXPECT_EQ(fresh.stacks[abc.value - 1].frame, c);
  EXPECT_EQ(fresh.stacks[abb.value - 1].frame, b);
  EXPECT_EQ(fresh.stacks[abc.value - 1].parent, fresh.stacks[abb.value - 1].parent);
  EXPECT_EQ(fresh.stacks[0].parent, StackId(0));
}

TEST(DefinitionsBuilder, ChainsShareTheirEnds) {
  DefinitionsBuilder builder;
  Thread thread;
  thread.process = builder.AddProcess({});
  Waker timer;
  timer.kind = WakerKind::kTimer;
  timer.kernel_stack = builder.InternStack(std::vector{builder.InternSpecialFrame("[timer]")});
  Waker task;
  task.thread = builder.AddThread(thread);
  WakerId by_timer = builder.InternWaker(timer);
  WakerId by_task = builder.InternWaker(task);
  EXPECT_EQ(by_timer, WakerId(1));
  EXPECT_EQ(by_task, WakerId(2));
  EXPECT_EQ(builder.InternWaker(timer), by_timer);
  ChainId end = builder.InternChain({}, by_timer);
  ChainId task_then_timer = builder.InternChain(end, by_task);
  ChainId task_alone = builder.InternChain({}, by_task);
  EXPECT_EQ(builder.InternChain(end, by_task), task_then_timer);
  EXPECT_NE(task_alone, task_then_timer);
  Capture capture;
  capture.definitions = builder.TakeNew();
  EXPECT_EQ(capture.definitions.wakers, (std::vector<Waker>{timer, task}));
  EXPECT_EQ(capture.definitions.chains,
            (std::vector<Chain>{{by_timer, {}}, {by_task, end}, {by_task, {}}}));
  EXPECT_EQ(capture.GetChain(task_then_timer).next, end);
  EXPECT_EQ(capture.GetWaker(capture.GetChain(end).waker).kind, WakerKind::kTimer);
  EXPECT_EQ(capture.GetChain(ChainId(4)), Chain());
  EXPECT_EQ(capture.GetWaker(WakerId(0)), Waker());
  // What is known does not come again, and counts go on.
  EXPECT_EQ(builder.InternChain(task_alone, by_timer), ChainId(4));
  EXPECT_TRUE(builder.TakeNew().wakers.empty());
}

TEST(DefinitionsBuilder, SpecialFramesAreMessages) {
  DefinitionsBuilder builder;
  FrameId id = builder.InternSpecialFrame("[stack lost: map full]");
  EXPECT_EQ(builder.InternSpecialFrame("[stack lost: map full]"), id);
  Capture capture;
  capture.definitions = builder.TakeNew();
  const Frame& frame = capture.GetFrame(id);
  EXPECT_EQ(capture.String(frame.symbol), "[stack lost: map full]");
  EXPECT_EQ(capture.GetModule(frame.module).kind, ModuleKind::kSpecial);
}

TEST(DefinitionsBuilder, TakeNewGivesWhatWasAddedSince) {
  DefinitionsBuilder builder;
  builder.InternString("first");
  EXPECT_EQ(builder.TakeNew().strings, std::vector<std::string>{"first"});
  EXPECT_TRUE(builder.TakeNew().empty());
  builder.InternString("first");
  EXPECT_TRUE(builder.TakeNew().empty());
  EXPECT_EQ(builder.InternString("second"), StringId(2));
  EXPECT_EQ(builder.TakeNew().strings, std::vector<std::string>{"second"});
}

TEST(DefinitionsBuilder, NamesThatAreNotUtf8AreEscaped) {
  DefinitionsBuilder builder;
  StringId bad = builder.InternString("w\xFFrk");
  EXPECT_EQ(builder.InternString("w\xFFrk"), bad);
  EXPECT_EQ(builder.TakeNew().strings, std::vector<std::string>{"w\\xffrk"});
}

TEST(DefinitionsBuilder, ProcessesAndThreadsAreNeverMerged) {
  DefinitionsBuilder builder;
  Process process;
  process.pid = Pid(7);
  ProcessId first = builder.AddProcess(process);
  EXPECT_NE(builder.AddProcess(process), first);
  Thread thread;
  thread.process = first;
  ThreadId one = builder.AddThread(thread);
  EXPECT_NE(builder.AddThread(thread), one);
}

TEST(DefinitionsBuilderDeathTest, IdsThatWereNotHandedOutAreOurBug) {
  DefinitionsBuilder builder;
  EXPECT_DEATH(builder.InternStackNode(StackId(), FrameId(1)), "frame");
  EXPECT_DEATH(builder.InternStackNode(StackId(1), FrameId()), "parent");
  EXPECT_DEATH(builder.AddThread(Thread()), "process");
}

TEST(Capture, LooksUpByIdAndKnowsNone) {
  Capture capture;
  capture.definitions.strings = {"one", "two"};
  EXPECT_EQ(capture.String(StringId(2)), "two");
  EXPECT_EQ(capture.String(StringId(0)), "");
  EXPECT_EQ(capture.String(StringId(3)), "");
  EXPECT_EQ(capture.GetProcess(ProcessId(9)), Process());
  EXPECT_EQ(capture.GetStack(StackId(UINT32_MAX)), StackNode());
}

TEST(Capture, WithoutEndOrWithDamageIsPartial) {
  Capture capture;
  EXPECT_TRUE(capture.partial());
  capture.end.emplace();
  EXPECT_FALSE(capture.partial());
  capture.damages.push_back({0, "something"});
  EXPECT_TRUE(capture.partial());
}

TEST(Capture, BlockStatesHaveTheLettersOfPs) {
  std::string letters;
  for (uint8_t state = 1; state <= 7; ++state) {
    letters += BlockStateLetter(static_cast<BlockState>(state));
  }
  EXPECT_EQ(letters, "SDTtPI?");
}

TEST(LossRegistry, HasEveryCauseOnceInOrder) {
  std::set<std::string_view> names;
  uint16_t number = 0;
  for (const LossInfo& info : LossRegistry()) {
    EXPECT_EQ(uint16_t(info.cause), number++);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.description.ends_with('.')) << info.name;
    EXPECT_TRUE(info.advice.ends_with('.')) << info.name;
  }
}

TEST(LossRegistry, UnknownCausesAreKnownAsUnknown) {
  EXPECT_EQ(GetLossInfo(LossCause::kMapBusy).name, "map-busy");
  EXPECT_EQ(GetLossInfo(static_cast<LossCause>(40000)).cause, LossCause::kUnknown);
}

// Who records one process already is not told to; and nothing is advised that does not help.
TEST(LossRegistry, NarrowingIsAdvisedOnlyWhereTheWholeHostWasRecorded) {
  for (const LossInfo& info : LossRegistry()) {
    for (const char* scope : {"processes", "threads", "cgroup", "command", ""}) {
      EXPECT_EQ(LossAdvice(info, scope), info.advice) << info.name;
      EXPECT_EQ(LossAdvice(info, scope).find("-p "), std::string::npos) << info.name;
      EXPECT_EQ(LossAdvice(info, scope).find("-p,"), std::string::npos) << info.name;
      EXPECT_EQ(LossAdvice(info, scope).find("-p."), std::string::npos) << info.name;
    }
  }
  const std::string narrow = "Recording a part of the host (-p, --cgroup) helps, too.";
  EXPECT_TRUE(LossAdvice(GetLossInfo(LossCause::kRowMapFull), "system").ends_with(narrow));
  // Events of all processes pass through one buffer, whatever is recorded.
  EXPECT_FALSE(LossAdvice(GetLossInfo(LossCause::kEventsLost), "system").ends_with(narrow));
}

TEST(LossRegistry, SourcesHaveNames) {
  EXPECT_EQ(LossSourceName(LossSource::kRecorder), "recorder");
  EXPECT_EQ(LossSourceName(LossSource::kCpu), "cpu");
  EXPECT_EQ(LossSourceName(LossSource::kOffCpu), "offcpu");
  EXPECT_EQ(LossSourceName(LossSource::kCpi), "cpi");
  EXPECT_EQ(LossSourceName(LossSource::kMemory), "memleak");
  EXPECT_EQ(LossSourceName(LossSource::kTcp), "tcp");
  EXPECT_EQ(LossSourceName(LossSource::kExec), "exec");
  EXPECT_EQ(LossSourceName(LossSource::kFaults), "faults");
}

}  // namespace
}  // namespace twofold::testing
