//! A full mailbox: its owner is away and it holds what its quota permits. Whoever writes is told what it waits for, and when
//! the owner is back everything arrives, once and in order.

use crate::talk::{Setting, Talk};

/// Envelopes that the mailbox holds, as the relay's operator sets it. Small ones: a quarter is reserved for such.
const QUOTA: usize = 12;

#[test]
fn a_full_mailbox_is_told_to_the_sender_and_loses_nothing() {
    let mut talk = Talk::at(Setting {
        relay_settings: vec![
            ("UNDERTONE_RELAY_MAILBOX_QUOTA_MESSAGES", "12"),
            // Everybody here has one address, which gets no more than a tenth of a mailbox.
            ("UNDERTONE_RELAY_LIMIT_RATES", "false"),
        ],
        ..Setting::default()
    });
    talk.alice_leaves();
    for number in 0..2 * QUOTA {
        talk.bob_says(&format!("{number} while you were away"));
    }
    talk.bob().expect("alarm", |line| {
        line.field(1).starts_with("sending to contact")
            && line
                .field(1)
                .ends_with("waits: their mailbox is full until they come online")
    });
    // What fits was taken, in order; the rest waits, and a restart of the sender's program changes nothing of that.
    for killed in [false, true] {
        if killed {
            talk.bob_is_killed();
            talk.bob_returns();
        }
        let states = talk.states_at_bob();
        let waiting = states.iter().filter(|state| *state == "pending").count();
        assert!((QUOTA..2 * QUOTA).contains(&waiting), "{states:?}");
        let (taken, rest) = states.split_at(states.len() - waiting);
        assert!(rest.iter().all(|state| state == "pending"), "{states:?}");
        assert!(
            taken
                .iter()
                .all(|state| state == "sent" || state == "delivered"),
            "{states:?}"
        );
    }
    talk.alice_returns();
    talk.goes_on();
}
