// Which process a socket belongs to, by what the programs noted and by who holds a descriptor of
// it.
//
// The note tells who connected or listened. Where several processes hold the socket, and that one
// is among them, it is it; else (as a worker that was handed an accepted socket) the first of the
// holders that appeared. After the last descriptor was closed the socket stays with whom it was:
// what is still to be sent is sent on its behalf.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "bpf/abi/tcp_abi.h"

namespace twofold {

class SocketOwners {
 public:
  // Whether it is worth while to ask who holds a socket that was active at a time
  // (CLOCK_MONOTONIC): it is not known, or has been for long.
  bool ShouldAsk(uint64_t socket, uint64_t now_ns) const;

  // What a pass over all descriptors found; a socket's are complete.
  void Learn(const std::vector<twofold_descriptor>& descriptors, uint64_t now_ns);

  // The owner of a socket. tgid 0: it has none. `asked`: Learn was told of a pass at that very
  // time.
  twofold_holder Resolve(uint64_t socket, const twofold_holder& noted, uint64_t now_ns, bool asked);

  // Lets go of sockets that were not active for long.
  void Forget(uint64_t now_ns);

 private:
  struct Known {
    std::vector<twofold_holder> holders;  // empty: nobody holds it, or no pass told
    twofold_holder owner = {};            // tgid 0: not decided
    uint64_t asked_ns = 0;
    uint64_t active_ns = 0;
  };
  std::unordered_map<uint64_t, Known> known_;  // by the socket's cookie
};

}  // namespace twofold
