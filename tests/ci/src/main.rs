//! The `cargo ci` tool.
fn main() {}
