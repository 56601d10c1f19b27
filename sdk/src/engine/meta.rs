//! The names of the engine's single values in the store, each with its encoding.

use super::step::Step;
use crate::error::StepError;
use crate::store::MetaKey;

/// The own manifest, signed, as [`VerifiedManifest::parse`](undertone_protocol::manifest::VerifiedManifest) takes it.
pub(crate) const OWN_MANIFEST: MetaKey = MetaKey("engine.own_manifest");
/// The version of the record that holds it, u64; absent while the newest manifest is not at the relay.
pub(crate) const OWN_MANIFEST_RECORD: MetaKey = MetaKey("engine.own_manifest_record");
/// Which manifests of the own account this device knows, as `own_history` encodes it.
pub(crate) const OWN_MANIFESTS: MetaKey = MetaKey("engine.own_manifests");
/// What is wrong with the own account's identity and was not dismissed, as `own_history` encodes it.
pub(crate) const ACCOUNT_ALARMS: MetaKey = MetaKey("engine.account_alarms");
/// What is wrong with contacts' identities, or new in them, and was not dismissed, as `identity_alarms` encodes it.
pub(crate) const IDENTITY_ALARMS: MetaKey = MetaKey("engine.identity_alarms");
/// The own delivery secrets, in the encoding of [`Delivery`](super::delivery::Delivery); sealed.
pub(crate) const DELIVERY: MetaKey = MetaKey("engine.delivery");
/// The last value of the hybrid clock, u64.
pub(crate) const HLC: MetaKey = MetaKey("engine.hlc");
/// The latest time that was trusted, u64 Unix ms.
pub(crate) const LAST_TRUSTED: MetaKey = MetaKey("engine.last_trusted");
/// Ageing counts from here, u64 Unix ms.
pub(crate) const AGES_FROM: MetaKey = MetaKey("engine.ages_from");
/// How many invites were ever made, u32.
pub(crate) const INVITES_MADE: MetaKey = MetaKey("engine.invites_made");
/// The store epoch of the own relay for which mailbox, tokens and prekeys are registered, 16 bytes.
pub(crate) const PUBLISHED_EPOCH: MetaKey = MetaKey("engine.published_epoch");
/// When it was last believed that this store is older than what its relay saw, u64 Unix ms.
pub(crate) const ROLLBACK_NOTICED: MetaKey = MetaKey("engine.rollback_noticed");
/// The relay saw more than this store handled, and that is not believed yet; no value.
pub(crate) const ROLLBACK_SUSPECTED: MetaKey = MetaKey("engine.rollback_suspected");
/// How far what was kept unread was looked at, as `kept` encodes it.
pub(crate) const KEPT_READ: MetaKey = MetaKey("engine.kept_read");
/// The user wants contacts not to know when he types; no value.
pub(crate) const NO_TYPING: MetaKey = MetaKey("engine.no_typing");
/// The user wants contacts not to know what was read; no value.
pub(crate) const NO_READ_RECEIPTS: MetaKey = MetaKey("engine.no_read_receipts");

/// The account is being deleted, and how far that is, as `deletion` encodes it.
pub(crate) const DELETION: MetaKey = MetaKey("engine.deletion");

/// What the user shows of himself, as [`Profile`](undertone_protocol::profile::Profile) encodes it; absent: nothing yet.
pub(crate) const OWN_PROFILE: MetaKey = MetaKey("engine.own_profile");
/// How it stands with its record, as `own_profile` encodes it; absent together with it.
pub(crate) const OWN_PROFILE_RECORD: MetaKey = MetaKey("engine.own_profile_record");
/// Who may know whether the user is there, as `presence` encodes it; absent: all contacts.
pub(crate) const AUDIENCE: MetaKey = MetaKey("engine.audience");

impl Step<'_> {
    /// Whether something is on that the user can switch off; `off` is there when he did.
    pub(super) fn is_on(&self, off: MetaKey) -> Result<bool, StepError> {
        Ok(self.tx.meta().get(off)?.is_none())
    }

    /// Switches it on or off.
    pub(super) fn switch(&mut self, off: MetaKey, on: bool) -> Result<(), StepError> {
        let values = self.tx.meta();
        if on {
            values.remove(off)?;
        } else {
            values.put(off, &[])?;
        }
        Ok(())
    }
}
