//! The other texts that people and links give: relay addresses, account ids, recovery phrases.
//!
//! Asserted: what is read is written in its one form, which reads back as the same, whatever case and white space it is given in; without TLS only
//! this machine is reached; a phrase with another word is another root or none.

use core::net::Ipv4Addr;

use undertone_protocol::account::{AccountId, ROOT_LEN, Root};
use undertone_protocol::limits::MAX_RELAY_ADDRESS_LEN;
use undertone_protocol::primitives::secret::SecretBytes;
use undertone_protocol::recovery_phrase::{self, WORD_COUNT};
use undertone_protocol::relay_address::{RelayAddress, Scheme};

use crate::edit::chosen;
use crate::party::ALICE;

/// The first byte chooses: relay address, account id, phrase, the phrase of a root.
pub fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    match choice % 4 {
        0 => relay_address(&text),
        1 => account_id(&text),
        2 => phrase(&text),
        _ => phrase_of_root(bytes),
    }
}

fn relay_address(text: &str) {
    let Ok(address) = RelayAddress::parse(text) else {
        return;
    };
    let canonical = address.as_str();
    assert!(canonical.len() <= MAX_RELAY_ADDRESS_LEN);
    let (prefix, port) = match address.scheme() {
        Scheme::Http => ("http://", 80),
        Scheme::Https => ("https://", 443),
    };
    let behind = if address.port() == port {
        String::new()
    } else {
        format!(":{}", address.port())
    };
    assert_eq!(canonical, format!("{prefix}{}{behind}", address.host()));
    assert_eq!(
        RelayAddress::parse_canonical(canonical.as_bytes()).as_ref(),
        Ok(&address)
    );
    for spelling in [
        canonical.to_ascii_uppercase(),
        format!("{canonical}/"),
        format!("{prefix}{}:{}", address.host(), address.port()),
    ] {
        assert_eq!(RelayAddress::parse(&spelling).as_ref(), Ok(&address));
    }
    if address.scheme() == Scheme::Http {
        let ip = address.host().parse::<Ipv4Addr>();
        let local = ["localhost", "[::1]"].contains(&address.host());
        assert!(local || ip.is_ok_and(|ip| ip.is_loopback()));
    }
}

fn account_id(text: &str) {
    let Ok(id) = AccountId::parse_text(text) else {
        return;
    };
    let canonical = id.to_text();
    assert_eq!(canonical, text.to_ascii_lowercase());
    assert_eq!(
        AccountId::parse_text(&canonical.to_ascii_uppercase()),
        Ok(id)
    );
    assert_eq!(AccountId::parse(id.as_bytes()), Ok(id));
}

fn phrase(text: &str) {
    let Ok(root) = recovery_phrase::parse(text) else {
        return;
    };
    let words = recovery_phrase::words(&root);
    let lower = text.to_lowercase();
    assert!(lower.split_whitespace().eq(words));
}

/// 32 bytes of root, then a word and another one for it.
fn phrase_of_root(bytes: &[u8]) {
    let Some((root, rest)) = bytes.split_first_chunk::<ROOT_LEN>() else {
        return;
    };
    let root = Root::from_secret(SecretBytes::copy_from(root));
    let mut words = recovery_phrase::words(&root).map(str::to_owned);
    let spelled = words.join("\t ").to_uppercase();
    let again = recovery_phrase::parse(&spelled).unwrap();
    assert_eq!(again.expose(), root.expose());
    let Some((at, other)) = rest.split_first() else {
        return;
    };
    let at = usize::from(*at) % WORD_COUNT;
    let other = String::from_utf8_lossy(other).to_lowercase();
    if other.split_whitespace().eq([words[at].as_str()]) {
        return;
    }
    words[at] = other;
    if let Ok(read) = recovery_phrase::parse(&words.join(" ")) {
        assert_ne!(read.expose(), root.expose());
    }
}

/// Addresses of each kind, an account id, phrases.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let addresses = [
        "https://relay.example",
        "HTTPS://Relay.Example:9750/",
        "https://xn--bcher-kva.example:443",
        "https://192.0.2.1",
        "https://[2001:DB8::1]:9750",
        "http://localhost:9750",
        "http://127.0.0.1",
        "http://[::1]:8080",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "https://user@relay.example/path?query#fragment",
    ];
    let mut seeds: Vec<_> = addresses.map(|text| chosen(0, text.as_bytes())).into();
    let root = Root::from_secret(SecretBytes::copy_from(&[0x5a; ROOT_LEN]));
    let words = recovery_phrase::words(&root).join(" ");
    seeds.push(chosen(1, ALICE.account.to_text().as_bytes()));
    seeds.push(chosen(2, words.as_bytes()));
    seeds.push(chosen(3, &[&[7; ROOT_LEN], &b"\x03abandon"[..]].concat()));
    seeds
}
