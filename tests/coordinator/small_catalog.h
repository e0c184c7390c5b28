// A templates folder of one template, as a real Catalog.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "base/file.h"
#include "catalog/catalog.h"

namespace rn {

class SmallCatalog {
 public:
  SmallCatalog() {
    Write("tpl_promotional.json", R"({
      "schema": "1", "name": "promo", "output": {"width": 1920, "height": 1080},
      "variables": {"title": {"type": "string", "required": true},
                    "script": {"type": "string", "required": true},
                    "image_url": {"type": "image", "required": true},
                    "badge": {"type": "string"},
                    "voice": {"type": "voice", "default": "professional_female"}},
      "styles": {"modern": {}, "premium": {}}, "color_schemes": {"premium_gold": {}},
      "scenes": [{"elements": []}],
      "elements": [{"type": "audio", "source": "music:upbeat_corporate"}]})");
    Write("voices.json", R"({"professional_female": {"engine": "flite", "voice": "slt"}})");
    Write("music/upbeat_corporate.m4a", "music");
  }

  const std::filesystem::path& path() const { return folder_.path(); }

  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  Catalog Load() const {
    return *Catalog::Load({.folder = folder_.path(), .asset_url_base = "http://us/assets"});
  }

 private:
  const TempDir folder_ = *TempDir::Create("catalog");
};

}  // namespace rn
