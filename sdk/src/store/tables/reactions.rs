//! What each person thinks of a message: one row a person, with all that was last said.

use super::messages::{OWN, stored};
use super::{StoreError, Tx, table};
use crate::store::ids::{ContactId, MessageRowId, malformed};
use undertone_protocol::content::Hlc;

/// Between the emoji of one person, and between a person and his emoji. No emoji has control characters.
const SEPARATOR: char = '\u{1f}';
/// Between persons, in the query of a message.
const PERSONS: char = '\u{1e}';

/// One person's emoji on a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reaction {
    /// Who; `None` is this account.
    pub sender: Option<ContactId>,
    /// At least one, in ascending order of their bytes.
    pub emoji: Vec<String>,
}

table! {
    /// Reactions.
    Reactions, reactions
}

impl Reactions<'_> {
    /// What somebody thinks of a message from now on, unless something newer is known. Whether anything changed.
    pub fn set(
        &self,
        message: MessageRowId,
        sender: Option<ContactId>,
        clock: Hlc,
        emoji: &[String],
    ) -> Result<bool, StoreError> {
        if emoji.iter().any(|one| one.contains(char::is_control)) {
            return Err(StoreError::Constraint);
        }
        let messages = self.tx.messages();
        let stays_indexed = self.has_any(message)? && !emoji.is_empty();
        if !stays_indexed {
            messages.unindex_reacted(message)?;
        }
        let changed = self.tx.run(
            "INSERT INTO reaction (message, sender, clock, emoji) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (message, sender) DO UPDATE SET clock = excluded.clock, emoji = excluded.emoji
                 WHERE excluded.clock > clock",
            (
                message,
                sender.map_or(OWN, ContactId::get),
                stored(clock),
                emoji.join(SEPARATOR.encode_utf8(&mut [0; 4])),
            ),
        )?;
        if !stays_indexed {
            messages.index_reacted(message)?;
        }
        Ok(changed > 0)
    }

    /// Whether somebody thinks something of a message.
    fn has_any(&self, message: MessageRowId) -> Result<bool, StoreError> {
        self.tx.value(
            "SELECT EXISTS (SELECT 1 FROM reaction WHERE message = ?1 AND emoji <> '')",
            [message],
        )
    }
}

/// The emoji of one person, as they are stored.
pub(super) fn emoji_of(joined: &str) -> Vec<String> {
    let emoji = joined.split(SEPARATOR).filter(|one| !one.is_empty());
    emoji.map(str::to_owned).collect()
}

/// The reactions to a message as its query joins them.
pub(super) fn read_all(joined: Option<String>) -> rusqlite::Result<Vec<Reaction>> {
    let mut reactions = Vec::new();
    for person in joined.iter().flat_map(|joined| joined.split(PERSONS)) {
        let mut fields = person.split(SEPARATOR);
        let sender: i64 = fields
            .next()
            .unwrap_or_default()
            .parse()
            .map_err(malformed)?;
        reactions.push(Reaction {
            sender: (sender != OWN).then(|| ContactId::new(sender)),
            emoji: fields.map(str::to_owned).collect(),
        });
    }
    Ok(reactions)
}
