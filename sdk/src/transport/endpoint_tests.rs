use super::*;

fn parse(text: &str) -> Result<Endpoint, EndpointError> {
    text.parse()
}

#[test]
fn the_spellings_of_one_relay_are_one_endpoint() {
    let bare = parse("Relay.Example").unwrap();
    for text in [
        "wss://relay.example",
        "https://relay.example/",
        "wss://relay.example:443",
        "https://RELAY.example:443",
    ] {
        assert_eq!(parse(text).unwrap(), bare, "{text}");
    }
    assert_eq!(
        (bare.host().as_str(), bare.port(), bare.is_tls()),
        ("relay.example", 443, true)
    );
    assert_eq!(bare.authority(), "relay.example");
    assert_eq!(
        parse("relay.example:8443").unwrap().authority(),
        "relay.example:8443"
    );
}

#[test]
fn ipv6_has_brackets_in_the_header_and_none_in_the_binding() {
    let endpoint = parse("ws://[::1]:9750").unwrap();
    assert_eq!(endpoint.host(), "::1");
    assert_eq!(endpoint.authority(), "[::1]:9750");
    assert_eq!(endpoint.literal(), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
}

#[test]
fn plaintext_is_for_loopback_only() {
    for text in [
        "ws://127.0.0.1:9750",
        "http://localhost:9750",
        "ws://127.8.0.1",
    ] {
        assert!(!parse(text).unwrap().is_tls(), "{text}");
    }
    for text in [
        "ws://relay.example",
        "http://10.0.0.1:9750",
        "ws://localhost.evil.example",
    ] {
        assert_eq!(
            parse(text),
            Err(EndpointError::PlaintextNotLoopback),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_a_bare_address_is_refused() {
    assert_eq!(
        parse("wss://relay.example/path"),
        Err(EndpointError::NotBare)
    );
    assert_eq!(
        parse("wss://user@relay.example"),
        Err(EndpointError::NotBare)
    );
    assert_eq!(
        parse("wss://relay.example?x=1"),
        Err(EndpointError::NotBare)
    );
    assert_eq!(
        parse("https://relay.example/#ut1abc"),
        Err(EndpointError::NotBare)
    );
    assert_eq!(parse("ftp://relay.example"), Err(EndpointError::Malformed));
    assert_eq!(parse(""), Err(EndpointError::Malformed));
    assert_eq!(
        parse("wss://relay.example:99999"),
        Err(EndpointError::Malformed)
    );
    assert_eq!(parse(&"a".repeat(129)), Err(EndpointError::TooLong));
}
