//! What the SDK's cryptography is built from: which crates, in which versions, with which features. An update or a switched
//! default that changes this must be looked at by somebody.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::cargo::{cargo, workspace_root};
use crate::metadata::Metadata;

/// The crates that hold keys, or what follows from them, while they work; each has a feature that wipes it. That it wipes
/// is asserted by the protocol's own test, for the types that implement it.
const WIPED: &[&str] = &[
    "aes",
    "aes-gcm",
    "block-buffer",
    "curve25519-dalek",
    "digest",
    "ed25519-dalek",
    "ghash",
    "hmac",
    "polyval",
    "sha2",
    "x25519-dalek",
];

/// The lowest versions without a known defect, and the defect.
const AT_LEAST: &[(&str, [u32; 3], &str)] = &[
    (
        "aes-gcm",
        [0, 10, 3],
        "plaintext was given back although the tag was wrong",
    ),
    (
        "curve25519-dalek",
        [4, 1, 3],
        "subtraction of scalars depended on them in time",
    ),
    (
        "ed25519-dalek",
        [2, 0, 0],
        "a public key could be given beside the private one",
    ),
    (
        "libcrux-ml-kem",
        [0, 0, 11],
        "secrets differed without the processor's vector instructions",
    ),
    (
        "ml-kem",
        [0, 1, 1],
        "division by q depended on the secret in time (KyberSlash)",
    ),
    ("x25519-dalek", [2, 0, 0], "keys were not wiped by default"),
];

/// A package of the SDK as it is built for a user: its version and features.
struct Built {
    version: String,
    features: BTreeSet<String>,
}

/// The packages that `package` is built from, dev-dependencies aside.
fn tree(package: &str, edges: &str) -> BTreeMap<String, Built> {
    let mut command = cargo(["tree", "--locked", "--prefix", "none", "--no-dedupe"]);
    command.args([
        "--package",
        package,
        "--edges",
        edges,
        "--format",
        "{p}|{f}",
    ]);
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let text = String::from_utf8_lossy(&output.stdout);
    let built = text.lines().filter(|line| !line.is_empty()).map(|line| {
        let (package, features) = line.split_once('|').unwrap();
        let mut words = package.split(' ');
        let name = words.next().unwrap().to_owned();
        let version = words.next().unwrap().trim_start_matches('v').to_owned();
        let features = features.split(',').map(str::to_owned).collect();
        (name, Built { version, features })
    });
    built.collect()
}

fn numbers(version: &str) -> Vec<u32> {
    let numbers = version.split(['.', '-', '+']).take(3);
    numbers.map(|number| number.parse().unwrap()).collect()
}

#[test]
fn s4_wiping_is_switched_on_in_every_crate_that_holds_keys() {
    for package in ["undertone-protocol", "undertone"] {
        let tree = tree(package, "normal");
        for name in WIPED {
            let built = tree
                .get(*name)
                .unwrap_or_else(|| panic!("{package} has no {name}"));
            assert!(
                built.features.contains("zeroize"),
                "{package}: {name} does not wipe"
            );
        }
        // What has such a feature and is new must be added to the list.
        let wiped = tree
            .iter()
            .filter(|(_, built)| built.features.contains("zeroize"));
        let listed = wiped.filter(|(name, _)| !WIPED.contains(&name.as_str()));
        assert_eq!(
            listed.map(|(name, _)| name).collect::<Vec<_>>(),
            Vec::<&String>::new()
        );
    }
}

#[test]
fn s7_of_libcrux_nothing_but_ml_kem_is_used() {
    let tree = tree("undertone", "normal");
    let libcrux: Vec<_> = tree
        .keys()
        .filter(|name| name.starts_with("libcrux"))
        .collect();
    let expected = [
        "intrinsics",
        "ml-kem",
        "platform",
        "secrets",
        "sha3",
        "traits",
    ];
    assert_eq!(
        libcrux,
        expected
            .map(|part| format!("libcrux-{part}"))
            .iter()
            .collect::<Vec<_>>()
    );
}

#[test]
fn s8_no_version_with_a_known_defect_is_used() {
    let tree = tree("undertone-protocol", "normal,dev");
    for (name, least, defect) in AT_LEAST {
        let version = numbers(&tree[*name].version);
        assert!(version >= least.to_vec(), "{name} {version:?}: {defect}");
    }
    // Before 1.0 any version may change anything: this one is taken up by hand.
    let manifest = fs::read_to_string(workspace_root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("libcrux-ml-kem = { version = \"=0.0.11\""));
}

#[test]
fn s9_every_package_is_locked_by_its_checksum() {
    let lock = fs::read_to_string(workspace_root().join("Cargo.lock")).unwrap();
    let metadata = Metadata::load().unwrap();
    let ours: BTreeSet<_> = metadata
        .members()
        .map(|package| package.name.as_str())
        .collect();
    let field = |package: &str, name: &str| {
        let line = package
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} = \"")));
        line.map(|value| value.trim_end_matches('"').to_owned())
    };
    let packages: Vec<_> = lock.split("[[package]]").skip(1).collect();
    assert!(packages.len() > 100, "{} packages", packages.len());
    for package in packages {
        let name = field(package, "name").unwrap();
        match field(package, "source") {
            None => assert!(ours.contains(name.as_str()), "{name} comes from nowhere"),
            Some(source) => {
                assert!(
                    source.starts_with("registry+"),
                    "{name} comes from {source}"
                );
                let checksum = field(package, "checksum").unwrap_or_default();
                assert_eq!(checksum.len(), 64, "{name} has no checksum");
            }
        }
    }
}

/// General encoders look characters up in tables, at addresses that depend on what they encode.
#[test]
fn c11_the_sdk_has_no_general_encoder_for_secrets() {
    const ENCODERS: &[&str] = &[
        "base32",
        "base64",
        "bs58",
        "data-encoding",
        "faster-hex",
        "hex",
    ];
    let metadata = Metadata::load().unwrap();
    for package in metadata.members() {
        if ["undertone", "undertone-protocol"].contains(&package.name.as_str()) {
            let shipped = package.dependencies.iter();
            let mut shipped =
                shipped.filter(|dependency| dependency.kind.as_deref() != Some("dev"));
            // An export writes ids and digests, and no key.
            let may = |name: &str| package.name == "undertone" && name == "hex";
            let found = shipped.find(|dependency| {
                ENCODERS.contains(&dependency.name.as_str()) && !may(&dependency.name)
            });
            let found = found.map(|dependency| &dependency.name);
            assert_eq!(found, None, "{}", package.name);
        }
    }
}

/// The one encoder that the SDK has is for the files of an export.
#[test]
fn c11_nothing_but_an_export_uses_the_general_encoder() {
    let sources = workspace_root().join("sdk/src");
    let mut folders = vec![sources.clone()];
    let mut users = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read_to_string(&path).is_ok_and(|text| text.contains("hex::")) {
                let inside = path.strip_prefix(&sources).unwrap();
                users.insert(inside.components().next().unwrap().as_os_str().to_owned());
            }
        }
    }
    assert_eq!(users, BTreeSet::from(["export".into()]));
}

/// One AES for keys of the protocol and of sealed columns: the crate that uses the processor's instructions, or bitslices.
#[test]
fn c11_aes_is_the_crate_without_tables() {
    let tree = tree("undertone-protocol", "normal");
    let aes: Vec<_> = tree
        .keys()
        .filter(|name| name.contains("aes") || name.contains("rijndael"))
        .collect();
    assert_eq!(aes, ["aes", "aes-gcm"]);
    // Its other implementations are chosen by flags of the compiler, of which there are none.
    let config = fs::read_to_string(workspace_root().join(".cargo/config.toml")).unwrap();
    assert!(
        !config.contains("cfg") && !config.contains("rustflags"),
        "{config}"
    );
}
