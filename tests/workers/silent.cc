// Starts and never says Hello.
#include "tests/workers/worker.h"

int main() {
  rn::Hang();
}
