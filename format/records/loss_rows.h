// Losses of an interval: table Losses.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "format/losses.h"
#include "format/records/row_fields.h"

namespace twofold {

struct Loss {
  LossCause cause = LossCause::kUnknown;
  LossSource source = LossSource::kRecorder;
  uint64_t count = 0;
  uint64_t time_ns = 0;  // 0 where only the count is known

  friend bool operator==(const Loss&, const Loss&) = default;
};

template <>
struct RowKind<Loss> : RowKindDefaults {
  // Causes and sources of newer versions are kept as the first of their kind.
  static LossCause KnownCause(LossCause cause) { return GetLossInfo(cause).cause; }

  static constexpr const char* kTable = "losses";
  static constexpr size_t kFullColumns = 4;
  static constexpr std::tuple kFields = {
      field::Key("cause", &Loss::cause, KnownCause),
      field::Key("source", &Loss::source, field::UpTo<kLastLossSource>),
      field::Sum("count", &Loss::count),
      field::Sum("time_ns", &Loss::time_ns),
  };
};

}  // namespace twofold
