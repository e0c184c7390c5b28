// Dies of a signal in mid-item.
#include <csignal>
#include <cstdio>

#include "tests/workers/worker.h"

int main() {
  rn::SayHello();
  rn::SayProgress(rn::AwaitOrder(), 7);
  std::fputs("decoder: assertion failed\n", stderr);
  return std::raise(SIGABRT);
}
