use super::*;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

#[test]
fn a_login_verifies_only_as_signed() {
    let key = key();
    let public = key.verifying_key().to_bytes();
    let login = LoginBody {
        challenge: &[1; 32],
        binding: BindingValue::Host([2; 32]),
        mailbox_key: &public,
        peek: false,
    };
    let signature = login.sign(&key);
    assert_eq!(login.verify(&signature), Ok(()));
    assert_eq!(login.verify(&signature[..63]), Err(BadSignature));
    for other in [
        LoginBody {
            challenge: &[9; 32],
            ..login
        },
        LoginBody {
            binding: BindingValue::Exporter([2; 32]),
            ..login
        },
        LoginBody {
            binding: BindingValue::Host([9; 32]),
            ..login
        },
        LoginBody {
            peek: true,
            ..login
        },
    ] {
        assert_eq!(other.verify(&signature), Err(BadSignature));
    }
}

#[test]
fn record_signatures_are_not_interchangeable() {
    let key = key();
    let public = key.verifying_key().to_bytes();
    let put = PutRecordBody {
        write_key: &public,
        expected_version: 4,
        value: b"v",
    };
    let delete = DeleteRecordBody {
        write_key: &public,
        expected_version: 4,
    };
    let signature = put.sign(&key);
    assert_eq!(put.verify(&signature), Ok(()));
    assert_eq!(delete.verify(&signature), Err(BadSignature));
    assert_eq!(delete.verify(&delete.sign(&key)), Ok(()));
    let later = PutRecordBody {
        expected_version: 5,
        ..put
    };
    assert_eq!(later.verify(&signature), Err(BadSignature));
    let changed = PutRecordBody { value: b"w", ..put };
    assert_eq!(changed.verify(&signature), Err(BadSignature));
}

#[test]
fn the_framing_is_the_documented_one() {
    assert_eq!(frame("ab", b"xyz"), b"\x02ab\0\0\0\0\0\0\0\x03xyz");
}

#[test]
fn a_small_order_key_signs_nothing() {
    // The neutral element as key and as R, with s = 0, satisfies the loose equation for every message.
    let mut weak = [0; 32];
    weak[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    let delete = DeleteRecordBody {
        write_key: &weak,
        expected_version: 1,
    };
    assert_eq!(delete.verify(&signature), Err(BadSignature));
}
