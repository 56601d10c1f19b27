//! Manifests of an account that signs whatever it is given, so that an input gets past the signatures; and their encoding a second time.

use std::sync::LazyLock;

use undertone_protocol::account::ManifestWriteKey;
use undertone_protocol::device::{DeviceIdentity, DeviceKeys, DeviceStatement};
use undertone_protocol::labels;
use undertone_protocol::limits::{MAX_DEVICES, MAX_RELAY_ADDRESS_LEN};
use undertone_protocol::manifest::{
    ManifestBody, ManifestDevice, ManifestDraft, ManifestHash, ManifestRef, ManifestVersion,
    VerifiedManifest,
};
use undertone_protocol::primitives::codec::{DecodeError, Reader, Writer};
use undertone_protocol::primitives::hash::labelled;

use crate::party::{ALICE, NOW, relay, rng};

/// A second manifest of A: three devices, and one that was revoked.
pub(crate) static SECOND: LazyLock<VerifiedManifest> = LazyLock::new(|| {
    let rng = &mut rng(40);
    let mut draft = ManifestDraft::successor(&ALICE.manifest).unwrap();
    for _ in 0..2 {
        draft.add(ManifestDevice {
            identity: DeviceKeys::generate(rng).unwrap().public(),
            relay: relay(),
            added: NOW,
            protocol_versions: 1,
        });
    }
    let lost = DeviceKeys::generate(rng).unwrap().id;
    draft.revoke(lost, ManifestWriteKey::generate(rng).public_key());
    draft.sign(&ALICE.key, NOW).unwrap()
});

/// The body in front of a signed manifest's signature.
pub(crate) fn body_of(manifest: &VerifiedManifest) -> &[u8] {
    let signed = manifest.signed_bytes();
    Reader::new(signed)
        .field_u16(usize::from(u16::MAX))
        .unwrap()
}

/// The reference of a manifest with this body.
pub(crate) fn reference_of(version: ManifestVersion, body: &[u8]) -> ManifestRef {
    let hash = ManifestHash(labelled(labels::MANIFEST_HASH, &[body]));
    ManifestRef { version, hash }
}

/// Signs `body`, and a statement for each device that can be read from it.
pub(crate) fn signed(body: &[u8], annex: &[u8]) -> Vec<u8> {
    let mut signed = Vec::new();
    let mut writer = Writer::new(&mut signed);
    let signature = ALICE.key.sign(labels::MANIFEST, body);
    let fits = writer.field_u16(body);
    fits.unwrap().bytes(&signature.0);
    let mut devices = Vec::new();
    let version = read_devices(body, &mut devices);
    for device in devices {
        let reference = reference_of(version.unwrap_or(ManifestVersion::FIRST), body);
        let statement = DeviceStatement::sign(&ALICE.key, &device, &reference, NOW);
        writer.bytes(&statement.to_bytes());
    }
    writer.field_u16(annex).unwrap();
    signed
}

/// Reads version and devices from a body, as far as there are any.
fn read_devices(
    body: &[u8],
    devices: &mut Vec<DeviceIdentity>,
) -> Result<ManifestVersion, DecodeError> {
    let mut reader = Reader::new(body);
    reader.bytes(1 + 32)?;
    let version = ManifestVersion::from_u64(reader.u64()?);
    reader.bytes(32 + 8 + 8 + 32 + 1_568 + 32)?;
    for _ in 0..usize::from(reader.u8()?).min(MAX_DEVICES) {
        devices.push(DeviceIdentity::read(&mut reader)?);
        reader.field_u8(MAX_RELAY_ADDRESS_LEN)?;
        reader.bytes(8 + 4)?;
    }
    Ok(version)
}

/// The encoding of a body, from SPEC.md.
pub(crate) fn encoded(body: &ManifestBody) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    writer.u8(1).bytes(body.account.as_bytes());
    writer
        .u32(body.version.epoch)
        .u32(body.version.counter)
        .bytes(&body.previous.map_or([0; 32], |hash| hash.0))
        .u64(body.issued.0)
        .u64(body.expires.0)
        .bytes(&body.succession.map_or([0; 32], |hash| hash.0))
        .bytes(body.recovery_key.as_bytes())
        .bytes(body.device_record_key.as_bytes())
        .u8(u8::try_from(body.devices.len()).unwrap());
    for device in &body.devices {
        writer
            .bytes(device.identity.id.as_bytes())
            .bytes(device.identity.identity_key.as_bytes())
            .bytes(device.identity.signing_key.as_bytes())
            .bytes(device.identity.mailbox.as_bytes());
        let relay = device.relay.as_str().as_bytes();
        writer.field_u8(relay).unwrap();
        writer.u64(device.added.0).u32(device.protocol_versions);
    }
    writer.u16(u16::try_from(body.revoked.len()).unwrap());
    for id in &body.revoked {
        writer.bytes(id.as_bytes());
    }
    writer.field_u16(&body.extensions).unwrap();
    bytes
}
