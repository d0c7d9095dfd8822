// Functions with mangled names: in namespaces, of templates and classes, operators, a lambda.
#include <algorithm>
#include <string>
#include <vector>

namespace names {
namespace {

int HiddenInTheFile(int n) { return n * 3; }

}  // namespace

template <typename T>
T Twice(const T& value) {
  return value + value;
}

class Shape {
 public:
  explicit Shape(int sides) : sides_(sides) {}
  virtual ~Shape() = default;
  virtual int Corners() const { return HiddenInTheFile(sides_); }
  bool operator<(const Shape& other) const { return sides_ < other.sides_; }

 private:
  int sides_;
};

int SortByLength(std::vector<std::string>& texts) {
  std::sort(texts.begin(), texts.end(),
            [](const std::string& a, const std::string& b) { return a.size() < b.size(); });
  return Twice(int(texts.size()));
}

}  // namespace names

int main(int argc, char** argv) {
  std::vector<std::string> texts(argv, argv + argc);
  const names::Shape shape(argc);
  const bool is_less = shape < names::Shape(names::SortByLength(texts));
  return is_less && names::Twice(texts.front()).empty() ? shape.Corners() : 0;
}
