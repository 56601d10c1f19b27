use std::fs;
use std::process::Command;

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::*;

/// Writes through a program, as the shim sees only other processes.
fn shell(layer: &PowerCut, ignore_sync: bool, script: &str) {
    let mut words = script.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).stderr(std::process::Stdio::null());
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
        "dd if={} of={} bs=1024 seek=2 {sync}",
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

/// Cuts the power with everything lost.
fn cut(layer: &PowerCut) -> usize {
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    layer.cut(Loss::Everything, &mut rng).unwrap()
}

fn text(file: &Path) -> Option<Vec<u8>> {
    fs::read(file).ok()
}

#[test]
fn names_are_as_when_their_folder_was_synced_last() {
    for synced in [false, true] {
        let (folder, layer, file) = folder();
        let data = file.parent().unwrap();
        let [made, moved, gone] = ["made", "moved", "gone"].map(|name| data.join(name));
        fs::write(&moved, "replaced").unwrap();
        fs::write(&gone, "gone").unwrap();
        let source = folder.path().join("new");
        for script in [
            format!(
                "dd if={} of={} conv=fsync",
                source.display(),
                made.display()
            ),
            format!("mv {} {}", file.display(), moved.display()),
            format!("rm {}", gone.display()),
        ] {
            shell(&layer, false, &script);
        }
        if synced {
            shell(&layer, false, &format!("sync {}", data.display()));
        }
        let changed = cut(&layer);
        let (new, old) = (Some(vec![b'n'; 4096]), Some(vec![b'o'; 4096]));
        let [is_file, is_made, is_moved, is_gone] = [&file, &made, &moved, &gone].map(|f| text(f));
        if synced {
            assert_eq!(changed, 0);
            assert_eq!(
                (is_file, is_made, is_moved, is_gone),
                (None, new, old, None)
            );
        } else {
            let was = |text: &str| Some(text.as_bytes().to_vec());
            let expected = (old, None, was("replaced"), was("gone"));
            assert_eq!((is_file, is_made, is_moved, is_gone), expected);
        }
    }
}

#[test]
fn a_folder_whose_own_was_not_synced_is_gone_with_everything_in_it() {
    let (folder, layer, file) = folder();
    let made = file.with_file_name("folder");
    let source = folder.path().join("new");
    shell(&layer, false, &format!("mkdir {}", made.display()));
    let inside = made.join("file");
    let copy = format!(
        "dd if={} of={} conv=fsync",
        source.display(),
        inside.display()
    );
    shell(&layer, false, &copy);
    shell(&layer, false, &format!("sync {}", made.display()));
    cut(&layer);
    assert!(!made.exists() && file.exists());
}

#[test]
fn what_was_written_under_an_earlier_name_is_taken_back_as_well() {
    let (folder, layer, file) = folder();
    let moved = file.with_file_name("moved");
    shell(&layer, false, &overwrite(folder.path(), &file, false));
    shell(
        &layer,
        false,
        &format!("mv {} {}", file.display(), moved.display()),
    );
    let data = file.parent().unwrap();
    shell(&layer, false, &format!("sync {}", data.display()));
    cut(&layer);
    assert_eq!(text(&moved), Some(vec![b'o'; 4096]));
}
