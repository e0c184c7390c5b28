# cmake -DOUT=<file.cc> -DFOLDER=<folder> -DNAMES=<a,b,…> -P embed_files.cmake: the files of a folder as
# rn::kWebFiles (coordinator/web_files.h).
string(REPLACE "," ";" names "${NAMES}")
set(arrays)
set(table)
set(index 0)
foreach(name IN LISTS names)
  file(READ ${FOLDER}/${name} hex HEX)
  file(SHA256 ${FOLDER}/${name} sha256)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  string(APPEND arrays "constexpr unsigned char kFile${index}[] = {\n${bytes}};\n")
  string(APPEND table "    {\"${name}\", \"${sha256}\",\n     {reinterpret_cast<const char*>(kFile${index}), sizeof kFile${index}}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUT} "// Made from ${FOLDER} by embed_files.cmake.
#include \"coordinator/web_files.h\"

namespace rn {
namespace {

${arrays}
const WebFile kFiles[] = {
${table}};

}  // namespace

const absl::Span<const WebFile> kWebFiles = kFiles;

}  // namespace rn
")
