#include "analyzer/names/java_name.h"

namespace twofold {

std::string_view ShortenJavaName(std::string_view name) {
  if (!name.ends_with(')')) return name;
  const size_t open = name.find('(');
  const size_t space = name.find(' ');
  if (open == std::string_view::npos || space == 0 || space >= open) return name;
  // Class and method, and nothing else before the parameters.
  const std::string_view method = name.substr(space + 1, open - space - 1);
  const size_t point = method.rfind('.');
  const bool is_method = point != std::string_view::npos && point > 0 && point + 1 < method.size();
  if (!is_method || method.find(' ') != std::string_view::npos) return name;
  // A type of Java has no colons or asterisks, as those of other languages may.
  if (name.substr(0, open).find_first_of(":*&,") != std::string_view::npos) return name;
  return method;
}

}  // namespace twofold
