//! The own manifest: signed when the clock is right, put at the relay, and signed again each week.
//!
//! Invariant: it is put on a connection of its own, which is closed after it. The first one is put at once; a renewal a
//! random time after a login, so that the relay does not see whose login it follows.
//!
//! What a manifest says and how it is checked is the protocol's; that one is somebody else's is noticed in
//! [`own_history`](super::own_history).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a frame of a kind that does not belong here is as good as none"
)]

use bytes::Bytes;
use undertone_protocol::account::ManifestWriteKey;
use undertone_protocol::manifest::{ManifestDevice, ManifestDraft, VerifiedManifest};
use undertone_protocol::time::Timestamp;
use undertone_wire as wire;
use undertone_wire::ErrorCode;
use undertone_wire::frame::Body;
use undertone_wire::signed::{PutRecordBody, SignedBody};

use super::backoff;
use super::lane::Lane;
use super::limits::{
    MANIFEST_RENEW_MS, MANIFEST_URGENT_AFTER_MS, MANIFEST_WAIT_FROM_MS, MANIFEST_WAIT_TO_MS,
};
use super::meta;
use super::requests::Purpose;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::Tx;

/// The protocol versions that this device speaks, as the manifest lists them: bit 0 is version 1.
const PROTOCOL_VERSIONS: u32 = 1;

impl Step<'_> {
    /// Signs the own manifest when there is none or it is a week old, and puts it at the relay when it is
    /// not there. Nothing is signed while the clock is not known to be right.
    pub(super) fn publish_manifest(&mut self) -> Result<(), StepError> {
        if self.core.own.manifest_in_flight || self.core.profile.in_flight {
            return Ok(());
        }
        let Some(now) = self.core.clock.trusted(self.now) else {
            return Ok(());
        };
        let lane = self.record_lane();
        if !self.core.lanes.is_usable(&lane, self.now.monotonic_ms) {
            return Ok(());
        }
        let manifest = self.core.me.manifest.as_ref();
        let age = manifest.map(|manifest| now.since(manifest.body().issued));
        let due = age.is_none_or(|age| age >= MANIFEST_RENEW_MS);
        let at_relay = self.tx.meta().get(meta::OWN_MANIFEST_RECORD)?;
        let at_relay = at_relay.as_deref().map(AtRelay::parse).unwrap_or_default();
        if at_relay.newest && !due {
            return Ok(());
        }
        // Without one nobody can write; and one that is not renewed for long must not expire.
        let urgent = at_relay.version == 0 || age.is_none_or(|age| age >= MANIFEST_URGENT_AFTER_MS);
        if !urgent && !self.put_has_waited() {
            return Ok(());
        }
        if due {
            self.sign_manifest(now)?;
        }
        self.put_manifest(&lane, at_relay.version)
    }

    /// Where own records are put, one at a time.
    pub(super) fn record_lane(&self) -> Lane {
        Lane::Record(self.core.me.relay.clone())
    }

    /// Whether the random time is over after which the own record is put: a put that follows each login would tie the record to
    /// the mailbox.
    fn put_has_waited(&mut self) -> bool {
        let now = self.now.monotonic_ms;
        let at = match self.core.own.manifest_at {
            Some(at) => at,
            None => {
                let wait =
                    backoff::between(MANIFEST_WAIT_FROM_MS, MANIFEST_WAIT_TO_MS, &mut self.rng);
                let at = now.saturating_add(wait);
                self.core.own.manifest_at = Some(at);
                self.core.timers.arm(Timer::Lanes, at);
                at
            }
        };
        at <= now
    }

    /// Whether the newest own manifest is at the relay.
    pub(super) fn manifest_is_published(&self) -> Result<bool, StepError> {
        Ok(self
            .tx
            .meta()
            .get(meta::OWN_MANIFEST_RECORD)?
            .is_some_and(|state| AtRelay::parse(&state).newest))
    }

    fn sign_manifest(&mut self, now: Timestamp) -> Result<(), StepError> {
        let me = &self.core.me;
        let draft = match &me.manifest {
            Some(current) => ManifestDraft::successor(current).map_err(|_| StepError::Damaged)?,
            None => ManifestDraft::first(
                &me.root,
                ManifestDevice {
                    identity: me.device.public(),
                    relay: me.relay.clone(),
                    added: now,
                    protocol_versions: PROTOCOL_VERSIONS,
                },
                me.device_record_key.public_key(),
                None,
            ),
        };
        let manifest = draft
            .sign(&me.account_key, now)
            .map_err(|_| StepError::Damaged)?;
        self.tx
            .meta()
            .put(meta::OWN_MANIFEST, manifest.signed_bytes())?;
        self.manifest_signed(manifest.reference())?;
        let first = self.core.me.manifest.replace(manifest).is_none();
        if first {
            // Prekeys need it. Later their page is renewed at a time of its own: what follows a put on the own connection would
            // tie the two together.
            self.core.own.prekeys_due = true;
        }
        Ok(())
    }

    fn put_manifest(&mut self, lane: &Lane, expected_version: u64) -> Result<(), StepError> {
        let me = &self.core.me;
        let Some(manifest) = &me.manifest else {
            return Ok(());
        };
        let value = manifest
            .seal(&me.manifest_record, &mut self.rng)
            .map_err(|_| StepError::Damaged)?;
        let put = signed_put(&me.manifest_key, expected_version, value);
        let version = manifest.reference().version.to_u64();
        self.core.own.manifest_in_flight = true;
        self.request(lane, Purpose::PutManifest(version), Body::PutRecord(put));
        Ok(())
    }

    pub(super) fn put_manifest_answered(
        &mut self,
        version: u64,
        body: Body,
    ) -> Result<(), StepError> {
        self.core.own.manifest_in_flight = false;
        self.put_answered(version, body)?;
        // Open only while a conflict is being settled.
        if self.manifest_is_published()? || self.core.own.not_before > self.now.monotonic_ms {
            let lane = self.record_lane();
            self.disconnect(&lane);
        }
        Ok(())
    }

    fn put_answered(&mut self, version: u64, body: Body) -> Result<(), StepError> {
        match body {
            Body::Record(record) => {
                self.core.own.manifest_at = None;
                self.core.own.conflicts = 0;
                self.manifest_taken()?;
                let newest = self.core.me.manifest_ref().map(|own| own.version.to_u64());
                self.at_relay(AtRelay {
                    newest: newest == Some(version),
                    version: record.version,
                })
            }
            Body::Failure(failure) if failure.code() == ErrorCode::Conflict => {
                let current = failure.current.clone().unwrap_or_default();
                self.manifest_conflict(&current)?;
                // One conflict tells what stands there; more of them, and the relay does not mean it.
                if self.core.own.conflicts > 0 && !self.manifest_is_published()? {
                    self.leave_own_alone(backoff::asked(failure.retry_after_ms));
                }
                self.core.own.conflicts = self.core.own.conflicts.saturating_add(1);
                self.core.own.manifest_at = Some(self.now.monotonic_ms);
                Ok(())
            }
            Body::Failure(failure) => self.own_refused(&failure, |_| {}),
            _ => {
                self.leave_own_alone(0);
                Ok(())
            }
        }
    }

    fn at_relay(&mut self, state: AtRelay) -> Result<(), StepError> {
        self.tx
            .meta()
            .put(meta::OWN_MANIFEST_RECORD, &state.encode())?;
        Ok(())
    }

    /// Something stands where the own manifest should: an earlier one of ours, or one that this account's
    /// phrase made elsewhere, which is then the newer truth.
    fn manifest_conflict(&mut self, current: &wire::Record) -> Result<(), StepError> {
        let me = &self.core.me;
        let stands = VerifiedManifest::open(&current.value, &me.account, &me.manifest_record).ok();
        if let Some(stands) = &stands {
            self.manifest_found(stands)?;
        }
        let own = self.core.me.manifest.as_ref();
        let newest = match (stands, own) {
            (Some(stands), Some(own)) if stands.reference() == own.reference() => {
                self.manifest_taken()?;
                true
            }
            (Some(stands), Some(own)) if stands.reference().version >= own.reference().version => {
                return self.adopt_manifest(&stands, current.version);
            }
            _ => false,
        };
        self.at_relay(AtRelay {
            newest,
            version: current.version,
        })
    }

    /// Goes on after the manifest that stands: this device is added to it again if it is missing.
    fn adopt_manifest(&mut self, stands: &VerifiedManifest, record: u64) -> Result<(), StepError> {
        let Some(now) = self.core.clock.trusted(self.now) else {
            return Ok(());
        };
        let me = &self.core.me;
        let mut draft = ManifestDraft::successor(stands).map_err(|_| StepError::Damaged)?;
        if stands.device(&me.device.id).is_none() {
            draft.add(ManifestDevice {
                identity: me.device.public(),
                relay: me.relay.clone(),
                added: now,
                protocol_versions: PROTOCOL_VERSIONS,
            });
        }
        let Ok(manifest) = draft.sign(&me.account_key, now) else {
            // This device is revoked: the other one decided.
            self.emit(super::event::Event::RelayRefused {
                code: ErrorCode::Conflict,
            });
            return Ok(());
        };
        self.tx
            .meta()
            .put(meta::OWN_MANIFEST, manifest.signed_bytes())?;
        self.manifest_signed(manifest.reference())?;
        self.core.me.manifest = Some(manifest);
        self.core.own.prekeys_due = true;
        self.at_relay(AtRelay {
            newest: false,
            version: record,
        })
    }
}

/// The version of the account's record at the relay, as far as it is known; 0 when there is none.
pub(super) fn record_version(tx: &Tx<'_>) -> Result<u64, StepError> {
    let state = tx.meta().get(meta::OWN_MANIFEST_RECORD)?;
    Ok(state.map_or(0, |state| AtRelay::parse(&state).version))
}

/// A record's next value, signed.
pub(super) fn signed_put(
    key: &ManifestWriteKey,
    expected_version: u64,
    value: Vec<u8>,
) -> wire::PutRecord {
    let public = key.public_key();
    let body = PutRecordBody {
        write_key: public.as_bytes(),
        expected_version,
        value: &value,
    };
    let signature = key.sign_framed(&body.signed_bytes());
    wire::PutRecord {
        write_key: Bytes::copy_from_slice(public.as_bytes()),
        expected_version,
        signature: Bytes::copy_from_slice(&signature.0),
        value: value.into(),
    }
}

/// What the account's record at the relay holds.
#[derive(Debug, Clone, Copy, Default)]
struct AtRelay {
    /// Whether it is the newest own manifest.
    newest: bool,
    /// The record's version; 0 when there is none.
    version: u64,
}

impl AtRelay {
    /// `newest 1 ‖ version 8`.
    fn encode(self) -> [u8; 9] {
        let mut bytes = [u8::from(self.newest); 9];
        bytes[1..].copy_from_slice(&self.version.to_be_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Self {
        let version = bytes
            .get(1..9)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u64::from_be_bytes);
        Self {
            newest: bytes.first() == Some(&1),
            version,
        }
    }
}
