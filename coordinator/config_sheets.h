// [sheets] of the coordinator's configuration.
#pragma once

#include "base/config_reader.h"
#include "coordinator/google_sheets.h"
#include "coordinator/sheet_folder.h"
#include "coordinator/sheet_source.h"

namespace rn {

struct SheetsConfig {
  SheetRouting routing;
  SheetFolderLimits folder;
  int uploads_max = 4;  // Long ones, at once.
  GoogleSheetsOptions google;

  // Whether anybody's sheets are Google's.
  bool uses_google() const;
};

// `handler_threads`: of http, which reads of far sheets must not all hold.
void ReadSheets(ConfigReader& reader, int handler_threads, SheetsConfig& sheets);

}  // namespace rn
