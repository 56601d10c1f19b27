//! vodozemac (Olm) as a peer: X3DH without a KEM and a Double Ratchet with plain headers.

use ::vodozemac::olm::{Account, InboundCreationResult, OlmMessage, Session, SessionConfig};

use crate::bench::BenchError;
use crate::bench::measure::cpu_us;

/// Name and version in the table.
pub(super) const NAME: &str = "vodozemac 0.11.1";

/// Two sessions with one another, after each side has received from the other.
pub(super) struct Pair {
    pub(super) alice: Session,
    pub(super) bob: Session,
}

impl Pair {
    pub(super) fn established() -> Result<Self, BenchError> {
        let (
            mut alice,
            InboundCreationResult {
                session: mut bob, ..
            },
        ) = handshake()?;
        alice.decrypt(&bob.encrypt("hello")?)?;
        bob.decrypt(&alice.encrypt("hello")?)?;
        Ok(Self { alice, bob })
    }
}

fn handshake() -> Result<(Session, InboundCreationResult), BenchError> {
    let (alice, mut bob) = (Account::new(), account_with_one_time_key());
    let (session, message) = initiate(&alice, &bob)?;
    let message = pre_key(message)?;
    let inbound =
        bob.create_inbound_session(SessionConfig::version_1(), alice.curve25519_key(), &message)?;
    Ok((session, inbound))
}

fn account_with_one_time_key() -> Account {
    let mut account = Account::new();
    account.generate_one_time_keys(1);
    account
}

fn initiate(alice: &Account, bob: &Account) -> Result<(Session, OlmMessage), BenchError> {
    let one_time_key = *bob
        .one_time_keys()
        .values()
        .next()
        .ok_or("no one-time key")?;
    let mut session = alice.create_outbound_session(
        SessionConfig::version_1(),
        bob.curve25519_key(),
        one_time_key,
    )?;
    let message = session.encrypt([1; 100])?;
    Ok((session, message))
}

fn pre_key(message: OlmMessage) -> Result<::vodozemac::olm::PreKeyMessage, BenchError> {
    match message {
        OlmMessage::PreKey(message) => Ok(message),
        OlmMessage::Normal(_) => Err("a first message that is no pre-key message".into()),
    }
}

/// One pass of encrypting 100 bytes to wire bytes, in an established session.
pub(super) fn encrypt(pair: &mut Pair, operations: u32) -> Result<f64, BenchError> {
    cpu_us(operations, || {
        for _ in 0..operations {
            std::hint::black_box(wire_bytes(pair.alice.encrypt([1; 100])?));
        }
        Ok(())
    })
}

/// One pass of decrypting 100 bytes from wire bytes, in order.
pub(super) fn decrypt(operations: u32) -> Result<f64, BenchError> {
    let Pair { mut alice, mut bob } = Pair::established()?;
    let mut messages = Vec::new();
    for _ in 0..operations {
        messages.push(wire_bytes(alice.encrypt([1; 100])?));
    }
    cpu_us(operations, || {
        for message in &messages {
            std::hint::black_box(bob.decrypt(&from_wire(message)?)?);
        }
        Ok(())
    })
}

/// One pass of setting up a session as its initiator, with the first message.
pub(super) fn setup_initiator(operations: u32) -> Result<f64, BenchError> {
    let (alice, bob) = (Account::new(), account_with_one_time_key());
    cpu_us(operations, || {
        for _ in 0..operations {
            let (session, message) = initiate(&alice, &bob)?;
            std::hint::black_box((session, message.to_parts()));
        }
        Ok(())
    })
}

/// One pass of setting up a session as its responder, from the first message.
pub(super) fn setup_responder(operations: u32) -> Result<f64, BenchError> {
    let mut first_messages = Vec::new();
    for _ in 0..operations {
        let (alice, bob) = (Account::new(), account_with_one_time_key());
        let (_, message) = initiate(&alice, &bob)?;
        first_messages.push((bob, alice.curve25519_key(), message.to_parts()));
    }
    cpu_us(operations, || {
        for (bob, identity_key, (kind, bytes)) in &mut first_messages {
            let message = pre_key(OlmMessage::from_parts(*kind, bytes)?)?;
            std::hint::black_box(bob.create_inbound_session(
                SessionConfig::version_1(),
                *identity_key,
                &message,
            )?);
        }
        Ok(())
    })
}

/// One pass of round trips in which every message is a DH step.
pub(super) fn ping_pong(pair: &mut Pair, operations: u32) -> Result<f64, BenchError> {
    cpu_us(operations, || {
        for _ in 0..operations {
            pair.bob
                .decrypt(&from_wire(&wire_bytes(pair.alice.encrypt([1; 100])?))?)?;
            pair.alice
                .decrypt(&from_wire(&wire_bytes(pair.bob.encrypt([1; 100])?))?)?;
        }
        Ok(())
    })
}

/// One pass of receiving a message before which `skipped` are missing. It keeps 40 of the skipped keys only.
pub(super) fn skip(skipped: u32, operations: u32) -> Result<f64, BenchError> {
    let mut waiting = Vec::new();
    for _ in 0..operations {
        let Pair { mut alice, bob } = Pair::established()?;
        for _ in 0..skipped {
            alice.encrypt([1; 100])?;
        }
        waiting.push((bob, wire_bytes(alice.encrypt([1; 100])?)));
    }
    cpu_us(operations, || {
        for (bob, message) in &mut waiting {
            std::hint::black_box(bob.decrypt(&from_wire(message)?)?);
        }
        Ok(())
    })
}

/// One pass of encrypting 100 bytes once for each session; microseconds for all of them together.
pub(super) fn seal_to_all(pairs: &mut [Pair]) -> Result<f64, BenchError> {
    cpu_us(1, || {
        for pair in pairs {
            std::hint::black_box(wire_bytes(pair.alice.encrypt([1; 100])?));
        }
        Ok(())
    })
}

/// A message of an established session as it crosses the wire.
fn wire_bytes(message: OlmMessage) -> Vec<u8> {
    message.to_parts().1
}

fn from_wire(bytes: &[u8]) -> Result<OlmMessage, BenchError> {
    Ok(::vodozemac::olm::Message::from_bytes(bytes)?.into())
}
