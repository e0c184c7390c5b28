// How much memory another process needs.
#pragma once

#include <sys/types.h>

namespace rn {

// Resident, now; 0: there is no such process.
double ResidentMib(pid_t pid);

}  // namespace rn
