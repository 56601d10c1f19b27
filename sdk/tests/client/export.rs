//! History as plain files: what is in them, and what is not.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use undertone::{
    AccountId, AppPayload, Client, ExportError, ExportSummary, FormatRange, ImportError,
    ImportSummary, Location, Mention, MessageId, Operation, Post, Progress, Reply, StoreError,
    Style, SystemRow, TextRange, Timer, Timestamp,
};

use crate::support::{Person, World, bytes, key};

/// 24 bytes that nothing else contains, as a token or a name.
const CANARY: &str = "qzxwvkjqpqzkxwvjzqxkwpvj";

/// Every file below a folder with its bytes, by its name in it.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes(&path));
            }
        }
    }
    found
}

fn text(folder: &Path) -> String {
    let texts = tree(folder).into_iter();
    texts
        .filter(|(name, _)| !name.starts_with("media"))
        .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
        .collect()
}

pub(crate) async fn export(client: &Client, folder: &Path) -> ExportSummary {
    client.export(folder, Operation::new()).await.unwrap()
}

pub(crate) async fn import(client: &Client, folder: &Path) -> Result<ImportSummary, ImportError> {
    client.import(folder, Operation::new()).await
}

/// A post with every part.
fn rich_post(them: AccountId, answered: MessageId) -> Post {
    let range = |start, len| TextRange { start, len };
    Post {
        reply: Some(Reply {
            message: answered,
            author: them,
            quote: "hello".to_owned(),
        }),
        mentions: vec![Mention {
            range: range(0, 3),
            account: them,
        }],
        formats: vec![FormatRange {
            range: range(4, 4),
            style: Style::BOLD,
        }],
        location: Some(Location {
            latitude_e7: 525_200_000,
            longitude_e7: -134_050_000,
            accuracy_m: 10,
            label: "Café \u{1}\"東京\"".to_owned(),
        }),
        payload: Some(AppPayload {
            mime_type: "application/x-test".to_owned(),
            bytes: b"payload \x00\xff".to_vec(),
        }),
        ..Post::text("bob, dear: 東京都 \u{1f600}")
    }
}

/// Alice and Bob with everything that an export can hold.
pub(crate) async fn full_history(world: &World) -> (Person, Person) {
    let (mut alice, mut bob) = world.friends().await;
    let at_alice = alice.conversation().await;
    let hello = alice.message("hello", |_| true).await;
    let (me, them) = (
        alice.client.account().await.unwrap(),
        bob.client.account().await.unwrap(),
    );
    let rich = at_alice.send(rich_post(them, hello.id)).await.unwrap();
    alice
        .client
        .edit(rich, Post::text("edited: 東京都"))
        .await
        .unwrap();
    at_alice.send_text("to be taken back").await.unwrap();
    let back = alice.message("to be taken back", |_| true).await;
    alice.client.delete_for_everyone(back.id).await.unwrap();
    let here = at_alice.send_text("forgotten here").await.unwrap();
    alice.client.delete_here(here).await.unwrap();
    alice
        .client
        .react(hello.id, vec!["👍".to_owned()])
        .await
        .unwrap();
    bob.message("edited: 東京都", |_| true).await;
    bob.client.react(rich, vec!["🎉".to_owned()]).await.unwrap();
    alice
        .message("edited: 東京都", |message| message.reactions.len() == 1)
        .await;
    at_alice
        .set_timer(Timer::from_seconds(3_600))
        .await
        .unwrap();
    at_alice.send_text("this disappears").await.unwrap();
    at_alice.set_timer(None).await.unwrap();
    // What he writes before he knows disappears as well.
    let off = Some(SystemRow::TimerSet(None));
    bob.until(async |client| {
        let first = client.conversations(None, 1).await?.remove(0);
        let messages = client.conversation(first.id).messages(None, 500).await?;
        Ok(messages.into_iter().find(|message| message.system == off))
    })
    .await;
    bob.say("unread").await;
    alice.message("unread", |_| true).await;
    alice
        .message("edited: 東京都", |message| message.id == rich)
        .await;
    at_alice.set_pinned(true).await.unwrap();
    at_alice
        .set_muted(Some(Timestamp(4_000_000_000_000)))
        .await
        .unwrap();
    at_alice.set_draft("a draft").await.unwrap();
    alice.client.set_typing_indicators(false).await.unwrap();
    assert_ne!(me, them);
    (alice, bob)
}

#[tokio::test]
async fn an_export_has_everything_that_stays_and_is_the_same_each_time() {
    let world = World::new().await;
    let (alice, bob) = full_history(&world).await;
    // Nothing comes in between.
    alice.client.set_online(false).await;
    bob.client.close().await;
    let (first, second) = (
        world.folder.path().join("first"),
        world.folder.path().join("second"),
    );
    fs::create_dir(&second).unwrap();
    let summary = export(&alice.client, &first).await;
    assert_eq!(summary.contacts, 1);
    assert_eq!(summary.left_out, 1);
    assert_eq!(export(&alice.client, &second).await, summary);
    assert_eq!(tree(&first), tree(&second));
    let written = text(&first);
    for part in [
        "\"hello\"",
        "edited: 東京都",
        "bob, dear: 東京都 \u{1f600}",
        "\"kind\":\"deleted\"",
        "\"kind\":\"timer_set\"",
        "👍",
        "🎉",
        "a draft",
        "\"pinned\":true",
        "\"muted_until\":4000000000000",
        "\"typing_indicators\":false",
        "application/x-test",
        "525200000",
    ] {
        assert!(written.contains(part), "{part}");
    }
    for part in ["this disappears", "forgotten here", "to be taken back"] {
        assert!(!written.contains(part), "{part}");
    }
    let files = tree(&first);
    let names: Vec<_> = files.keys().map(|name| name.to_str().unwrap()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(files.values().any(|bytes| bytes == b"payload \x00\xff"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&first), 0o700);
    assert_eq!(mode(&first.join("contacts.jsonl")), 0o600);
    for line in written.lines() {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
    }
}

#[tokio::test]
async fn no_key_and_no_token_is_in_an_export() {
    let world = World::new().await;
    let (alice, _bob) = full_history(&world).await;
    let invite = alice.client.create_invite(CANARY).await.unwrap();
    let words = alice.client.recovery_phrase().await.unwrap();
    let folder = world.folder.path().join("export");
    export(&alice.client, &folder).await;
    let written = text(&folder);
    assert!(!written.contains(CANARY));
    let token = invite.link.rsplit("ut1").next().unwrap().to_owned();
    assert!(!written.contains(&token[token.len() - 40..]));
    let phrase: Vec<&str> = words.split(' ').take(4).collect();
    assert!(!written.contains(&phrase.join(" ")));
    // Every run of 32 bytes in hexadecimal digits is one that the format names.
    let named = ["\"manifest_key\":\"", "\"sha256\":\""];
    for (at, _) in written.match_indices('"') {
        let run: String = written[at + 1..]
            .chars()
            .take_while(char::is_ascii_hexdigit)
            .collect();
        if run.len() == 64 {
            let before = &written[..=at];
            assert!(named.iter().any(|name| before.ends_with(name)), "{run}");
        }
    }
    // What the store keeps sealed, as it is and in hexadecimal digits.
    alice.client.close().await;
    let secrets = sealed(&world.store("alice"));
    assert!(secrets.len() > 5);
    for secret in secrets {
        for run in secret.windows(16).step_by(8) {
            if run.iter().filter(|byte| **byte == 0).count() > 4 {
                continue;
            }
            let digits: String = run.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!written.contains(&digits));
            assert!(!written.as_bytes().windows(16).any(|part| part == run));
        }
    }
}

/// What a store keeps in sealed columns, in the clear: of contacts, sessions and the identity.
fn sealed(path: &Path) -> Vec<Vec<u8>> {
    use undertone::store::{Store, StoreKey};
    let mut store = Store::open(path, &StoreKey::new(&key("alice"))).unwrap();
    let tx = store.transaction().unwrap();
    // Behind the format's number and the root, which gives public keys too.
    let identity = tx.identity().secrets().unwrap().unwrap();
    let mut secrets = vec![identity[1..].to_vec()];
    for contact in tx.contacts().all().unwrap() {
        let known = tx.contacts().secrets(&contact).unwrap().unwrap();
        secrets.push(known.to_vec());
    }
    for session in tx.sessions().all().unwrap() {
        secrets.push(session.state.to_vec());
        secrets.push(session.pq_material.to_vec());
    }
    for invite in tx.invites().all().unwrap() {
        secrets.push(tx.invites().token(&invite.id).unwrap().unwrap().to_vec());
    }
    secrets
}

#[tokio::test]
async fn an_export_takes_no_place_that_is_taken_and_leaves_nothing_half() {
    let world = World::new().await;
    let (alice, _bob) = world.friends().await;
    let place = |name: &str| world.folder.path().join(name);
    let taken = place("taken");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("mine"), "mine").unwrap();
    let refused = alice.client.export(&taken, Operation::new()).await;
    assert!(matches!(refused, Err(ExportError::NotEmpty)), "{refused:?}");
    fs::write(place("file"), "mine").unwrap();
    let refused = alice.client.export(&place("file"), Operation::new()).await;
    assert!(matches!(refused, Err(ExportError::NotEmpty)), "{refused:?}");
    let nowhere = place("no").join("such").join("folder");
    let refused = alice.client.export(&nowhere, Operation::new()).await;
    assert!(matches!(refused, Err(ExportError::Io(_))), "{refused:?}");

    let operation = Operation::new();
    operation.cancel();
    let cancelled = alice.client.export(&place("cancelled"), operation).await;
    assert!(
        matches!(cancelled, Err(ExportError::Cancelled)),
        "{cancelled:?}"
    );
    assert!(!place("cancelled").exists() && !place("cancelled.partial").exists());

    // What a kill left is replaced; what is somebody else's is not.
    fs::create_dir(place("killed.partial")).unwrap();
    fs::write(place("killed.partial").join("unfinished"), "").unwrap();
    export(&alice.client, &place("killed")).await;
    assert!(!place("killed.partial").exists());
    fs::create_dir(place("other.partial")).unwrap();
    let refused = alice.client.export(&place("other"), Operation::new()).await;
    assert!(matches!(refused, Err(ExportError::NotEmpty)), "{refused:?}");

    // The store is locked in the middle: nothing half.
    alice.client.lock().await.unwrap();
    let refused = alice
        .client
        .export(&place("locked"), Operation::new())
        .await;
    assert!(
        matches!(refused, Err(ExportError::Store(StoreError::Locked))),
        "{refused:?}"
    );
    assert!(!place("locked").exists() && !place("locked.partial").exists());
}

#[tokio::test]
async fn progress_is_told_and_a_dropped_call_ends() {
    let world = World::new().await;
    let (alice, _bob) = full_history(&world).await;
    let folder = world.folder.path().join("export");
    let operation = Operation::new();
    let mut events = operation.events();
    let exported = alice
        .client
        .export(&folder, operation.clone())
        .await
        .unwrap();
    let seen = exported.messages + exported.left_out;
    assert_eq!(
        operation.progress(),
        Progress {
            done: seen,
            total: seen
        }
    );
    assert_eq!(events.next().await, None);

    let dropped = Operation::new();
    let elsewhere = world.folder.path().join("dropped");
    let call = alice.client.export(&elsewhere, dropped.clone());
    // Begun at most, and never finished by itself.
    let _ = tokio::time::timeout(Duration::ZERO, call).await;
    assert!(dropped.is_cancelled() || elsewhere.exists());

    let carol = world.person("carol").await;
    let operation = Operation::new();
    operation.cancel();
    let cancelled = carol.client.import(&folder, operation).await;
    assert!(
        matches!(cancelled, Err(ImportError::Cancelled)),
        "{cancelled:?}"
    );
    assert!(carol.client.contacts().await.unwrap().is_empty());
    // Nothing of it stayed in the way.
    import(&carol.client, &folder).await.unwrap();
    let again = import(&carol.client, &folder).await;
    assert!(matches!(again, Err(ImportError::NotEmpty)), "{again:?}");
}
