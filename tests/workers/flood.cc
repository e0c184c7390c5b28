// Reports as fast as it can, for ever.
#include "tests/workers/worker.h"

int main() {
  rn::SayHello();
  const rendernode::Order order = rn::AwaitOrder();
  while (true) {
    rn::SayProgress(order, 7);
  }
}
