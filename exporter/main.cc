#include "cli/commands.h"

int main(int argc, char** argv) { return pgvigil::cli::Main(argc, argv); }
