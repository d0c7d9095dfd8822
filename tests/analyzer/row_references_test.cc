// What rows refer to when a capture's stacks are made anew: every kind of row, every reference.
#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "analyzer/symbolize/symbolized_capture.h"
#include "format/capture_reader.h"

namespace twofold::testing {
namespace {

class StringSink : public ByteSink {
 public:
  Result<void> Append(std::span<const uint8_t> bytes) override {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return {};
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

// A capture in which every reference of a row of every kind is to a definition of its own. Copied,
// all strings, stacks and chains get other ids: the first of each are there twice, or unused.
class EveryReference {
 public:
  EveryReference() {
    definitions().modules = {{.kind = ModuleKind::kSpecial}};
    definitions().processes = {Process()};
    definitions().strings = {"twice", "twice"};
    NewStack();
    definitions().threads = {{.process = ProcessId(1)}};
    definitions().wakers = {{.thread = ThreadId(1)}, {.thread = ThreadId(1)}};
    definitions().chains = {{.waker = WakerId(1)}, {.waker = WakerId(2)}};
    capture_.intervals.emplace_back();
    ForEachRowTable([&](const auto& table) {
      auto* rows = table.Make(capture_.intervals[0]);
      ASSERT_NE(rows, nullptr) << table.name;
      ForEachReference(rows->emplace_back(), [&](auto& id) { New(id); });
    });
    capture_.end = End{.intervals = 1};
  }

  const Capture& capture() const { return capture_; }

 private:
  Definitions& definitions() { return capture_.definitions; }

  template <typename Identifier, typename T>
  static void Add(std::vector<T>& all, const T& fresh, Identifier& id) {
    all.push_back(fresh);
    id = Identifier(uint32_t(all.size()));
  }

  StackId NewStack() {
    StackId stack;
    New(stack);
    return stack;
  }
  void New(StringId& id) {
    const size_t number = definitions().strings.size();
    Add(definitions().strings, "string " + std::to_string(number), id);
  }
  void New(StackId& id) {
    Frame frame{.module = ModuleId(1)};
    New(frame.symbol);
    FrameId frame_id;
    Add(definitions().frames, frame, frame_id);
    Add(definitions().stacks, {.parent = StackId(), .frame = frame_id}, id);
  }
  void New(ThreadId& id) {
    Thread thread{.process = ProcessId(1)};
    New(thread.name);
    Add(definitions().threads, thread, id);
  }
  void New(ChainId& id) {
    Waker waker;
    New(waker.thread);
    New(waker.kernel_stack);
    New(waker.user_stack);
    Chain chain;
    Add(definitions().wakers, waker, chain.waker);
    Add(definitions().chains, chain, id);
  }

  Capture capture_;
};

// What an id stands for.
std::string Told(const Capture& capture, StringId id) { return capture.String(id); }
std::string Told(const Capture& capture, StackId id) {
  return "stack of " + capture.String(capture.GetFrame(capture.GetStack(id).frame).symbol);
}
std::string Told(const Capture& capture, ThreadId id) {
  return "thread " + capture.String(capture.GetThread(id).name);
}
std::string Told(const Capture& capture, ChainId id) {
  std::string told = "woken by";
  Waker waker = capture.GetWaker(capture.GetChain(id).waker);
  ForEachReference(waker, [&](auto of_waker) { told += " " + Told(capture, of_waker); });
  return told;
}

// Of all references of an interval's rows: kind of row, and what is told of it.
std::vector<std::string> AllTold(const Capture& capture) {
  std::vector<std::string> all;
  ForEachRow(capture.intervals.at(0), [&]<typename Row>(const Row& row) {
    ForEachReference(row, [&](auto id) {
      all.push_back(std::string(RowKind<Row>::kTable) + ": " + Told(capture, id));
    });
  });
  return all;
}

std::vector<uint32_t> NumbersOfAllButThreads(const Interval& interval) {
  std::vector<uint32_t> numbers;
  ForEachRow(interval, [&](const auto& row) {
    ForEachReference(row, [&]<typename Identifier>(Identifier id) {
      if (!std::is_same_v<Identifier, ThreadId>) numbers.push_back(id.value);
    });
  });
  return numbers;
}

TEST(RowReferences, OfEveryKindAreTheSameInASymbolizedCapture) {
  const EveryReference made;
  StringSink sink;
  ASSERT_TRUE(WriteSymbolized(made.capture(), {}, sink).has_value());
  Result<Capture> copy = ReadCapture(sink.bytes(), "copy");
  ASSERT_TRUE(copy.has_value());
  ASSERT_TRUE(copy->damages.empty()) << copy->damages[0].what;
  ASSERT_EQ(copy->intervals.size(), 1U);
  EXPECT_EQ(AllTold(*copy), AllTold(made.capture()));
  ForEachRowTable([&](const auto& table) {
    const auto* rows = table.Find(copy->intervals[0]);
    ASSERT_NE(rows, nullptr) << table.name;
    EXPECT_EQ(rows->size(), 1U) << table.name;
  });
  // An id that was forgotten would stand for something else.
  const std::vector<uint32_t> before = NumbersOfAllButThreads(made.capture().intervals[0]);
  const std::vector<uint32_t> after = NumbersOfAllButThreads(copy->intervals[0]);
  ASSERT_EQ(after.size(), before.size());
  EXPECT_GE(before.size(), 22U);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_NE(after[i], before[i]) << i;
}

}  // namespace
}  // namespace twofold::testing
