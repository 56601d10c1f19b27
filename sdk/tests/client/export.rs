//! History as plain files: what is in them, that they come back, and what is done about bad ones.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use undertone::{
    AppPayload, Client, ClientConfig, ContactState, ExportError, ExportSummary, FormatRange,
    ImportError, ImportFile, ImportSummary, InviteLink, LineFault, Location, Mention, Operation,
    Post, Progress, Reply, ReportError, ReportTarget, SearchFilter, StoreError, Style, TextRange,
    Timer, Timestamp,
};

use crate::support::{Person, World, bytes, key};

/// 24 bytes that nothing else contains, as a token or a name.
const CANARY: &str = "qzxwvkjqpqzkxwvjzqxkwpvj";

/// Every file below a folder with its bytes, by its name in it.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
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

async fn export(client: &Client, folder: &Path) -> ExportSummary {
    client.export(folder, Operation::new()).await.unwrap()
}

async fn import(client: &Client, folder: &Path) -> Result<ImportSummary, ImportError> {
    client.import(folder, Operation::new()).await
}

/// Alice and Bob with everything that an export can hold.
async fn full_history(world: &World) -> (Person, Person) {
    let (mut alice, mut bob) = world.friends().await;
    let at_alice = alice.conversation().await;
    let hello = alice.message("hello", |_| true).await;
    let (me, them) = (
        alice.client.account().await.unwrap(),
        bob.client.account().await.unwrap(),
    );
    let range = |start, len| TextRange { start, len };
    let post = Post {
        reply: Some(Reply {
            message: hello.id,
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
    };
    let rich = at_alice.send(post).await.unwrap();
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
async fn what_was_exported_comes_back_and_goes_out_again_the_same() {
    let world = World::new().await;
    let (mut alice, bob) = full_history(&world).await;
    alice
        .message("edited: 東京都", |message| message.sender.is_none())
        .await;
    let first = world.folder.path().join("first");
    alice.client.set_online(false).await;
    let exported = export(&alice.client, &first).await;
    let before = alice
        .conversation()
        .await
        .messages(None, 500)
        .await
        .unwrap();
    let unread = alice.client.unread().await.unwrap();
    alice.client.close().await;
    bob.client.close().await;

    let carol = world.person("carol").await;
    let imported = import(&carol.client, &first).await.unwrap();
    assert_eq!(
        (imported.contacts, imported.messages),
        (exported.contacts, exported.messages)
    );
    assert_eq!(carol.client.unread().await.unwrap(), unread);
    let after = carol
        .conversation()
        .await
        .messages(None, 500)
        .await
        .unwrap();
    let shown = |messages: &[undertone::Message]| -> Vec<_> {
        let stays = messages.iter().filter(|message| {
            let post = message.post.as_ref();
            post.is_none_or(|post| post.disappears_after.is_none())
        });
        stays
            .map(|message| {
                let sender = message.sender.is_some();
                let reactions: Vec<_> = message
                    .reactions
                    .iter()
                    .map(|one| one.emoji.clone())
                    .collect();
                (
                    message.id,
                    sender,
                    message.post.clone(),
                    message.deleted,
                    message.edited,
                    reactions,
                )
            })
            .collect()
    };
    assert_eq!(shown(&after), shown(&before));
    let edited = after
        .iter()
        .find(|message| message.edited.is_some())
        .unwrap();
    let revisions = carol.client.revisions(edited.id).await.unwrap();
    assert_eq!(
        revisions[0].post.payload.as_ref().unwrap().bytes,
        b"payload \x00\xff"
    );
    let found = carol
        .client
        .search("京都", SearchFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(found.hits.len(), 1);
    assert_eq!(carol.client.check_store(Operation::new()).await, Ok(()));

    let second = world.folder.path().join("second");
    export(&carol.client, &second).await;
    let (mut first, mut second) = (tree(&first), tree(&second));
    // Another account exports; and what was not sent will not be.
    let head = Path::new("export.json");
    assert_ne!(first.remove(head), second.remove(head));
    for bytes in first.values_mut() {
        if let Ok(text) = String::from_utf8(bytes.clone()) {
            *bytes = text.replace("\"pending\"", "\"expired\"").into_bytes();
        }
    }
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_contact_that_came_back_is_written_to_in_the_same_conversation() {
    let world = World::new().await;
    let (alice, mut bob) = world.friends().await;
    for n in 0..20 {
        alice.say(&format!("number {n}")).await;
    }
    bob.message("number 19", |_| true).await;
    alice.client.set_online(false).await;
    let folder = world.folder.path().join("export");
    export(&alice.client, &folder).await;
    alice.client.close().await;

    // A new account, without a key of the old one.
    let mut carol = world.person("carol").await;
    carol.reachable().await;
    import(&carol.client, &folder).await.unwrap();
    let contact = carol.client.contacts().await.unwrap().remove(0);
    assert_eq!(contact.state, ContactState::Invited);
    let conversation = carol.conversation().await;
    conversation
        .send_text("it is me, with a new phone")
        .await
        .unwrap();
    let request = bob
        .until(async |client| Ok(client.requests().await?.into_iter().next()))
        .await;
    assert_eq!(request.account, carol.client.account().await.unwrap());
    bob.client.accept(request.id).await.unwrap();
    let with_carol = bob
        .client
        .conversation_with(request.id)
        .await
        .unwrap()
        .unwrap();
    with_carol.send_text("welcome back").await.unwrap();
    carol.message("welcome back", |_| true).await;
    let texts = carol.texts().await;
    assert_eq!(texts[..2], ["hello", "number 0"]);
    assert_eq!(
        texts[texts.len() - 2..],
        ["it is me, with a new phone", "welcome back"]
    );
    assert_eq!(carol.client.contacts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_link_of_a_contact_that_came_back_goes_on_in_its_conversation() {
    let world = World::new().await;
    let (alice, mut bob) = world.friends().await;
    let folder = world.folder.path().join("export");
    export(&alice.client, &folder).await;
    alice.client.close().await;
    let link = bob.client.create_invite("again").await.unwrap().link;
    bob.reachable().await;
    let mut carol = world.person("carol").await;
    carol.reachable().await;
    import(&carol.client, &folder).await.unwrap();
    let link = InviteLink::parse(&link).unwrap();
    carol
        .client
        .add_contact(link, Some("by your link"))
        .await
        .unwrap();
    bob.until(async |client| Ok(client.requests().await?.into_iter().next()))
        .await;
    assert_eq!(carol.texts().await, ["hello", "by your link"]);
    assert_eq!(carol.client.conversations(None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn blocked_people_and_undecided_requests_come_back_as_that() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    alice.reachable().await;
    let link = alice.client.create_invite("all").await.unwrap().link;
    alice.reachable().await;
    let mut others = Vec::new();
    for name in ["bob", "dave"] {
        let mut other = world.person(name).await;
        other.reachable().await;
        let link = InviteLink::parse(&link).unwrap();
        other.client.add_contact(link, Some(name)).await.unwrap();
        others.push(other);
    }
    let requests = alice
        .until(async |client| Ok(Some(client.requests().await?).filter(|all| all.len() == 2)))
        .await;
    alice.client.block(requests[0].id).await.unwrap();
    let folder = world.folder.path().join("export");
    export(&alice.client, &folder).await;
    let carol = world.person("carol").await;
    import(&carol.client, &folder).await.unwrap();
    let mut states: Vec<_> = carol
        .client
        .contacts()
        .await
        .unwrap()
        .into_iter()
        .map(|contact| (contact.account, contact.state))
        .collect();
    let mut before: Vec<_> = alice
        .client
        .contacts()
        .await
        .unwrap()
        .into_iter()
        .map(|contact| (contact.account, contact.state))
        .collect();
    states.sort_by_key(|(account, _)| account.to_text());
    before.sort_by_key(|(account, _)| account.to_text());
    assert_eq!(states, before);
    assert!(
        carol
            .client
            .conversations(None, 9)
            .await
            .unwrap()
            .is_empty()
    );
    let blocked = requests[0].account;
    let contacts = carol.client.contacts().await.unwrap();
    let blocked = contacts.iter().find(|contact| contact.account == blocked);
    carol.client.unblock(blocked.unwrap().id).await.unwrap();
    assert_eq!(carol.client.requests().await.unwrap().len(), 2);
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

/// A change of an export, and what is said of it.
type Spoiled = (&'static str, fn(&Files), fn(&ImportError) -> bool);

/// The files of an export, to be spoiled.
struct Files {
    folder: PathBuf,
    account: String,
}

impl Files {
    fn conversation(&self) -> PathBuf {
        let name = format!("{}.jsonl", self.account);
        self.folder.join("conversations").join(name)
    }

    fn replace(&self, file: &Path, from: &str, to: &str) {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(file, text.replacen(from, to, 1)).unwrap();
    }

    fn media(&self) -> PathBuf {
        let mut files = fs::read_dir(self.folder.join("media")).unwrap();
        files.next().unwrap().unwrap().path()
    }
}

fn is_line(error: &ImportError, fault: LineFault) -> bool {
    matches!(error, ImportError::Line { fault: found, .. } if *found == fault)
}

const SPOILED: &[Spoiled] = &[
    (
        "no head",
        |files| fs::remove_file(files.folder.join("export.json")).unwrap(),
        |error| matches!(error, ImportError::NotAnExport),
    ),
    (
        "another version",
        |files| {
            files.replace(
                &files.folder.join("export.json"),
                "\"version\":1",
                "\"version\":2",
            )
        },
        |error| matches!(error, ImportError::NewerVersion { found: 2 }),
    ),
    (
        "no conversation",
        |files| fs::remove_file(files.conversation()).unwrap(),
        |error| matches!(error, ImportError::Incomplete),
    ),
    (
        "a line is missing",
        |files| {
            let text = fs::read_to_string(files.conversation()).unwrap();
            let cut = text.trim_end().rsplit_once('\n').unwrap().0;
            fs::write(files.conversation(), format!("{cut}\n")).unwrap();
        },
        |error| matches!(error, ImportError::Incomplete),
    ),
    (
        "a line is cut",
        |files| {
            let text = fs::read_to_string(files.conversation()).unwrap();
            fs::write(files.conversation(), &text[..text.len() - 20]).unwrap();
        },
        |error| is_line(error, LineFault::Malformed),
    ),
    (
        "a name leads elsewhere",
        |files| {
            let contacts = files.folder.join("contacts.jsonl");
            files.replace(&contacts, &files.account, "../../store.key");
        },
        |error| {
            matches!(
                error,
                ImportError::Line {
                    file: ImportFile::Contacts,
                    line: 1,
                    fault: LineFault::Value("account"),
                }
            )
        },
    ),
    (
        "media leads elsewhere",
        |files| {
            let name = files.media().file_name().unwrap().to_owned();
            let name = name.to_str().unwrap();
            let elsewhere = format!("../{}", &name[3..]);
            files.replace(&files.conversation(), name, &elsewhere);
        },
        |error| is_line(error, LineFault::Value("sha256")),
    ),
    (
        "media holds something else",
        |files| fs::write(files.media(), "else").unwrap(),
        |error| is_line(error, LineFault::Media),
    ),
    (
        "media is a link",
        |files| {
            let (media, aside) = (files.media(), files.folder.join("aside"));
            fs::rename(&media, &aside).unwrap();
            std::os::unix::fs::symlink(aside, media).unwrap();
        },
        |error| is_line(error, LineFault::Media),
    ),
    (
        "media is larger than any",
        |files| fs::write(files.media(), vec![0; 70_000]).unwrap(),
        |error| is_line(error, LineFault::Media),
    ),
    (
        "a conversation is a link",
        |files| {
            let aside = files.folder.join("aside");
            fs::rename(files.conversation(), &aside).unwrap();
            std::os::unix::fs::symlink(aside, files.conversation()).unwrap();
        },
        |error| {
            matches!(
                error,
                ImportError::Io {
                    file: ImportFile::Conversation(1),
                    ..
                }
            )
        },
    ),
    (
        "a huge line",
        |files| fs::write(files.conversation(), vec![b'x'; 3 << 20]).unwrap(),
        |error| {
            matches!(
                error,
                ImportError::Line {
                    file: ImportFile::Conversation(1),
                    line: 1,
                    fault: LineFault::TooLong,
                }
            )
        },
    ),
    (
        "no UTF-8",
        |files| {
            let mut bytes = fs::read(files.conversation()).unwrap();
            let at = bytes.windows(5).position(|part| part == b"hello").unwrap();
            bytes[at] = 0xff;
            fs::write(files.conversation(), bytes).unwrap();
        },
        |error| is_line(error, LineFault::Malformed),
    ),
    (
        "a message twice",
        |files| {
            let text = fs::read_to_string(files.conversation()).unwrap();
            let hello = text
                .lines()
                .find(|line| line.contains("\"hello\""))
                .unwrap();
            fs::write(files.conversation(), format!("{text}{hello}\n")).unwrap();
        },
        |error| is_line(error, LineFault::Duplicate),
    ),
    (
        "a contact twice",
        |files| {
            let contacts = files.folder.join("contacts.jsonl");
            let text = fs::read_to_string(&contacts).unwrap();
            fs::write(contacts, text.repeat(2)).unwrap();
        },
        |error| is_line(error, LineFault::Duplicate),
    ),
    (
        "an unknown field",
        |files| files.replace(&files.conversation(), "\"seq\":", "\"html\":1,\"seq\":"),
        |error| is_line(error, LineFault::Malformed),
    ),
    (
        "a received message that was sent",
        |files| files.replace(&files.conversation(), "\"received\"", "\"delivered\""),
        |error| is_line(error, LineFault::Value("state")),
    ),
    (
        "a range beyond the text",
        |files| files.replace(&files.conversation(), "\"len\":3", "\"len\":3000"),
        |error| is_line(error, LineFault::Value("post")),
    ),
    (
        "an emoji that is none",
        |files| files.replace(&files.conversation(), "👍", "\\u001f"),
        |error| is_line(error, LineFault::Value("emoji")),
    ),
    (
        "somebody else's words",
        |files| files.replace(&files.conversation(), "\"from\":\"me\"", "\"from\":\"you\""),
        |error| is_line(error, LineFault::UnknownPerson),
    ),
    (
        "a clock beyond the world",
        |files| {
            let clock = "\"clock\":{\"ms\":";
            files.replace(&files.conversation(), clock, &format!("{clock}999999"));
        },
        |error| is_line(error, LineFault::Value("clock")),
    ),
];

#[tokio::test]
async fn files_that_were_tampered_with_are_refused_and_leave_nothing() {
    let world = World::new().await;
    let (alice, bob) = full_history(&world).await;
    let whole = world.folder.path().join("whole");
    export(&alice.client, &whole).await;
    let account = bob.client.account().await.unwrap().to_text();
    let carol = world.person("carol").await;
    for (what, spoil, is_expected) in SPOILED {
        let folder = world.folder.path().join("spoiled");
        for (name, bytes) in tree(&whole) {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        spoil(&Files {
            folder: folder.clone(),
            account: account.clone(),
        });
        let error = import(&carol.client, &folder).await.unwrap_err();
        assert!(is_expected(&error), "{what}: {error:?}");
        assert!(!error.to_string().contains("ut1"), "{what}: {error}");
        assert!(carol.client.contacts().await.unwrap().is_empty(), "{what}");
        fs::remove_dir_all(folder).unwrap();
    }
    // Bob is no contact of himself.
    let error = import(&bob.client, &whole).await.unwrap_err();
    assert!(matches!(error, ImportError::NotEmpty), "{error:?}");
    let config = ClientConfig::new(world.store("bob2"), key("bob2"));
    drop(config);
    import(&carol.client, &whole).await.unwrap();
    assert_eq!(carol.client.check_store(Operation::new()).await, Ok(()));
}

#[tokio::test]
async fn a_report_has_what_the_user_saw_and_blocks_when_that_is_wanted() {
    let world = World::new().await;
    let (mut alice, bob) = world.friends().await;
    bob.say("something foul").await;
    let foul = alice.message("something foul", |_| true).await;
    alice.say("please stop").await;
    let contact = foul.sender.unwrap();
    let report = alice
        .client
        .report(ReportTarget::Message(foul.id), false)
        .await
        .unwrap();
    assert_eq!(report.about, bob.client.account().await.unwrap());
    assert_eq!(report.messages.len(), 1);
    let json = report.to_json();
    assert!(json.contains("something foul") && json.contains(&report.about.to_text()));

    let own = alice.message("please stop", |_| true).await;
    let refused = alice
        .client
        .report(ReportTarget::Message(own.id), true)
        .await;
    assert_eq!(refused, Err(ReportError::NothingToReport));
    let report = alice
        .client
        .report(ReportTarget::Contact(contact), true)
        .await
        .unwrap();
    let texts: Vec<_> = report
        .messages
        .iter()
        .map(|message| message.post.as_ref().unwrap().text.as_str())
        .collect();
    assert_eq!(texts, ["hello", "something foul"]);
    let state = alice.client.contact(contact).await.unwrap().unwrap().state;
    assert_eq!(state, ContactState::Blocked);
    // Again, of somebody who is blocked.
    alice
        .client
        .report(ReportTarget::Contact(contact), true)
        .await
        .unwrap();
}
