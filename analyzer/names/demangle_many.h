// Many names at once, among them names that somebody made up to do harm. libiberty limits how deep
// it goes, not for how long: a hundred letters can describe a tree that nobody sees the end of. So
// the work is done in a child process, whose results lie in memory that both share: a name that
// takes too long, or that brings the child down, costs its own readable form and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twofold {

class DemangledNames {
 public:
  // Demangles `names`. Whatever they are, it takes a few seconds of CPU time at most.
  static DemangledNames Of(const std::vector<std::string_view>& names);

  // The readable form of name `index`; nullopt: it has none. Lives as long as this object.
  std::optional<std::string_view> At(size_t index) const;

  // How many names were given up because they took too long or did harm.
  size_t given_up() const { return given_up_; }
  // How many names were not tried, because the limits of all names together were reached.
  size_t not_tried() const { return not_tried_; }

 private:
  struct Shared;
  struct Unmap {
    size_t size_bytes;
    void operator()(Shared* shared) const;
  };

  std::unique_ptr<Shared, Unmap> shared_;
  size_t count_ = 0;
  size_t given_up_ = 0;
  size_t not_tried_ = 0;
};

}  // namespace twofold
