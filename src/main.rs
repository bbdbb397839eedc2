//! The binary: everything is in the library.

/// Indexes are read, merged and dropped by many threads; this allocator gives back what they leave, and searches
/// faster (`docs/BENCHMARKS.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    peanut::cli::main()
}
