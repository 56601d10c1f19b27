//! What devices of contacts asked to be sent again: collected here, and answered together after a while.

use undertone_protocol::session::{MessageNumber, SessionId};

use super::{StoreError, Tx, page, table};
use crate::store::ids::{PeerDeviceId, packed, unpacked};

table! {
    /// What devices asked to be sent again.
    Resends, resends
}

impl Resends<'_> {
    /// Notes that a device asks for a message, unless it asks for `most` already. Asking twice is asking once.
    pub fn note(
        &self,
        device: PeerDeviceId,
        session: &SessionId,
        number: MessageNumber,
        most: usize,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "INSERT INTO resend (peer_device, session, number)
             SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM resend WHERE peer_device = ?1) < ?4
             ON CONFLICT DO NOTHING",
            (device, session.as_bytes(), packed(number), page(most)),
        )?;
        Ok(())
    }

    /// Devices that ask for something.
    pub fn devices(&self) -> Result<Vec<PeerDeviceId>, StoreError> {
        self.tx.all(
            "SELECT DISTINCT peer_device FROM resend ORDER BY peer_device",
            [],
            |row| row.get(0),
        )
    }

    /// Takes all that a device asks for, in the order of asking: it is in the caller's hands now.
    pub fn take(
        &self,
        device: PeerDeviceId,
    ) -> Result<Vec<(SessionId, MessageNumber)>, StoreError> {
        let asked = self.tx.all(
            "SELECT session, number FROM resend WHERE peer_device = ?1 ORDER BY id",
            [device],
            |row| Ok((SessionId::from_bytes(row.get(0)?), unpacked(row.get(1)?))),
        )?;
        self.tx
            .run("DELETE FROM resend WHERE peer_device = ?1", [device])?;
        Ok(asked)
    }
}
