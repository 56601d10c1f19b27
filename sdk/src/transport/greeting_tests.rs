use bytes::Bytes;
use undertone_wire::{Closing, Limits};

use super::*;

fn hello(binding: ChannelBinding) -> Hello {
    Hello {
        protocol_version: PROTOCOL_VERSION,
        challenge: Bytes::from_static(&[1; 32]),
        time_ms: 0,
        store_epoch: Bytes::from_static(&[2; 16]),
        channel_binding: binding.into(),
        limits: Some(Limits {
            heartbeat_ms: 12_000,
            ..Limits::default()
        }),
    }
}

fn parse(
    hello: Hello,
    address: &str,
    exporter: Option<[u8; 32]>,
    policy: BindingPolicy,
) -> Result<Greeting, ConnectError> {
    let relay = RelayAddress::parse(address).unwrap();
    let frame = Frame {
        request_id: 0,
        body: Some(Body::Hello(hello)),
    };
    Greeting::parse(
        frame,
        &Expectation {
            relay: &relay,
            exporter,
            policy,
        },
    )
}

const ANY: BindingPolicy = BindingPolicy::ExporterOrHost;

#[test]
fn the_binding_is_what_the_relay_announces_and_the_connection_has() {
    let greeting = parse(
        hello(ChannelBinding::Exporter),
        "https://relay.example",
        Some([7; 32]),
        BindingPolicy::Exporter,
    );
    assert_eq!(greeting.unwrap().binding, BindingValue::Exporter([7; 32]));
    let greeting = parse(
        hello(ChannelBinding::Host),
        "https://Relay.example",
        Some([7; 32]),
        ANY,
    )
    .unwrap();
    assert_eq!(
        greeting.binding,
        BindingValue::Host(binding::host("relay.example"))
    );
    assert_eq!(greeting.heartbeat(), Duration::from_secs(12));
}

#[test]
fn a_host_binding_over_tls_is_refused_when_the_configuration_says_so() {
    let strict = BindingPolicy::Exporter;
    let error = parse(
        hello(ChannelBinding::Host),
        "https://relay.example",
        Some([7; 32]),
        strict,
    )
    .err()
    .unwrap();
    assert_eq!(error, ConnectError::BindingRefused);
    assert!(
        parse(
            hello(ChannelBinding::Host),
            "http://127.0.0.1",
            None,
            strict
        )
        .is_ok()
    );
}

#[test]
fn a_greeting_that_cannot_be_is_a_violation() {
    let no_exporter = parse(
        hello(ChannelBinding::Exporter),
        "http://127.0.0.1",
        None,
        ANY,
    )
    .err()
    .unwrap();
    assert_eq!(no_exporter, Violation::Greeting.into());
    let short = Hello {
        challenge: Bytes::from_static(&[1; 31]),
        ..hello(ChannelBinding::Host)
    };
    assert_eq!(
        parse(short, "http://127.0.0.1", None, ANY).err().unwrap(),
        Violation::Greeting.into()
    );
}

#[test]
fn another_version_is_told_apart() {
    let newer = Hello {
        protocol_version: 2,
        ..hello(ChannelBinding::Host)
    };
    assert_eq!(
        parse(newer, "http://127.0.0.1", None, ANY).err().unwrap(),
        ConnectError::UnsupportedVersion { theirs: 2, ours: 1 }
    );
}

#[test]
fn a_relay_that_closes_at_once_is_busy() {
    let relay = RelayAddress::parse("http://127.0.0.1").unwrap();
    let frame = Frame {
        request_id: 0,
        body: Some(Body::Closing(Closing::default())),
    };
    let expected = Expectation {
        relay: &relay,
        exporter: None,
        policy: ANY,
    };
    assert_eq!(
        Greeting::parse(frame, &expected).err().unwrap(),
        ConnectError::Busy
    );
}

#[test]
fn a_relay_cannot_ask_for_a_frantic_or_endless_heartbeat() {
    for (asked, bound) in [(0, HEARTBEAT_MIN), (u32::MAX, HEARTBEAT_MAX)] {
        let limits = Some(Limits {
            heartbeat_ms: asked,
            ..Limits::default()
        });
        let greeting = parse(
            Hello {
                limits,
                ..hello(ChannelBinding::Host)
            },
            "http://127.0.0.1",
            None,
            ANY,
        )
        .unwrap();
        assert_eq!(greeting.heartbeat(), bound);
    }
}
