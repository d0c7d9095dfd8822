// Which process a socket belongs to, by what was noted and who holds it.
#include "recorder/sources/tcp/socket_owners.h"

#include <gtest/gtest.h>

#include <cstring>

namespace twofold {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kSocket = 5;

twofold_holder Holder(uint32_t tgid, const char* name = "worker") {
  twofold_holder holder = {};
  holder.tgid = tgid;
  holder.process_start_boottime_ns = tgid * 1000;
  std::memcpy(holder.comm, name, std::strlen(name));
  return holder;
}

TEST(SocketOwners, NotedProcessOwnsItAmongOthers) {
  SocketOwners owners;
  owners.Learn({{kSocket, Holder(3)}, {kSocket, Holder(8)}, {kSocket, Holder(9)}}, kSecondNs);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), kSecondNs, false).tgid, 8u);
}

TEST(SocketOwners, HolderOwnsWhatTheNotedProcessDoesNotHold) {
  SocketOwners owners;
  owners.Learn({{kSocket, Holder(9)}, {kSocket, Holder(4)}}, kSecondNs);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), kSecondNs, false).tgid, 4u);
  // And goes on to, while it holds it.
  owners.Learn({{kSocket, Holder(3)}, {kSocket, Holder(4)}}, 20 * kSecondNs);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), 20 * kSecondNs, false).tgid, 4u);
  owners.Learn({{kSocket, Holder(3)}}, 40 * kSecondNs);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), 40 * kSecondNs, false).tgid, 3u);
}

TEST(SocketOwners, SameNumberOfALaterProcessIsAnotherProcess) {
  SocketOwners owners;
  twofold_holder later = Holder(8, "later");
  later.process_start_boottime_ns += 1;
  owners.Learn({{kSocket, later}}, kSecondNs);
  EXPECT_STREQ(owners.Resolve(kSocket, Holder(8), kSecondNs, false).comm, "later");
}

TEST(SocketOwners, SocketWithoutHolderStaysWithWhomItWas) {
  SocketOwners owners;
  EXPECT_EQ(owners.Resolve(1, {}, kSecondNs, false).tgid, 0u);
  EXPECT_EQ(owners.Resolve(2, Holder(8), kSecondNs, false).tgid, 8u);
  owners.Learn({{3, Holder(4)}}, kSecondNs);
  EXPECT_EQ(owners.Resolve(3, Holder(8), kSecondNs, false).tgid, 4u);
  // A pass that does not find it any more.
  owners.Learn({{4, Holder(5)}}, 20 * kSecondNs);
  EXPECT_EQ(owners.Resolve(3, Holder(8), 20 * kSecondNs, true).tgid, 4u);
}

TEST(SocketOwners, PassesAreOnlyMadeForWhatIsNotKnown) {
  SocketOwners owners;
  EXPECT_TRUE(owners.ShouldAsk(kSocket, kSecondNs));
  owners.Learn({{kSocket, Holder(8)}}, kSecondNs);
  owners.Resolve(kSocket, Holder(8), kSecondNs, false);
  EXPECT_FALSE(owners.ShouldAsk(kSocket, 2 * kSecondNs));
  EXPECT_TRUE(owners.ShouldAsk(kSocket, 11 * kSecondNs));
  EXPECT_TRUE(owners.ShouldAsk(6, 2 * kSecondNs));
  // One that nobody holds is asked about no more often.
  owners.Resolve(6, {}, 2 * kSecondNs, true);
  EXPECT_FALSE(owners.ShouldAsk(6, 3 * kSecondNs));
  owners.Resolve(6, {}, 20 * kSecondNs, true);
  EXPECT_FALSE(owners.ShouldAsk(6, 21 * kSecondNs));
}

TEST(SocketOwners, SocketsThatAreSilentForLongAreForgotten) {
  SocketOwners owners;
  owners.Learn({{kSocket, Holder(4)}}, kSecondNs);
  owners.Resolve(kSocket, Holder(8), kSecondNs, false);
  owners.Forget(60 * kSecondNs);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), 60 * kSecondNs, false).tgid, 4u);
  owners.Forget(200 * kSecondNs);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), 200 * kSecondNs, false).tgid, 8u);
}

}  // namespace
}  // namespace twofold
