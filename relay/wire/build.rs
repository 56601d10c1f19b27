//! Generates the messages from `proto/wire_v1.proto` without needing a `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto/wire_v1.proto");
    let descriptors = protox::compile(["proto/wire_v1.proto"], ["proto"])?;
    prost_build::Config::new()
        .bytes(["."])
        .compile_fds(descriptors)?;
    Ok(())
}
