// Begins an item and never says another word.
#include "tests/workers/worker.h"

int main() {
  rn::SayHello();
  rn::SayProgress(rn::AwaitOrder(), 7);
  rn::Hang();
}
