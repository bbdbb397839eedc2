//! Starts Peanut; everything else is in the library.

fn main() -> std::process::ExitCode {
    peanut::cli::main()
}
