// Excel workbooks: the whole file, and behind a first byte below 2 a part of one alone.
#include <zip.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "catalog/csv.h"
#include "catalog/xlsx.h"

namespace rn {
namespace {

const SheetRange kRange = {.first_row = 1, .last_row = 200, .last_column = 26};
const XlsxLimits kLimits = {.zip = {.parts_max = 100, .expanded_bytes_max = 4 << 20},
                            .shared_strings_max = 1000,
                            .formats_max = 1000,
                            .tabs_max = 100};

void Check(absl::string_view bytes) {
  const auto sheet = SheetFromXlsx(bytes, kRange, kLimits);
  if (!sheet.ok()) {
    CHECK(!sheet.status().message().empty());
    CHECK(absl::IsInvalidArgument(sheet.status()) || absl::IsNotFound(sheet.status()));
    return;
  }
  int last = 0;
  for (const SheetRow& row : sheet->rows) {
    CHECK(row.number > last && row.number <= kRange.last_row);
    last = row.number;
    CHECK(row.cells.size() == sheet->columns.size());
    for (const std::string& cell : row.cells) {
      CHECK(cell.size() <= kSheetCellBytesMax && IsUtf8(cell));
    }
  }
}

// A fuzzer hardly gets through deflate and its checksums: here it need not.
std::string Packed(absl::string_view part, bool is_cells) {
  constexpr absl::string_view kRelations =
      "<Relationships><Relationship Id=\"r1\" Type=\"x/worksheet\" Target=\"c.xml\"/>"
      "<Relationship Id=\"r2\" Type=\"x/styles\" Target=\"s.xml\"/></Relationships>";
  constexpr absl::string_view kBook =
      "<workbook><sheets><sheet name=\"a\" id=\"r1\"/></sheets></workbook>";
  constexpr absl::string_view kCells =
      "<worksheet><row><c s=\"0\"><v>46355.75</v></c><c "
      "s=\"1\"><v>-1234.5</v></c></row></worksheet>";
  constexpr absl::string_view kStyles =
      "<styleSheet><cellXfs><xf numFmtId=\"14\"/><xf numFmtId=\"4\"/></cellXfs></styleSheet>";
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* whole = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_source_keep(whole);
  zip_t* archive = zip_open_from_source(whole, ZIP_TRUNCATE, &error);
  CHECK(archive != nullptr);
  const auto add = [&](const char* name, absl::string_view text) {
    const zip_int64_t index =
        zip_file_add(archive, name, zip_source_buffer(archive, text.data(), text.size(), 0), 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
  };
  add("_rels/.rels", "<Relationships/>");
  add("xl/workbook.xml", kBook);
  add("xl/_rels/workbook.xml.rels", kRelations);
  add("xl/c.xml", is_cells ? part : kCells);
  add("xl/s.xml", is_cells ? kStyles : part);
  CHECK(zip_close(archive) == 0);
  zip_stat_t facts;
  CHECK(zip_source_stat(whole, &facts) == 0 && zip_source_open(whole) == 0);
  std::string bytes(facts.size, '\0');
  CHECK(zip_source_read(whole, bytes.data(), bytes.size()) ==
        static_cast<zip_int64_t>(bytes.size()));
  zip_source_close(whole);
  zip_source_free(whole);
  return bytes;
}

}  // namespace
}  // namespace rn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  if (size > 0 && data[0] < 2) {
    rn::Check(rn::Packed(input.substr(1), data[0] == 0));
  } else {
    rn::Check(input);
  }
  return 0;
}
