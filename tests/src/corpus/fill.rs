//! A corpus in a store, written as received messages are.

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use undertone::store::{
    ContactId, ContactState, ConversationId, Inserted, MessageKind, MessageState, NewContact,
    NewMessage, Store, StoreError,
};
use undertone_protocol::account::{AccountId, Root};
use undertone_protocol::content::{AppPayload, Hlc, MessageId, Post};
use undertone_protocol::device::DeviceId;
use undertone_protocol::time::Timestamp;

use super::{CONVERSATIONS, FIRST_MS, Line};

/// Messages of one transaction.
const BATCH: usize = 10_000;

/// Bytes of a payload.
const PAYLOAD: usize = 64;

/// What was written.
#[derive(Debug)]
pub struct Filled {
    /// The conversations, by their numbers in the corpus.
    pub conversations: Vec<ConversationId>,
    /// The contacts, by the same numbers.
    pub contacts: Vec<ContactId>,
    /// Bytes of all texts.
    pub text_bytes: u64,
}

/// Writes messages into a store, each conversation with a contact of its own, and gives each to `each` as well.
///
/// # Errors
/// When the disk fails.
pub fn fill(
    store: &mut Store,
    lines: impl Iterator<Item = Line>,
    mut each: impl FnMut(&Line),
) -> Result<Filled, StoreError> {
    let mut filled = people(store)?;
    let mut lines = lines.peekable();
    while lines.peek().is_some() {
        let tx = store.transaction()?;
        for line in lines.by_ref().take(BATCH) {
            filled.text_bytes += line.text.len() as u64;
            let message = message(&filled, &line);
            let inserted = tx.messages().insert(&message)?;
            if let (true, Inserted::New(row)) = (line.reacted, inserted) {
                let clock = Hlc::from_packed(message.clock.as_packed() + 1);
                tx.reactions().set(row, None, clock, &["👍".to_owned()])?;
            }
            each(&line);
        }
        tx.commit()?;
    }
    Ok(filled)
}

fn people(store: &mut Store) -> Result<Filled, StoreError> {
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let now = Timestamp(FIRST_MS);
    let tx = store.transaction()?;
    let (mut conversations, mut contacts) = (Vec::new(), Vec::new());
    for number in 0..CONVERSATIONS {
        let name = format!("Contact {number}");
        let contact = tx.contacts().insert(&NewContact {
            account: AccountId::of(&Root::generate(&mut rng).account_key()),
            state: ContactState::Accepted,
            name: &name,
            manifest_key: [3; 32],
            manifest_relay: "https://relay.example",
            created: now,
        })?;
        contacts.push(contact);
        conversations.push(tx.conversations().insert(Some(contact), &name, now)?);
    }
    tx.commit()?;
    Ok(Filled {
        conversations,
        contacts,
        text_bytes: 0,
    })
}

fn message(filled: &Filled, line: &Line) -> NewMessage {
    let mut id = [0; 16];
    id[..8].copy_from_slice(
        &line
            .number
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .to_be_bytes(),
    );
    id[8..].copy_from_slice(&line.number.to_be_bytes());
    let sent = Timestamp(line.at_ms);
    let post = Post {
        payload: line.mime_type.map(|mime_type| AppPayload {
            mime_type: mime_type.to_owned(),
            bytes: vec![1; PAYLOAD],
        }),
        ..Post::text(line.text.as_str())
    };
    let state = match line.own {
        true => MessageState::Read,
        false => MessageState::Received,
    };
    NewMessage {
        conversation: filled.conversations[line.conversation],
        message_id: MessageId::from_bytes(id),
        clock: Hlc::at(sent),
        sender: (!line.own).then_some(filled.contacts[line.conversation]),
        sender_device: DeviceId::from_bytes([9; 16]),
        seq: line.number,
        kind: MessageKind::Text,
        state,
        sent,
        stored: sent,
        body: post.text.clone(),
        parts: post.parts().ok().filter(|parts| !parts.is_empty()),
        timer: None,
        extra: None,
        mentions_me: false,
    }
}
