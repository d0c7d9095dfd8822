# cmake -DOUTPUT=x.cc -DNAMESPACE_NAME=twofold "-DENTRIES=Name=file|file;Name=file" -P embed.cmake
# Writes a C++ file that defines `extern const std::string_view Name` with the text of its files, one
# after the other.
set(text "#include <string_view>\nnamespace twofold {\n")
foreach(entry IN LISTS ENTRIES)
  string(FIND "${entry}" "=" equals)
  string(SUBSTRING "${entry}" 0 ${equals} name)
  math(EXPR after "${equals} + 1")
  string(SUBSTRING "${entry}" ${after} -1 files)
  string(REPLACE "|" ";" files "${files}")
  string(APPEND text "extern const std::string_view ${name};\nconst std::string_view ${name} =")
  foreach(file IN LISTS files)
    file(READ "${file}" content)
    string(APPEND text "\nR\"embedded(${content})embedded\"")
  endforeach()
  string(APPEND text ";\n")
endforeach()
string(APPEND text "}  // namespace twofold\n")
file(WRITE "${OUTPUT}" "${text}")
