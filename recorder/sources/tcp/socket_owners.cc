#include "recorder/sources/tcp/socket_owners.h"

#include <algorithm>
#include <tuple>

namespace twofold {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
// A pass looks at every descriptor of the host.
constexpr uint64_t kAskAgainNs = 10 * kSecondNs;
constexpr uint64_t kForgetNs = 60 * kSecondNs;

auto Identity(const twofold_holder& holder) {
  return std::tuple(holder.process_start_boottime_ns, holder.tgid);
}

}  // namespace

bool SocketOwners::ShouldAsk(uint64_t socket, uint64_t now_ns) const {
  const auto known = known_.find(socket);
  return known == known_.end() || now_ns >= known->second.asked_ns + kAskAgainNs;
}

void SocketOwners::Learn(const std::vector<twofold_descriptor>& descriptors, uint64_t now_ns) {
  for (const twofold_descriptor& descriptor : descriptors) {
    Known& known = known_[descriptor.socket];
    if (known.asked_ns != now_ns) known.holders.clear();
    known.asked_ns = now_ns;
    known.active_ns = now_ns;
    known.holders.push_back(descriptor.holder);
  }
}

twofold_holder SocketOwners::Resolve(uint64_t socket, const twofold_holder& noted, uint64_t now_ns,
                                     bool asked) {
  Known& known = known_[socket];
  known.active_ns = now_ns;
  if (asked && known.asked_ns != now_ns) {
    // Nobody holds it any more.
    known.holders.clear();
    known.asked_ns = now_ns;
  }
  const auto holds = [&](const twofold_holder& wanted) {
    return std::find_if(
        known.holders.begin(), known.holders.end(),
        [&](const twofold_holder& holder) { return Identity(holder) == Identity(wanted); });
  };
  if (known.holders.empty()) return known.owner.tgid != 0 ? known.owner : noted;
  // The name is the present one.
  auto owner = holds(noted);
  if (owner == known.holders.end()) owner = holds(known.owner);
  if (owner == known.holders.end()) {
    owner = std::min_element(
        known.holders.begin(), known.holders.end(),
        [](const twofold_holder& a, const twofold_holder& b) { return Identity(a) < Identity(b); });
  }
  known.owner = *owner;
  return known.owner;
}

void SocketOwners::Forget(uint64_t now_ns) {
  std::erase_if(known_,
                [&](const auto& entry) { return now_ns >= entry.second.active_ns + kForgetNs; });
}

}  // namespace twofold
