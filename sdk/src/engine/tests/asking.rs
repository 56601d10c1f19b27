//! What a test asks of the world, in the words of its users.

use undertone_protocol::content::MessageId;
use undertone_protocol::envelope::KIND_FIRST_MESSAGE;
use undertone_protocol::invite::InviteLink;
use undertone_protocol::session::{Session, SessionId};
use undertone_wire::frame::Body;

use super::world::World;
use crate::error::StepError;
use crate::store::{
    ContactId, ContactState, ConversationId, MessageKind, MessageRow, MessageState, PeerDeviceId,
    SessionStatus,
};

impl World {
    pub(super) fn invite(&mut self, device: usize) -> InviteLink {
        let id = self
            .command(device, |step| step.create_invite("test"))
            .unwrap();
        self.settle();
        self.engine(device)
            .view()
            .unwrap()
            .invite_link(&id)
            .unwrap()
            .unwrap()
    }

    pub(super) fn add(&mut self, device: usize, link: &InviteLink, text: &str) -> ContactId {
        self.command(device, |step| step.add_contact(link, Some(text)))
            .unwrap()
    }

    pub(super) fn say(&mut self, device: usize, contact: ContactId, text: &str) -> MessageId {
        let conversation = self.conversation(device, contact);
        self.command(device, |step| step.send_text(conversation, text))
            .unwrap()
    }

    pub(super) fn conversation(&mut self, device: usize, contact: ContactId) -> ConversationId {
        self.engine(device)
            .view()
            .unwrap()
            .conversation_of(contact)
            .unwrap()
            .unwrap()
            .id
    }

    pub(super) fn contact_in(&mut self, device: usize, state: ContactState) -> Option<ContactId> {
        let contacts = self.engine(device).view().unwrap().contacts().unwrap();
        contacts
            .iter()
            .find(|row| row.state == state)
            .map(|row| row.id)
    }

    /// A message as a device has it.
    pub(super) fn row(&mut self, device: usize, message: &MessageId) -> MessageRow {
        let view = self.engine(device).view().unwrap();
        view.message(message).unwrap().unwrap()
    }

    /// Reads a conversation to its end.
    pub(super) fn read_all(&mut self, device: usize, contact: ContactId) {
        let conversation = self.conversation(device, contact);
        let view = self.engine(device).view().unwrap();
        let newest = view.messages_before(conversation, None, 1).unwrap();
        drop(view);
        let last = newest[0].message.clock;
        self.command(device, |step| step.mark_read(conversation, last))
            .unwrap();
    }

    /// The texts of a conversation, oldest first, with their states.
    pub(super) fn history(
        &mut self,
        device: usize,
        contact: ContactId,
    ) -> Vec<(String, MessageState)> {
        let conversation = self.conversation(device, contact);
        let view = self.engine(device).view().unwrap();
        let mut rows = view.messages_before(conversation, None, 500).unwrap();
        rows.reverse();
        rows.into_iter()
            .filter(|row| row.message.kind != MessageKind::IdentityChanged)
            .map(|row| (row.message.body, row.message.state))
            .collect()
    }

    pub(super) fn texts(&mut self, device: usize, contact: ContactId) -> Vec<String> {
        self.history(device, contact)
            .into_iter()
            .map(|(text, _)| text)
            .collect()
    }

    /// What a device asked for since `from`.
    fn asked(&self, device: usize, from: usize, what: fn(&Body) -> bool) -> usize {
        let sent = self.devices[device].sent[from..].iter();
        sent.filter(|(_, body)| what(body)).count()
    }

    /// How many requests a device has made.
    pub(super) fn requests(&self, device: usize) -> usize {
        self.devices[device].sent.len()
    }

    /// Envelopes that a device sent since it had made `from` requests, in any number of copies.
    pub(super) fn sends(&self, device: usize, from: usize) -> usize {
        self.asked(device, from, |body| matches!(body, Body::Send(_)))
    }

    /// First messages among them.
    pub(super) fn first_messages(&self, device: usize, from: usize) -> usize {
        self.asked(device, from, |body| matches!(body, Body::Send(send) if send.envelope.first() == Some(&KIND_FIRST_MESSAGE)))
    }

    /// How often it asked for prekeys.
    pub(super) fn pops(&self, device: usize, from: usize) -> usize {
        self.asked(device, from, |body| matches!(body, Body::PopPrekeys(_)))
    }

    /// The only device of a contact.
    pub(super) fn peer_device(&mut self, device: usize, contact: ContactId) -> PeerDeviceId {
        let rows = self.command(device, |step| step.tx.peer_devices().of_contact(contact));
        rows.unwrap()[0].id
    }

    /// The sessions with a contact's only device.
    pub(super) fn sessions(
        &mut self,
        device: usize,
        contact: ContactId,
    ) -> Vec<(SessionId, SessionStatus)> {
        let peer = self.peer_device(device, contact);
        let rows = self.command(device, |step| step.tx.sessions().of_device(peer));
        rows.unwrap()
            .iter()
            .map(|row| (row.id, row.status))
            .collect()
    }

    /// The one that is used for sending.
    pub(super) fn sending(&mut self, device: usize, contact: ContactId) -> Option<SessionId> {
        let sessions = self.sessions(device, contact);
        let mut active = sessions
            .iter()
            .filter(|(_, status)| *status == SessionStatus::Active);
        let (id, _) = active.next()?;
        assert_eq!(active.next(), None, "one session sends");
        Some(*id)
    }

    /// So many messages went each way in the session that is used, and its post-quantum epoch did not advance.
    pub(super) fn stall(&mut self, device: usize, contact: ContactId, messages: u16) {
        let peer = self.peer_device(device, contact);
        self.command(device, |step| {
            step.flush_sessions()?;
            let stored = step.tx.sessions().all()?;
            let active = |row: &&crate::store::StoredSession| {
                row.row.peer_device == peer && row.row.status == SessionStatus::Active
            };
            let stored = stored.iter().find(active).unwrap();
            // sent 2 ‖ received 2 ‖ ephemeral messages 1, at the end.
            let mut bytes = stored.state.to_vec();
            let at = bytes.len() - 5;
            let count = messages.to_be_bytes();
            bytes[at..at + 4].copy_from_slice(&[count, count].concat());
            let id = stored.row.id;
            let sessions = &mut step.core.sessions;
            *sessions.all.get_mut(&id).unwrap().session =
                Session::from_bytes(&bytes, &stored.pq_material).unwrap();
            sessions.learned(&id);
            Ok::<_, StepError>(())
        })
        .unwrap();
    }

    /// Two accounts that are contacts of each other, online and at rest: (world's first, second, contact ids).
    pub(super) fn acquainted(seed: u64) -> (Self, [usize; 2], [ContactId; 2]) {
        let mut world = Self::new(seed);
        let (a, b) = (world.account("Anna"), world.account("Ben"));
        world.go_online(a);
        world.go_online(b);
        world.settle();
        let link = world.invite(b);
        let of_a = world.add(a, &link, "hello");
        world.settle();
        let of_b = world.contact_in(b, ContactState::Requested).unwrap();
        world.command(b, |step| step.accept(of_b)).unwrap();
        world.run_for(5_000);
        (world, [a, b], [of_a, of_b])
    }
}
