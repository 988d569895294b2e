// app.cpp -- somebody's program, in two files, that uses jot.
#include <jot.hpp>

std::string greeting();

int main() { return greeting() == "Not Found" ? 0 : 1; }
