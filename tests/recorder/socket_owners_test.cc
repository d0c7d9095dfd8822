// Which process a socket belongs to, by what was noted and who holds it.
#include "recorder/sources/tcp/socket_owners.h"

#include <gtest/gtest.h>

#include <cstring>

namespace twofold {
namespace {

constexpr uint64_t kSecond_ns = 1'000'000'000;
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
  owners.Learn({{kSocket, Holder(3)}, {kSocket, Holder(8)}, {kSocket, Holder(9)}}, kSecond_ns);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), kSecond_ns, false).tgid, 8u);
}

TEST(SocketOwners, HolderOwnsWhatTheNotedProcessDoesNotHold) {
  SocketOwners owners;
  owners.Learn({{kSocket, Holder(9)}, {kSocket, Holder(4)}}, kSecond_ns);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), kSecond_ns, false).tgid, 4u);
  // And goes on to, while it holds it.
  owners.Learn({{kSocket, Holder(3)}, {kSocket, Holder(4)}}, 20 * kSecond_ns);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), 20 * kSecond_ns, false).tgid, 4u);
  owners.Learn({{kSocket, Holder(3)}}, 40 * kSecond_ns);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), 40 * kSecond_ns, false).tgid, 3u);
}

TEST(SocketOwners, SameNumberOfALaterProcessIsAnotherProcess) {
  SocketOwners owners;
  twofold_holder later = Holder(8, "later");
  later.process_start_boottime_ns += 1;
  owners.Learn({{kSocket, later}}, kSecond_ns);
  EXPECT_STREQ(owners.Resolve(kSocket, Holder(8), kSecond_ns, false).comm, "later");
}

TEST(SocketOwners, SocketWithoutHolderStaysWithWhomItWas) {
  SocketOwners owners;
  EXPECT_EQ(owners.Resolve(1, {}, kSecond_ns, false).tgid, 0u);
  EXPECT_EQ(owners.Resolve(2, Holder(8), kSecond_ns, false).tgid, 8u);
  owners.Learn({{3, Holder(4)}}, kSecond_ns);
  EXPECT_EQ(owners.Resolve(3, Holder(8), kSecond_ns, false).tgid, 4u);
  // A pass that does not find it any more.
  owners.Learn({{4, Holder(5)}}, 20 * kSecond_ns);
  EXPECT_EQ(owners.Resolve(3, Holder(8), 20 * kSecond_ns, true).tgid, 4u);
}

TEST(SocketOwners, PassesAreOnlyMadeForWhatIsNotKnown) {
  SocketOwners owners;
  EXPECT_TRUE(owners.ShouldAsk(kSocket, kSecond_ns));
  owners.Learn({{kSocket, Holder(8)}}, kSecond_ns);
  owners.Resolve(kSocket, Holder(8), kSecond_ns, false);
  EXPECT_FALSE(owners.ShouldAsk(kSocket, 2 * kSecond_ns));
  EXPECT_TRUE(owners.ShouldAsk(kSocket, 11 * kSecond_ns));
  EXPECT_TRUE(owners.ShouldAsk(6, 2 * kSecond_ns));
  // One that nobody holds is asked about no more often.
  owners.Resolve(6, {}, 2 * kSecond_ns, true);
  EXPECT_FALSE(owners.ShouldAsk(6, 3 * kSecond_ns));
  owners.Resolve(6, {}, 20 * kSecond_ns, true);
  EXPECT_FALSE(owners.ShouldAsk(6, 21 * kSecond_ns));
}

TEST(SocketOwners, SocketsThatAreSilentForLongAreForgotten) {
  SocketOwners owners;
  owners.Learn({{kSocket, Holder(4)}}, kSecond_ns);
  owners.Resolve(kSocket, Holder(8), kSecond_ns, false);
  owners.Forget(60 * kSecond_ns);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), 60 * kSecond_ns, false).tgid, 4u);
  owners.Forget(200 * kSecond_ns);
  EXPECT_EQ(owners.Resolve(kSocket, Holder(8), 200 * kSecond_ns, false).tgid, 8u);
}

}  // namespace
}  // namespace twofold
