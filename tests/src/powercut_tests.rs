use std::fs;
use std::process::Command;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::*;

/// Writes through a program, as the shim sees only other processes.
fn shell(layer: &PowerCut, ignore_sync: bool, script: &str) {
    let mut command = Command::new("dd");
    command
        .args(script.split(' '))
        .stderr(std::process::Stdio::null());
    let command = if ignore_sync {
        layer.lay_under_without_sync(&mut command)
    } else {
        layer.lay_under(&mut command)
    };
    assert!(command.status().unwrap().success());
}

fn folder() -> (tempfile::TempDir, PowerCut, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let layer = PowerCut::new(&data, folder.path()).unwrap();
    fs::write(folder.path().join("new"), vec![b'n'; 4096]).unwrap();
    let file = data.join("file");
    fs::write(&file, vec![b'o'; 4096]).unwrap();
    (folder, layer, file)
}

fn overwrite(folder: &Path, file: &Path, sync: bool) -> String {
    let sync = if sync {
        "conv=notrunc,fsync"
    } else {
        "conv=notrunc"
    };
    format!(
        "if={} of={} bs=1024 seek=2 {sync}",
        folder.join("new").display(),
        file.display()
    )
}

#[test]
fn what_was_not_synced_is_gone() {
    let (folder, layer, file) = folder();
    shell(&layer, false, &overwrite(folder.path(), &file, false));
    assert_eq!(fs::read(&file).unwrap().len(), 6144);
    assert!(
        layer
            .cut(Loss::Everything, &mut ChaCha12Rng::seed_from_u64(1))
            .unwrap()
            > 0
    );
    assert_eq!(fs::read(&file).unwrap(), vec![b'o'; 4096]);
}

#[test]
fn what_was_synced_stays() {
    let (folder, layer, file) = folder();
    shell(&layer, false, &overwrite(folder.path(), &file, true));
    let synced = fs::read(&file).unwrap();
    assert_eq!(
        layer
            .cut(Loss::Everything, &mut ChaCha12Rng::seed_from_u64(1))
            .unwrap(),
        0
    );
    assert_eq!(fs::read(&file).unwrap(), synced);
}

#[test]
fn a_disk_that_lies_loses_what_was_synced() {
    let (folder, layer, file) = folder();
    shell(&layer, true, &overwrite(folder.path(), &file, true));
    layer
        .cut(Loss::Everything, &mut ChaCha12Rng::seed_from_u64(1))
        .unwrap();
    assert_eq!(fs::read(&file).unwrap(), vec![b'o'; 4096]);
}

#[test]
fn random_loss_leaves_each_sector_old_or_new() {
    let (folder, layer, file) = folder();
    shell(&layer, false, &overwrite(folder.path(), &file, false));
    layer
        .cut(Loss::Random, &mut ChaCha12Rng::seed_from_u64(7))
        .unwrap();
    let bytes = fs::read(&file).unwrap();
    assert_eq!(&bytes[..2048], &[b'o'; 2048][..]);
    for sector in bytes.chunks(512) {
        assert!(
            sector.iter().all(|byte| *byte == sector[0]),
            "a sector is torn"
        );
    }
}
