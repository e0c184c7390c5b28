// For api_contract_test.py, which holds every answer against api/openapi.json: a line of JSON each,
// in the file that RN_API_ANSWERS names.
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/http.h"

namespace rn {

inline void RecordAnswer(const HttpRequest& request, const HttpResponse& response) {
  const char* path = std::getenv("RN_API_ANSWERS");
  if (path == nullptr) {
    return;
  }
  const nlohmann::json line = {
      {"method", request.method},
      {"path", request.path},
      {"status", response.status},
      {"headers",
       std::map<std::string, std::string>(response.headers.begin(), response.headers.end())},
      {"text", response.body}};
  std::ofstream(path, std::ios::app)
      << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

}  // namespace rn
