use proptest::prelude::*;

use super::*;

#[test]
fn an_address_has_one_form() {
    for (text, canonical, host, port) in [
        (
            "https://relay.example",
            "https://relay.example",
            "relay.example",
            443,
        ),
        (
            "HTTPS://Relay.Example/",
            "https://relay.example",
            "relay.example",
            443,
        ),
        (
            "https://relay.example:443",
            "https://relay.example",
            "relay.example",
            443,
        ),
        (
            "https://relay.example:8443/",
            "https://relay.example:8443",
            "relay.example",
            8443,
        ),
        (
            "https://relay.example:0080",
            "https://relay.example:80",
            "relay.example",
            80,
        ),
        ("https://192.0.2.7", "https://192.0.2.7", "192.0.2.7", 443),
        (
            "https://[2001:DB8:0::1]:444",
            "https://[2001:db8::1]:444",
            "[2001:db8::1]",
            444,
        ),
        (
            "https://xn--bcher-kva.example",
            "https://xn--bcher-kva.example",
            "xn--bcher-kva.example",
            443,
        ),
        (
            "http://127.0.0.1:9750",
            "http://127.0.0.1:9750",
            "127.0.0.1",
            9750,
        ),
        ("http://localhost", "http://localhost", "localhost", 80),
        ("http://[::1]:1", "http://[::1]:1", "[::1]", 1),
    ] {
        let address = RelayAddress::parse(text).unwrap();
        assert_eq!(
            (address.as_str(), address.host(), address.port()),
            (canonical, host, port)
        );
        assert_eq!(
            RelayAddress::parse_canonical(canonical.as_bytes()),
            Ok(address)
        );
        assert!(text == canonical || RelayAddress::parse_canonical(text.as_bytes()).is_err());
    }
}

#[test]
fn other_texts_are_refused_for_what_they_are() {
    use RelayAddressError::{Host, Insecure, Port, Scheme, Suffix, TooLong};
    for (text, error) in [
        ("", Scheme),
        ("relay.example", Scheme),
        ("ftp://relay.example", Scheme),
        ("http://relay.example", Insecure),
        ("http://192.0.2.7", Insecure),
        ("http://localhost.example", Insecure),
        ("http://[2001:db8::1]", Insecure),
        ("https://", Host),
        ("https://:443", Host),
        ("https://-a.example", Host),
        ("https://a..example", Host),
        ("https://relay.example.", Host),
        ("https://relay example", Host),
        ("https://bücher.example", Host),
        ("https://0x7f.1", Host),
        ("https://127.1", Host),
        ("https://127.0.0.01", Host),
        ("https://[::1", Host),
        ("https://[::g]", Host),
        ("https://[::1]443", Host),
        ("https://relay.example:", Port),
        ("https://relay.example:0", Port),
        ("https://relay.example:+1", Port),
        ("https://relay.example:65536", Port),
        ("https://relay.example/path", Suffix),
        ("https://relay.example//", Suffix),
        ("https://relay.example?q", Suffix),
        ("https://relay.example/#ut1", Suffix),
        ("https://user@relay.example", Suffix),
        ("https://relay.example\\path", Suffix),
    ] {
        assert_eq!(RelayAddress::parse(text), Err(error), "{text}");
    }
    let long = format!("https://{}example", "abcdefghi.".repeat(12));
    assert_eq!(RelayAddress::parse(&long), Err(TooLong));
    assert_eq!(
        RelayAddress::parse(&"https://a".repeat(1_000)),
        Err(TooLong)
    );
}

/// A port may have zeros in front, which the canonical form has not.
#[test]
fn a_text_of_256_bytes_is_read_and_no_longer_one() {
    let text = |len: usize| format!("https://relay.example:{:0>1$}", 80, len - 22);
    assert_eq!(text(256).len(), 256);
    assert_eq!(RelayAddress::parse(&text(256)).unwrap().port(), 80);
    assert_eq!(
        RelayAddress::parse(&text(257)),
        Err(RelayAddressError::TooLong)
    );
}

#[test]
fn debug_shows_nothing_of_it() {
    let address = RelayAddress::parse("https://relay.example").unwrap();
    assert_eq!(format!("{address:?}"), "RelayAddress(..)");
}

proptest! {
    #[test]
    fn any_text_is_canonical_or_refused(text in "(https?://)?[a-zA-Z0-9.:\\[\\]/-]{0,40}") {
        if let Ok(address) = RelayAddress::parse(&text) {
            prop_assert!(address.as_str().len() <= MAX_RELAY_ADDRESS_LEN);
            prop_assert_eq!(RelayAddress::parse_canonical(address.as_str().as_bytes()), Ok(address));
        }
    }
}
