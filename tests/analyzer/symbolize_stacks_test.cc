// Stacks made anew from what debug files told, without debug files: by hand.
#include <gtest/gtest.h>

#include <random>

#include "analyzer/symbolize/symbolized_capture.h"
#include "format/capture_reader.h"
#include "format/container.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

constexpr char kBuildId[] = "abcd";

// What a debug file tells: places are named as they are asked for, with "f:12" for each frame.
class Answers {
 public:
  void Tell(uint64_t offset, bool is_caller, const std::vector<std::string>& frames,
            bool is_symbol = false) {
    SourcePlace place;
    place.is_symbol = is_symbol;
    for (const std::string& frame : frames) {
      size_t colon = frame.find(':');
      place.frames.push_back({Text(frame.substr(0, colon)), Text("/src/a.c"),
                              uint32_t(std::stoul(frame.substr(colon + 1)))});
    }
    told_[{offset, is_caller}] = place;
  }

  FoundPlaces Found() const {
    FileAnswer file;
    file.answers.texts = texts_;
    for (const auto& [place, answer] : told_) {
      file.places.push_back(place);
      file.answers.places.push_back(answer);
    }
    return {{kBuildId, file}};
  }

 private:
  TextIndex Text(const std::string& text) {
    if (text.empty()) return 0;
    texts_.push_back(text);
    return static_cast<TextIndex>(texts_.size() - 1);
  }

  std::map<CodePlace, SourcePlace> told_;
  std::vector<std::string> texts_ = {""};
};

Capture Read(const std::string& bytes) {
  Result<Capture> capture =
      ReadCapture({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "test");
  EXPECT_TRUE(capture.has_value()) << capture.error().Message();
  if (!capture) return {};
  EXPECT_TRUE(capture->damages.empty());
  return std::move(*capture);
}

// Offsets of a file, root first, as a stack; 0 is a frame with the name "[special]".
StackId StackOf(CaptureMaker& maker, const std::vector<uint64_t>& offsets,
                const std::string& symbol = "") {
  DefinitionsBuilder& builder = maker.definitions();
  std::vector<FrameId> frames;
  for (uint64_t offset : offsets) {
    if (offset == 0) {
      frames.push_back(builder.InternSpecialFrame("[special]"));
      continue;
    }
    Frame frame;
    frame.module = builder.InternModule(
        {ModuleKind::kUserFile, builder.InternString("/bin/app"), builder.InternString(kBuildId)});
    frame.offset = offset;
    frame.symbol = builder.InternString(symbol);
    frames.push_back(builder.InternFrame(frame));
  }
  return builder.InternStack(frames);
}

// "main:3 work:5* ? [special]": inlined frames have a star.
std::string TextOf(const Capture& capture, StackId stack) {
  std::string text;
  for (; stack.value != 0; stack = capture.GetStack(stack).parent) {
    const Frame& frame = capture.GetFrame(capture.GetStack(stack).frame);
    std::string name = frame.symbol.value == 0 ? "?" : capture.String(frame.symbol);
    if (frame.line != 0) name += ":" + std::to_string(frame.line);
    if (frame.inlined) name += "*";
    text = name + (text.empty() ? "" : " ") + text;
  }
  return text;
}

struct Written {
  std::string bytes;
  SymbolizedCounts counts;
};

Written Write(const Capture& capture, const Answers& answers) {
  MemorySink sink;
  Result<SymbolizedCounts> counts = WriteSymbolized(capture, answers.Found(), sink);
  EXPECT_TRUE(counts.has_value()) << counts.error().Message();
  return {sink.bytes, counts ? *counts : SymbolizedCounts()};
}

// The user stacks of the CPU samples of a capture that was made and symbolized.
std::vector<std::string> Stacks(CaptureMaker& maker, const Answers& answers) {
  maker.EndInterval();
  Written once = Write(Read(maker.Finish()), answers);
  Capture capture = Read(once.bytes);
  EXPECT_EQ(Write(capture, answers).bytes, once.bytes) << "again";
  EXPECT_EQ(Write(capture, Answers()).bytes, once.bytes) << "without files";
  std::vector<std::string> texts;
  for (const CpuRow& row : capture.intervals.at(0).cpu->rows) {
    texts.push_back(TextOf(capture, row.user_stack));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(SymbolizedStacks, CallersAreWhereTheirCallIs) {
  CaptureMaker maker({"cpu"});
  ThreadId thread = maker.AddThread("app", 1);
  // One node as the innermost frame and as a caller.
  maker.Cpu(thread, StackOf(maker, {0x10}), {}, 1);
  maker.Cpu(thread, StackOf(maker, {0x10, 0x20}), {}, 1);
  Answers answers;
  answers.Tell(0x10, false, {"after:11"});
  answers.Tell(0x10, true, {"main:3", "call:4"});
  answers.Tell(0x20, false, {"work:7", "twice:8", "once:9"});
  EXPECT_EQ(Stacks(maker, answers), (Texts{"after:11", "main:3 call:4* work:7 twice:8* once:9*"}));
}

TEST(SymbolizedStacks, BeginningsThatAreTheSameStayShared) {
  CaptureMaker maker({"cpu"});
  ThreadId thread = maker.AddThread("app", 1);
  maker.Cpu(thread, StackOf(maker, {0x10}), {}, 1);
  maker.Cpu(thread, StackOf(maker, {0x10, 0x20}), {}, 1);
  maker.Cpu(thread, StackOf(maker, {0x10, 0x30}), {}, 1);
  Answers answers;
  answers.Tell(0x10, false, {"main:3"});
  answers.Tell(0x10, true, {"main:3", "call:4"});
  EXPECT_EQ(Stacks(maker, answers), (Texts{"main:3", "main:3 call:4* ?", "main:3 call:4* ?"}));
}

TEST(SymbolizedStacks, InlinedOnlyWhereTheThreadWasGoAgainWithTheFunction) {
  CaptureMaker maker({"cpu"});
  ThreadId thread = maker.AddThread("app", 1);
  maker.Cpu(thread, StackOf(maker, {0x10}), {}, 1);
  maker.Cpu(thread, StackOf(maker, {0x10, 0x20}), {}, 1);
  Answers answers;
  answers.Tell(0x10, false, {"main:3", "in:5"});
  answers.Tell(0x10, true, {"main:3"});
  answers.Tell(0x20, false, {"work:7"});
  EXPECT_EQ(Stacks(maker, answers), (Texts{"main:3 in:5*", "main:3 work:7"}));
}

TEST(SymbolizedStacks, RecordedNamesStayWhereNoBetterIsTold) {
  CaptureMaker maker({"cpu"});
  ThreadId thread = maker.AddThread("app", 1);
  for (uint64_t offset : {0x10, 0x20, 0x30, 0x40}) {
    maker.Cpu(thread, StackOf(maker, {offset}, "recorded"), {}, 1);
  }
  maker.Cpu(thread, StackOf(maker, {0x30, 0}), {}, 1);
  Answers answers;
  answers.Tell(0x10, false, {"told:1"});
  answers.Tell(0x20, false, {":2"});             // a line without a function
  answers.Tell(0x30, false, {"alias:0"}, true);  // of a symbol table
  answers.Tell(0x30, true, {"alias:0"}, true);
  EXPECT_EQ(Stacks(maker, answers),
            (Texts{"told:1", "recorded:2", "recorded", "recorded", "alias [special]"}));
}

TEST(SymbolizedStacks, InlinedCallsWithoutANameAreLeftOut) {
  CaptureMaker maker({"cpu"});
  ThreadId thread = maker.AddThread("app", 1);
  maker.Cpu(thread, StackOf(maker, {0x10}), {}, 1);
  Answers answers;
  answers.Tell(0x10, false, {"main:3", ":4", "in:5"});
  EXPECT_EQ(Stacks(maker, answers), (Texts{"main:3 in:5*"}));
}

TEST(SymbolizedStacks, NoStackGetsTooDeep) {
  for (size_t frames : {400u, 1023u, 1024u}) {
    CaptureMaker maker({"cpu"});
    ThreadId thread = maker.AddThread("app", 1);
    std::vector<uint64_t> offsets(frames, 0x10);
    StackId whole = StackOf(maker, offsets);
    maker.Cpu(thread, whole, {}, 1);
    maker.EndInterval();
    Answers answers;
    answers.Tell(0x10, false, {"f:1", "g:2", "h:3"});
    answers.Tell(0x10, true, {"f:1", "g:2", "h:3"});
    Written written = Write(Read(maker.Finish()), answers);
    Capture capture = Read(written.bytes);
    std::string text = TextOf(capture, capture.intervals.at(0).cpu->rows.at(0).user_stack);
    size_t functions = 0;
    for (size_t at = 0; (at = text.find("f:1", at)) != std::string::npos; ++at) ++functions;
    EXPECT_EQ(functions, frames);
    EXPECT_EQ(capture.definitions.stacks.size(), size_t{container::kMaxStackFrames});
    EXPECT_EQ(written.counts.inlined_left_out, frames * 3 - container::kMaxStackFrames);
    EXPECT_EQ(Write(capture, answers).bytes, written.bytes) << frames;
  }
}

TEST(SymbolizedStacks, EveryKindOfRowNamesItsNewStack) {
  CaptureMaker maker({"cpu", "offcpu", "cpi", "memleak", "tcp", "exec", "faults"});
  ThreadId thread = maker.AddThread("app", 1);
  StackId user = StackOf(maker, {0x20, 0x10});
  StackId kernel = maker.Stack({"k:schedule"});
  ChainId chain = maker.Chain({maker.Task(thread, user, kernel), maker.Task(thread, user, {})});
  maker.Cpu(thread, user, kernel, 1);
  maker.AddBlocked({.thread = thread,
                    .state = BlockState::kInterruptible,
                    .kernel_stack = kernel,
                    .user_stack = user,
                    .time_ns = 5,
                    .chain = chain});
  maker.AddWaiting({.thread = thread, .kernel_stack = kernel, .user_stack = user, .time_ns = 7});
  maker.interval().exemplars = {{.kind = ExemplarKind::kInterruptible,
                                 .thread = thread,
                                 .end_ns = 9,
                                 .kernel_stack = kernel,
                                 .user_stack = user,
                                 .chain = chain}};
  maker.Count(thread, user, kernel, 2, 1, 1, 1);
  maker.Allocated({AllocationKind::kMalloc, thread, kernel, user, 64, 1, 1});
  maker.Outstanding({AllocationKind::kMalloc, thread, kernel, user, 2, 64, 1, 1});
  maker.Faulted({PageFaultKind::kMinor, thread, kernel, user, 3, 3, 0});
  RetransmitRow sent{.thread = thread, .kernel_stack = kernel, .packets = 1, .segments = 1};
  sent.local_address = maker.Text("192.0.2.1");
  sent.remote_address = maker.Text("192.0.2.2");
  maker.RetransmittedAt(maker.Retransmitted(sent), 11, 1, 0);
  ExecRow executed{.thread = thread, .time_ns = 13};
  executed.parent_name = maker.Text("sh");
  executed.file = maker.Text("/bin/app");
  executed.arguments = maker.Text(std::string("app\0-v\0", 7));
  maker.Executed(executed);
  maker.EndInterval();
  Answers answers;
  answers.Tell(0x10, false, {"f:1", "g:2"});
  answers.Tell(0x20, true, {"main:8", "call:9"});
  Capture capture = Read(Write(Read(maker.Finish()), answers).bytes);
  const std::string wanted = "main:8 call:9* f:1 g:2*";
  const Interval& interval = capture.intervals.at(0);
  auto check = [&](const auto& row) {
    EXPECT_EQ(TextOf(capture, row.user_stack), wanted);
    EXPECT_EQ(TextOf(capture, row.kernel_stack), "schedule");
  };
  check(interval.cpu->rows.at(0));
  check(interval.blocked->at(0));
  check(interval.waiting->at(0));
  check(interval.exemplars.at(0));
  check(interval.counters->rows.at(0));
  check(interval.allocations->at(0));
  check(interval.page_faults->at(0));
  check(interval.outstanding->at(0));
  const RetransmitRow& sent_again = interval.retransmits->rows.at(0);
  EXPECT_EQ(TextOf(capture, sent_again.kernel_stack), "schedule");
  EXPECT_EQ(capture.String(sent_again.local_address), "192.0.2.1");
  EXPECT_EQ(capture.String(sent_again.remote_address), "192.0.2.2");
  EXPECT_EQ(interval.retransmits->events.size(), 1U);
  const ExecRow& program = interval.execs->at(0);
  EXPECT_EQ(capture.String(program.parent_name), "sh");
  EXPECT_EQ(capture.String(program.file), "/bin/app");
  EXPECT_EQ(capture.String(program.arguments), std::string("app\0-v\0", 7));
  const Chain& told = capture.GetChain(interval.blocked->at(0).chain);
  check(capture.GetWaker(told.waker));
  EXPECT_EQ(TextOf(capture, capture.GetWaker(capture.GetChain(told.next).waker).user_stack),
            wanted);
  EXPECT_EQ(interval.exemplars[0].chain, interval.blocked->at(0).chain);
  EXPECT_EQ(interval.blocked->at(0).time_ns, 5U);
}

// Where the frames of a stack that are no inlined calls are, root first.
std::vector<uint64_t> OffsetsOf(const Capture& capture, StackId stack) {
  std::vector<uint64_t> offsets;
  for (; stack.value != 0; stack = capture.GetStack(stack).parent) {
    const Frame& frame = capture.GetFrame(capture.GetStack(stack).frame);
    if (!frame.inlined) offsets.insert(offsets.begin(), frame.offset);
  }
  return offsets;
}

TEST(SymbolizedStacks, StayTheSameStacksWhateverIsToldInWhateverOrder) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    CaptureMaker maker({"cpu"});
    ThreadId thread = maker.AddThread("app", 1);
    for (int row = 0; row < 20; ++row) {
      std::vector<uint64_t> offsets(1 + random() % 6);
      for (uint64_t& offset : offsets) offset = 1 + random() % 5;
      maker.Cpu(thread, StackOf(maker, offsets, random() % 2 == 0 ? "recorded" : ""), {}, 1);
    }
    maker.EndInterval();
    const Capture original = Read(maker.Finish());
    // Each file knows some of the places, and may call them otherwise.
    auto some_answers = [&] {
      Answers answers;
      for (uint64_t offset = 1; offset <= 5; ++offset) {
        for (bool is_caller : {false, true}) {
          std::vector<std::string> frames(random() % 4);
          for (std::string& frame : frames) {
            frame = std::string(1, char('a' + random() % 3)) + ":" + std::to_string(random() % 3);
          }
          if (random() % 3 != 0) answers.Tell(offset, is_caller, frames, random() % 2 == 0);
        }
      }
      return answers;
    };
    Capture capture = original;
    for (int file = 0; file < 4; ++file) {
      const Answers answers = some_answers();
      const std::string bytes = Write(capture, answers).bytes;
      capture = Read(bytes);
      ASSERT_EQ(Write(capture, answers).bytes, bytes) << "round " << round << ", file " << file;
      for (size_t row = 0; row < 20; ++row) {
        ASSERT_EQ(OffsetsOf(capture, capture.intervals.at(0).cpu->rows.at(row).user_stack),
                  OffsetsOf(original, original.intervals.at(0).cpu->rows.at(row).user_stack));
      }
    }
  }
}

// Strings that are there twice, empty strings, frames that say they are inlined and are roots.
TEST(SymbolizedStacks, StrangeButValidCapturesAreTaken) {
  Definitions definitions;
  definitions.strings = {"", kBuildId, kBuildId, "name", "name"};
  definitions.modules = {{ModuleKind::kUserFile, StringId(1), StringId(3)},
                         {ModuleKind::kUserFile, StringId(1), StringId(2)}};
  definitions.frames = {
      {.module = ModuleId(1), .symbol = StringId(5), .offset = 0x10, .inlined = true},
      {.module = ModuleId(2), .symbol = StringId(4), .offset = 0x10, .inlined = true},
      {.module = ModuleId(), .symbol = StringId(), .offset = 0x10, .inlined = true}};
  definitions.stacks = {{StackId(), FrameId(1)},
                        {StackId(1), FrameId(1)},
                        {StackId(2), FrameId(2)},
                        {StackId(3), FrameId(3)},
                        {StackId(), FrameId(2)}};
  definitions.processes = {Process()};
  definitions.threads = {{.process = ProcessId(1)}};
  Interval interval;
  interval.cpu = CpuRows{1, {}};
  for (uint32_t stack = 0; stack <= 5; ++stack) {
    interval.cpu->rows.push_back({ThreadId(1), StackId(stack), StackId(5 - stack), 1});
  }
  MemorySink sink;
  CaptureWriter writer(sink);
  ASSERT_TRUE(writer.Start(Recording()).has_value());
  ASSERT_TRUE(writer.WriteDefinitions(definitions).has_value());
  ASSERT_TRUE(writer.WriteInterval(interval).has_value());
  ASSERT_TRUE(writer.Finish({.intervals = 1}).has_value());
  Answers answers;
  answers.Tell(0x10, false, {"f:1", "g:2"});
  answers.Tell(0x10, true, {"main:8"});
  for (const Answers& told : {answers, Answers()}) {
    Capture once = Read(Write(Read(sink.bytes), told).bytes);
    EXPECT_EQ(once.intervals.at(0).cpu->rows.size(), 6U);
  }
}

}  // namespace
}  // namespace twofold::testing
