// As ok, but writes to stderr without end, in bytes of every kind.
#include <cstdio>

#include "tests/workers/worker.h"

int main() {
  for (int i = 0; i < 10000; ++i) {
    std::fputs("chatter \x1b[31m\xff\n", stderr);
  }
  rn::SayHello();
  while (true) {
    const rendernode::Order order = rn::AwaitOrder();
    for (int i = 0; i < 10000; ++i) {
      std::fputs("chatter, chatter\n", stderr);
    }
    rn::Say(rn::DoneReport(order));
  }
}
