// Where blocked threads wait, and whether what they wait for is work: told from the functions of
// their stacks by wait_places.txt, which says how.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analyzer/waits/wait_kinds.h"
#include "format/base/result.h"

namespace twofold {

struct WaitFunction {
  std::string_view name;  // as shown; its kind as below
  bool is_kernel = false;
};

// Whose waiting for work it is.
enum class IdleKind : uint8_t { kNone, kKernelThread, kPool, kEvents, kTimer };
constexpr size_t kIdleKinds = 5;

// For sentences: "kernel threads".
std::string_view NameOf(IdleKind kind);

class WaitPlaces {
 public:
  // The table of the program. Error: it holds a wrong line; that is a bug, and tests see it.
  static Result<WaitPlaces> Load();

  // `text` in the form of wait_places.txt; `name` is what errors call it.
  static Result<WaitPlaces> Parse(std::string_view text, const std::string& name);

  // Index of the place that waits among the functions of a stack, innermost first: the first one
  // that is no machinery of waiting; where all are, the outermost that is more than the kernel's
  // entry. npos: there are no functions.
  size_t PlaceOf(std::span<const WaitFunction> functions);

  // kNone: it waits for something in particular, or nothing tells.
  IdleKind IdleOf(std::span<const WaitFunction> functions);

  static constexpr size_t npos = SIZE_MAX;

 private:
  enum class Word : uint8_t { kUnknown, kMachinery, kEntry, kPool, kEvents, kTimer, kResult };
  struct Line {
    std::string pattern;
    Word word;
  };

  explicit WaitPlaces(WaitKinds kinds) : kinds_(std::move(kinds)) {}
  Result<void> Add(std::string_view text, const std::string& name);
  // What the lines say of a function: whether it is machinery, and what is waited for in it.
  struct Meaning {
    bool is_machinery = false;
    bool is_entry = false;
    Word waits_for = Word::kUnknown;
  };
  const Meaning& MeaningOf(std::string_view function);

  WaitKinds kinds_;
  std::vector<Line> lines_;
  std::unordered_map<std::string, Meaning> meanings_;  // by function, as they are met
};

}  // namespace twofold
