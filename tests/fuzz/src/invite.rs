//! Invite links: any text, an honest link that was edited, and a payload that was edited, byte by byte or in its symbols of five bits, and then
//! written as a link with the right checksum.
//!
//! Asserted: a link that is read is written as the one text of its payload, which reads back as the same, in upper case too; the payload says what
//! was encoded.

use std::sync::LazyLock;

use bech32::{Bech32m, ByteIterExt, Fe32, Fe32IterExt, Hrp};
use undertone_protocol::invite::{InviteLink, InviteToken};

use crate::edit::{chosen, edited, flip};
use crate::party::{ALICE, introduction, relay};

/// The last of the payload's symbols: 81 bytes fill 129 of them and three bits of this one.
const LAST_SYMBOL: u16 = 129;

/// Longest payload whose text has a checksum of full strength.
const MAX_PAYLOAD: usize = 600;

static HONEST: LazyLock<String> = LazyLock::new(|| {
    let link = InviteLink {
        relay: relay(),
        account: ALICE.account,
        manifest_write_key: introduction().manifest_write_key,
        token: InviteToken::from_bytes(&[4; 16]),
    };
    link.to_text().to_string()
});

/// Version, account, manifest write key, token.
static PAYLOAD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let write_key = introduction().manifest_write_key;
    let (account, token) = (ALICE.account, [4; 16]);
    [&[1], &account.as_bytes()[..], write_key.as_bytes(), &token].concat()
});

/// The first byte chooses: a text, the honest link edited, its payload edited, its symbols edited.
pub fn run(data: &[u8]) {
    let Some((choice, script)) = data.split_first() else {
        return;
    };
    match choice % 4 {
        0 => _ = read(&String::from_utf8_lossy(script)),
        1 => _ = read(&String::from_utf8_lossy(&edited(HONEST.as_bytes(), script))),
        2 => {
            let payload = edited(&PAYLOAD, script);
            if let Some(link) = read(&text_of(&payload)) {
                assert_eq!(says(&link), payload);
            }
        }
        _ => {
            let symbols = PAYLOAD.iter().copied().bytes_to_fes();
            let symbols: Vec<_> = symbols.map(Fe32::to_u8).collect();
            _ = read(&link_of(edited(&symbols, script).into_iter()));
        }
    }
}

fn read(text: &str) -> Option<InviteLink> {
    let link = InviteLink::parse(text).ok()?;
    let canonical = link.to_text();
    assert_eq!(
        *canonical,
        format!(
            "{}/#{}",
            link.relay.as_str(),
            behind(&text_of(&says(&link)))
        )
    );
    assert_eq!(behind(text.trim()).to_ascii_lowercase(), behind(&canonical));
    for spelling in [
        canonical.to_string(),
        canonical.to_uppercase(),
        format!(" {}\n", *canonical),
    ] {
        let again = InviteLink::parse(&spelling);
        let again = again.unwrap_or_else(|error| panic!("{spelling}: {error}"));
        assert_eq!(again.to_text(), canonical);
    }
    Some(link)
}

fn behind(text: &str) -> &str {
    text.split_once('#').unwrap().1
}

fn says(link: &InviteLink) -> Vec<u8> {
    [
        &[1],
        &link.account.as_bytes()[..],
        link.manifest_write_key.as_bytes(),
        link.token.expose(),
    ]
    .concat()
}

fn text_of(payload: &[u8]) -> String {
    let payload = payload.iter().copied().take(MAX_PAYLOAD);
    link_of(payload.bytes_to_fes().map(Fe32::to_u8))
}

/// A link whose payload has these symbols, of which the low five bits count.
fn link_of(symbols: impl Iterator<Item = u8>) -> String {
    let symbols = symbols.map(|symbol| Fe32::try_from(symbol & 0x1f).unwrap());
    let prefix = Hrp::parse("ut").unwrap();
    let payload = symbols.with_checksum::<Bech32m>(&prefix).chars();
    format!("https://relay.example/#{}", payload.collect::<String>())
}

/// The honest link as text, and with one byte changed in each part.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let text = HONEST.as_bytes();
    let mut seeds = vec![
        chosen(0, text),
        chosen(0, HONEST.to_uppercase().as_bytes()),
        chosen(
            0,
            HONEST
                .replace("relay.example", "[2001:db8::1]:9750")
                .as_bytes(),
        ),
        chosen(1, &[]),
        chosen(2, &[]),
        chosen(3, &[]),
        // The bits behind the last byte.
        chosen(3, &flip(LAST_SYMBOL, 1)),
    ];
    for part in [0, 5, 8, 20, 22, 24, 26, 90] {
        seeds.push(chosen(1, &flip(part, 0x20)));
        seeds.push(chosen(2, &flip(part, 1)));
    }
    seeds
}
