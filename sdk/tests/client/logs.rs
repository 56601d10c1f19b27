//! What a log shows at its finest level, of this crate and of all that it is made from: no text, no key, no phrase.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;
use undertone::ClientConfig;

use crate::support::{Person, World};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn holds(&self, needle: &str) -> bool {
        let log = self.0.lock().unwrap();
        memmem(&log, needle.as_bytes())
    }
}

/// Whether some bytes occur; quick to tell in a build that is not optimised.
fn memmem(mut haystack: &[u8], needle: &[u8]) -> bool {
    while let Some(at) = haystack.iter().position(|byte| *byte == needle[0]) {
        haystack = &haystack[at..];
        if haystack.starts_with(needle) {
            return true;
        }
        haystack = &haystack[1..];
    }
    false
}

/// How some bytes could stand in a log: as they are, in hexadecimal digits, in base64, as a list of numbers.
fn forms(bytes: &[u8]) -> Vec<String> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = |numbers: String| numbers.trim_matches(['[', ']']).to_owned();
    let mut forms = vec![
        hex.to_uppercase(),
        hex,
        list(format!("{bytes:?}")),
        list(format!("{bytes:02x?}")),
        list(format!("{bytes:#?}")).trim().to_owned(),
        format!("{:?}", bytes.escape_ascii().to_string())
            .trim_matches('"')
            .to_owned(),
        bytes.escape_ascii().to_string(),
    ];
    // Inside of something longer, its digits depend on where it begins, but for those of the first and the last bytes.
    for skipped in 0..3 {
        let digits = base64(&bytes[skipped..], b'+', b'/');
        forms.push(digits[..digits.len() - 4].to_owned());
        forms.push(base64(&bytes[skipped..], b'-', b'_')[..digits.len() - 4].to_owned());
    }
    forms.extend(String::from_utf8(bytes.to_vec()));
    forms
}

fn base64(bytes: &[u8], sixty_two: u8, sixty_three: u8) -> String {
    let digit = |value: u32| match u8::try_from(value & 63).unwrap() {
        value @ 0..26 => char::from(b'A' + value),
        value @ 26..52 => char::from(b'a' + value - 26),
        value @ 52..62 => char::from(b'0' + value - 52),
        62 => char::from(sixty_two),
        _ => char::from(sixty_three),
    };
    let group = |group: &[u8]| {
        let value = group
            .iter()
            .fold(0, |value, byte| value << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| digit(value >> shift))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

/// S5.
#[tokio::test]
async fn s5_no_secret_is_in_the_log_at_its_finest_level() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let world = World::new().await;
    let key: [u8; 32] = std::array::from_fn(|_| rand::random());
    let config = ClientConfig::new(world.store("carol"), key)
        .or_create(&world.relay(), "Carol Canary-Name")
        .offline();
    let mut carol = Person::open(config).await;
    carol.reachable().await;
    let phrase = carol.client.recovery_phrase().await.unwrap();
    let invite = carol
        .client
        .create_invite("qzx-name-of-an-invite-wvk")
        .await
        .unwrap();
    carol.reachable().await;
    let (mut alice, mut bob) = world.friends().await;
    alice.say("qzxwvkjq-canary-pqzkxwvj").await;
    bob.message("qzxwvkjq-canary-pqzkxwvj", |_| true).await;
    alice
        .message("qzxwvkjq-canary-pqzkxwvj", |message| {
            message.state == undertone::MessageState::Delivered
        })
        .await;
    bob.client.lock().await.unwrap();
    let refused = bob.client.unlock(key).await.unwrap_err();
    assert!(!refused.to_string().is_empty());

    let words: Vec<_> = phrase.split(' ').collect();
    let secrets: Vec<String> = [
        &b"qzxwvkjq-canary-pqzkxwvj"[..],
        b"Carol Canary-Name",
        b"qzx-name-of-an-invite-wvk",
        &key,
    ]
    .into_iter()
    .flat_map(forms)
    .chain(words.windows(3).map(|three| three.join(" ")))
    .chain([invite.link.split('#').nth(1).unwrap().to_owned()])
    .collect();
    for secret in &secrets {
        assert!(!log.holds(secret), "{secret:?} is in the log");
    }
    // Control: the log is as fine as it gets, also of what this crate is made from, and each form would be found.
    assert!(log.holds("TRACE") && log.holds("tungstenite"));
    tracing::info!(?key, text = ?b"qzxwvkjq-canary-pqzkxwvj", "control");
    assert!(log.holds(&format!("{key:?}")) && log.holds(&forms(&key)[2]));
    let wrapped = [b"12", &key[..], b"34"].concat();
    let digits = base64(&wrapped[..36], b'+', b'/');
    assert!(forms(&key).iter().any(|form| digits.contains(form)));
}
