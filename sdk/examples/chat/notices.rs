//! What events have to say.

use undertone::{
    Actor, ClientEvent, Connection, ContactId, ConversationId, Event, GapState, MessageId,
};

use crate::record::Record;
use crate::session::{Answer, Session};
use crate::wording::{
    actor, alarm_text, contact_record, delay_text, error_record, failure_text, gap_text, hex,
    message_record, state_name,
};

impl Session {
    /// What an event has to say.
    pub(crate) async fn notice(&mut self, event: ClientEvent) -> Vec<Record> {
        self.try_notice(event)
            .await
            .unwrap_or_else(|failure| vec![error_record(&failure)])
    }

    async fn try_notice(&mut self, event: ClientEvent) -> Answer {
        let record = match event {
            ClientEvent::Changed(event) => return self.changed(event).await,
            ClientEvent::Connection(state) => return Ok(self.connection(state)),
            ClientEvent::StoreFailed(error) => Record::Error {
                actor: actor(error.actor()),
                text: error.to_string(),
            },
            ClientEvent::Deletion(state) => return Ok(vec![self.deletion(state)]),
            ClientEvent::StoreRecovered => Record::Alarm {
                text: "the store can be written again".to_owned(),
            },
            ClientEvent::Missed { events } => Record::Alarm {
                text: format!("{events} events were missed; see /list"),
            },
            _ => return Ok(vec![]),
        };
        Ok(vec![record])
    }

    /// Told when it changes, not at each attempt.
    fn connection(&mut self, state: Connection) -> Vec<Record> {
        let record = match state {
            Connection::Online => Record::Online,
            Connection::Offline => Record::Offline {
                reason: "offline".to_owned(),
                actor: actor(Actor::Nobody),
            },
            Connection::Down { cause, .. } => Record::Offline {
                reason: cause.to_string(),
                actor: actor(cause.actor()),
            },
            _ => return vec![],
        };
        if self.connection.as_ref() == Some(&record) {
            return vec![];
        }
        self.connection = Some(record.clone());
        vec![record]
    }

    async fn changed(&mut self, event: Event) -> Answer {
        Ok(match event {
            Event::CaughtUp => vec![Record::CaughtUp],
            Event::Reachable => vec![Record::Reachable],
            Event::MessageAdded {
                conversation,
                message,
            } => return self.message_added(conversation, message).await,
            Event::MessageChanged { message, state, .. } => vec![Record::State {
                id: hex(message),
                state: state_name(state),
                reason: failure_text(state),
            }],
            Event::MessageEdited {
                conversation,
                message,
            } => return self.message_edited(conversation, message).await,
            Event::Typing {
                conversation,
                typing,
            } => vec![Record::Typing {
                number: self.number_of(conversation).await?,
                typing,
            }],
            Event::PresenceChanged { conversation } => {
                let number = self.number_of(conversation).await?;
                return self.presence(number).await;
            }
            Event::MessageRemoved { message, .. } => vec![Record::Removed { id: hex(message) }],
            Event::RequestReceived { contact } => match self.client.contact(contact).await? {
                Some(contact) => vec![self.request_record(&contact).await?],
                None => vec![],
            },
            Event::ContactChanged { contact } => return self.contact_changed(contact).await,
            Event::SendingDelayed { contact, reason } => vec![Record::Delay {
                number: contact.get(),
                reason: delay_text(reason),
            }],
            Event::GapsChanged { conversation } => return self.gaps_changed(conversation).await,
            Event::SendingResumed { contact } => vec![Record::Resumed {
                number: contact.get(),
            }],
            Event::Online | Event::ConversationChanged { .. } | Event::NameChanged => vec![],
            other => vec![Record::Alarm {
                text: alarm_text(&other),
            }],
        })
    }

    async fn message_added(&mut self, conversation: ConversationId, message: MessageId) -> Answer {
        let Some(message) = self.client.message(message).await? else {
            return Ok(vec![]);
        };
        let number = self.number_of(conversation).await?;
        if self.open.map(ContactId::get) == Some(number) && message.sender.is_some() {
            let conversation = self.client.conversation(conversation);
            conversation.mark_read(message.position).await?;
        }
        Ok(vec![message_record(number, &message)])
    }

    async fn message_edited(&self, conversation: ConversationId, message: MessageId) -> Answer {
        let number = self.number_of(conversation).await?;
        let message = self.client.message(message).await?;
        let mut records: Vec<Record> = message
            .iter()
            .map(|message| message_record(number, message))
            .collect();
        if let Some(Record::Message { again, .. }) = records.first_mut() {
            *again = true;
        }
        Ok(records)
    }

    /// How many messages are missing now.
    async fn gaps_changed(&mut self, conversation: ConversationId) -> Answer {
        let number = self.number_of(conversation).await?;
        let gaps = self.client.conversation(conversation).gaps().await?;
        let messages = gaps.iter().map(|gap| gap.messages).sum();
        let is_lost = gaps.iter().all(|gap| gap.state == GapState::Unavailable);
        let text = match messages {
            0 => "all that was missing has come",
            _ if is_lost => gap_text(GapState::Unavailable),
            _ => gap_text(GapState::Requested),
        };
        let mut records = vec![Record::Missing {
            number,
            messages,
            text,
        }];
        records.extend(self.gaps_shown(number).await?);
        Ok(records)
    }

    async fn contact_changed(&mut self, id: ContactId) -> Answer {
        let Some(contact) = self.client.contact(id).await? else {
            return Ok(vec![]);
        };
        let record = contact_record(&contact);
        let news = self.told.insert(id, record.clone()).as_ref() != Some(&record);
        Ok(news.then_some(record).into_iter().collect())
    }
}
