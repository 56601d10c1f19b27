use super::*;

/// The answer to the ratchet key that was stolen, and nothing that is encrypted to a later one.
#[test]
fn a_theft_heals_with_the_next_ratchet_key() {
    assert_eq!(messages_until_healed(Thief::Classical, 1).unwrap(), 1);
}

/// What is left of the epoch in which the state was stolen, and the whole of the next one, whose secret is the victim's to draw; no less
/// than one epoch, or the thief does not read what he could.
#[test]
fn against_a_thief_who_undoes_x25519_a_theft_heals_within_two_epochs() {
    for seed in 1..=3 {
        let healed = messages_until_healed(Thief::UndoesDiffieHellman, seed).unwrap();
        assert!((42..=83).contains(&healed), "{healed}");
    }
}
