// Index types that the compiler keeps apart. Ids of a capture are dense: the n-th definition of a
// kind has id n.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace twofold {

template <typename Tag, typename Rep = uint32_t>
struct Id {
  Rep value = 0;

  constexpr Id() = default;
  explicit constexpr Id(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

// Ids of definitions in a capture; for each kind, 0 means "none" (see format/capture.h).
using StringId = Id<struct StringTag>;
using ModuleId = Id<struct ModuleTag>;
using FrameId = Id<struct FrameTag>;
using StackId = Id<struct StackTag>;
using ProcessId = Id<struct ProcessTag>;
using ThreadId = Id<struct ThreadTag>;
using WakerId = Id<struct WakerTag>;
using ChainId = Id<struct ChainTag>;

// Numbers that the kernel gave, in the initial pid namespace.
using Pid = Id<struct PidTag>;  // what the kernel calls tgid
using Tid = Id<struct TidTag>;

}  // namespace twofold

template <typename Tag, typename Rep>
struct std::hash<twofold::Id<Tag, Rep>> {
  size_t operator()(twofold::Id<Tag, Rep> id) const noexcept { return std::hash<Rep>()(id.value); }
};
