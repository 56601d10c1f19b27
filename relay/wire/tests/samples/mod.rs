//! One frame of each kind, with every field set.

use bytes::Bytes;
use undertone_wire::frame::Body;
use undertone_wire::right::Right as RightBody;
use undertone_wire::*;

fn bytes(byte: u8, len: usize) -> Bytes {
    Bytes::from(vec![byte; len])
}

fn by_bearer() -> Option<Right> {
    Some(Right {
        right: Some(RightBody::Bearer(bytes(0xbe, 16))),
    })
}

fn by_work() -> Option<Right> {
    Some(Right {
        right: Some(RightBody::Work(KnockWork {
            challenge: bytes(0xc4, 32),
            nonce: 0x0123_4567_89ab_cdef,
        })),
    })
}

fn record() -> Record {
    Record {
        version: 5,
        value: bytes(0x7a, 3),
    }
}

fn recipients() -> Vec<Recipient> {
    vec![
        Recipient {
            mailbox: bytes(0x11, 16),
            message_id: bytes(0x22, 16),
            right: by_bearer(),
            envelope: Bytes::new(),
        },
        Recipient {
            mailbox: bytes(0x12, 16),
            message_id: bytes(0x23, 16),
            right: by_work(),
            envelope: bytes(0xee, 4),
        },
    ]
}

fn relay_bodies() -> Vec<Body> {
    vec![
        Body::Hello(Hello {
            protocol_version: 1,
            challenge: bytes(0xc1, 32),
            time_ms: 1_790_000_000_123,
            store_epoch: bytes(0xe0, 16),
            channel_binding: ChannelBinding::Exporter.into(),
            limits: Some(Limits {
                max_frame_bytes: 1,
                max_envelope_bytes: 2,
                max_record_bytes: 3,
                max_recipients: 4,
                max_requests_in_flight: 5,
                heartbeat_ms: 6,
                reconnect_jitter_ms: 7,
                delivery_window: 8,
            }),
        }),
        Body::Deliver(Deliver {
            seq: 1_876_951_040_000_001,
            message_id: bytes(0x22, 16),
            envelope: bytes(0xee, 4),
        }),
        Body::CaughtUp(CaughtUp { seq: 300 }),
        Body::Gap(Gap {
            from_seq: 7,
            to_seq: 9,
        }),
        Body::LowPrekeys(LowPrekeys {
            one_time_x25519: 50,
            one_time_kem: 25,
        }),
        Body::Ephemeral(Ephemeral {
            envelope: bytes(0xee, 4),
        }),
        Body::Closing(Closing {
            reason: ErrorCode::Displaced.into(),
            retry_after_ms: 1_000,
        }),
        Body::Done(Done {}),
        Body::Failure(Failure {
            code: ErrorCode::Conflict.into(),
            retry_after_ms: 250,
            current: Some(record()),
            required_difficulty: 21,
        }),
        Body::Authenticated(Authenticated {
            last_seq: 12,
            acked_seq: 10,
            created: true,
        }),
        Body::Sent(Sent {}),
        Body::SentMany(SentMany {
            results: vec![
                Outcome {
                    code: ErrorCode::Ok.into(),
                    required_difficulty: 0,
                },
                Outcome {
                    code: ErrorCode::WorkRequired.into(),
                    required_difficulty: 22,
                },
            ],
        }),
        Body::PoppedPrekeys(PoppedPrekeys {
            page: bytes(0x9a, 3),
            one_time_x25519: bytes(0x25, 3),
            kem: bytes(0x4e, 3),
            kem_is_last_resort: true,
        }),
        Body::Record(record()),
        Body::Pong(Pong {
            opaque: bytes(0x01, 2),
            time_ms: 1_790_000_000_123,
        }),
        Body::WorkChallenge(WorkChallenge {
            challenge: bytes(0xc4, 32),
            difficulty: 20,
            expires_ms: 1_790_000_300_000,
        }),
        Body::PrekeyCounts(PrekeyCounts {
            one_time_x25519: 99,
            one_time_kem: 49,
        }),
    ]
}

fn client_bodies() -> Vec<Body> {
    vec![
        Body::Authenticate(Authenticate {
            mailbox_key: bytes(0x3b, 32),
            signature: bytes(0x51, 64),
            after_seq: 300,
            peek: true,
        }),
        Body::Ack(Ack { up_to_seq: 300 }),
        Body::Credit(Credit { deliveries: 64 }),
        Body::SetTokens(SetTokens {
            tokens: vec![TokenHash {
                hash: bytes(0xa5, 32),
                kind: TokenKind::Invite.into(),
                expires_ms: 1_790_000_000_000,
                quota: 16,
            }],
        }),
        Body::ReplacePrekeys(ReplacePrekeys {
            page: bytes(0x9a, 3),
            last_resort_kem: bytes(0x4f, 3),
            one_time_x25519: vec![PrekeyItem {
                id: bytes(0x01, 4),
                item: bytes(0x25, 3),
            }],
            one_time_kem: vec![PrekeyItem {
                id: bytes(0x02, 4),
                item: bytes(0x4e, 3),
            }],
            append: true,
        }),
        Body::DeleteMailbox(DeleteMailbox {}),
        Body::PrekeyStatus(PrekeyStatus {}),
        Body::Send(Send {
            mailbox: bytes(0x11, 16),
            message_id: bytes(0x22, 16),
            right: by_bearer(),
            envelope: bytes(0xee, 4),
            wake: true,
            ephemeral: true,
        }),
        Body::SendMany(SendMany {
            recipients: recipients(),
            shared_envelope: bytes(0xef, 4),
            wake: true,
            ephemeral: true,
        }),
        Body::PopPrekeys(PopPrekeys {
            mailbox: bytes(0x11, 16),
            pop_id: bytes(0x90, 16),
            right: by_work(),
        }),
        Body::GetRecord(GetRecord {
            id: bytes(0x4d, 16),
        }),
        Body::PutRecord(PutRecord {
            write_key: bytes(0x3c, 32),
            expected_version: 4,
            value: bytes(0x7a, 3),
            signature: bytes(0x51, 64),
        }),
        Body::DeleteRecord(DeleteRecord {
            write_key: bytes(0x3c, 32),
            expected_version: 5,
            signature: bytes(0x51, 64),
        }),
        Body::Ping(Ping {
            opaque: bytes(0x01, 2),
        }),
        Body::Challenge(Challenge {}),
    ]
}

/// The name of a body. There is no wildcard: whoever adds a message adds it here and to the samples.
fn name(body: &Body) -> &'static str {
    match body {
        Body::Hello(_) => "hello",
        Body::Deliver(_) => "deliver",
        Body::CaughtUp(_) => "caught_up",
        Body::Gap(_) => "gap",
        Body::LowPrekeys(_) => "low_prekeys",
        Body::Ephemeral(_) => "ephemeral",
        Body::Closing(_) => "closing",
        Body::Authenticate(_) => "authenticate",
        Body::Ack(_) => "ack",
        Body::Credit(_) => "credit",
        Body::SetTokens(_) => "set_tokens",
        Body::ReplacePrekeys(_) => "replace_prekeys",
        Body::DeleteMailbox(_) => "delete_mailbox",
        Body::PrekeyStatus(_) => "prekey_status",
        Body::Send(_) => "send",
        Body::SendMany(_) => "send_many",
        Body::PopPrekeys(_) => "pop_prekeys",
        Body::GetRecord(_) => "get_record",
        Body::PutRecord(_) => "put_record",
        Body::DeleteRecord(_) => "delete_record",
        Body::Ping(_) => "ping",
        Body::Challenge(_) => "challenge",
        Body::Done(_) => "done",
        Body::Failure(_) => "failure",
        Body::Authenticated(_) => "authenticated",
        Body::Sent(_) => "sent",
        Body::SentMany(_) => "sent_many",
        Body::PoppedPrekeys(_) => "popped_prekeys",
        Body::Record(_) => "record",
        Body::Pong(_) => "pong",
        Body::WorkChallenge(_) => "work_challenge",
        Body::PrekeyCounts(_) => "prekey_counts",
    }
}

/// Each with its name.
pub(crate) fn frames() -> Vec<(&'static str, Frame)> {
    let unasked = [
        "hello",
        "deliver",
        "caught_up",
        "gap",
        "low_prekeys",
        "ephemeral",
        "closing",
    ];
    relay_bodies()
        .into_iter()
        .chain(client_bodies())
        .map(|body| {
            let name = name(&body);
            let request_id = if unasked.contains(&name) { 0 } else { 0x1234 };
            let body = Some(body);
            (name, Frame { request_id, body })
        })
        .collect()
}
