// Renders nothing, but says and does everything that a good worker does.
#include "tests/workers/worker.h"

int main() {
  rn::SayHello();
  while (true) {
    const rendernode::Order order = rn::AwaitOrder();
    rn::SayProgress(order, 50);
    rn::SayProgress(order, 100);
    rn::Say(rn::DoneReport(order));
  }
}
