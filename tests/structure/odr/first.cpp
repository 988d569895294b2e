// odr/first.cpp -- jot in two files of one program, this one with NDEBUG and the other without:
// they must link, and agree on what an inline function is.
#define NDEBUG
#include <jot.hpp>

std::string second_status_text();

int main() {
  const bool same = second_status_text() == jot::status_text(404);
  return same ? 0 : 1;
}
