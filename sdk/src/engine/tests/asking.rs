//! What a test asks of the world, in the words of its users.

use undertone_protocol::content::MessageId;
use undertone_protocol::invite::InviteLink;

use super::world::World;
use crate::store::{ContactId, ContactState, ConversationId, MessageState};

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
            .map(|row| (row.message.body, row.message.state))
            .collect()
    }

    pub(super) fn texts(&mut self, device: usize, contact: ContactId) -> Vec<String> {
        self.history(device, contact)
            .into_iter()
            .map(|(text, _)| text)
            .collect()
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
