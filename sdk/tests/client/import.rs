//! History that comes back from plain files: what it is then, and what is done about files of somebody who means no good.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use undertone::{
    ContactState, ImportError, ImportFile, InviteLink, LineFault, Message, Operation, SearchFilter,
};

use crate::export::{export, full_history, import, tree};
use crate::support::World;

/// What a person sees of messages that stay.
fn shown(messages: &[Message]) -> Vec<String> {
    let stays = messages.iter().filter(|message| {
        let post = message.post.as_ref();
        post.is_none_or(|post| post.disappears_after.is_none())
    });
    stays
        .map(|message| {
            let reactions = message.reactions.iter().map(|one| &one.emoji);
            format!(
                "{:?}",
                (
                    message.id,
                    message.sender.is_some(),
                    &message.post,
                    message.deleted,
                    message.edited,
                    message.system,
                    reactions.collect::<Vec<_>>(),
                )
            )
        })
        .collect()
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
        "a conversation is a pipe",
        |files| {
            fs::remove_file(files.conversation()).unwrap();
            let made = Command::new("mkfifo").arg(files.conversation()).status();
            assert!(made.unwrap().success());
        },
        |error| {
            let file = ImportFile::Conversation(1);
            matches!(error, ImportError::Io { file: found, .. } if *found == file)
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
    import(&carol.client, &whole).await.unwrap();
    assert_eq!(carol.client.check_store(Operation::new()).await, Ok(()));
}
