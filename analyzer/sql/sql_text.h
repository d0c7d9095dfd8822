// The SQL files of this folder, embedded at build time (analyzer/embed.cmake).
#pragma once

#include <string_view>

namespace twofold {

extern const std::string_view kSchemaSql;   // schema.sql
extern const std::string_view kViewsSql;    // views/*.sql
extern const std::string_view kIndexesSql;  // indexes.sql

}  // namespace twofold
