use super::*;

fn subject() -> WorkSubject {
    WorkSubject::knock(
        &[1; 32],
        MailboxId::from_bytes([2; 16]),
        MessageId::from_bytes([3; 16]),
        b"envelope",
    )
}

#[test]
fn a_solution_reaches_its_difficulty() {
    let nonce = subject().solve(10).unwrap();
    assert!(subject().difficulty_of(nonce) >= 10);
    assert!((0..nonce).all(|earlier| subject().difficulty_of(earlier) < 10));
}

#[test]
fn the_hash_is_the_documented_one() {
    let mut input = labels::KNOCK_WORK.as_bytes().to_vec();
    input.extend_from_slice(&[1; 32]);
    input.extend_from_slice(&[2; 16]);
    input.extend_from_slice(&[3; 16]);
    input.extend_from_slice(&Sha256::digest(b"envelope"));
    input.extend_from_slice(&77u64.to_be_bytes());
    let digest = Sha256::digest(input);
    let bits = u32::from_be_bytes(digest[..4].try_into().unwrap()).leading_zeros();
    assert_eq!(subject().difficulty_of(77).min(32), bits);
}

#[test]
fn work_is_bound_to_every_part() {
    let nonce = subject().solve(12).unwrap();
    let mailbox = MailboxId::from_bytes([2; 16]);
    let message = MessageId::from_bytes([3; 16]);
    let others = [
        WorkSubject::knock(&[9; 32], mailbox, message, b"envelope"),
        WorkSubject::knock(
            &[1; 32],
            MailboxId::from_bytes([9; 16]),
            message,
            b"envelope",
        ),
        WorkSubject::knock(
            &[1; 32],
            mailbox,
            MessageId::from_bytes([9; 16]),
            b"envelope",
        ),
        WorkSubject::knock(&[1; 32], mailbox, message, b"envelopf"),
        WorkSubject::pop(&[1; 32], mailbox, PopId::from_bytes([3; 16])),
    ];
    for other in others {
        assert!(other.difficulty_of(nonce) < 12);
    }
}

#[test]
fn an_unreasonable_difficulty_is_refused() {
    assert_eq!(subject().solve(MAX_DIFFICULTY + 1), Err(TooHard));
    assert_eq!(subject().search(0, 5, 0), Ok(ControlFlow::Continue(5)));
    assert_eq!(subject().search(0, 5, 1), Ok(ControlFlow::Break(5)));
    let hardest = subject().search(MAX_DIFFICULTY, 5, 0);
    assert_eq!(hardest, Ok(ControlFlow::Continue(5)));
}
