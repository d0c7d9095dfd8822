// Names of Java methods as JVMs write them into perf maps, with return type and parameters.
#pragma once

#include <string_view>

namespace twofold {

// "int sun.nio.ch.IOUtil.write(java.io.FileDescriptor, long)" becomes "sun.nio.ch.IOUtil.write", as
// C++ functions are shown without parameters; whatever is not of that form stays as it is. The
// result is a part of `name`.
std::string_view ShortenJavaName(std::string_view name);

}  // namespace twofold
