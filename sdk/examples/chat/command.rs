//! What a person or a script types.

use undertone::ContentKind;

/// One line of input, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Me,
    /// Another name for oneself.
    Name(String),
    /// The 24 words, or first what they are.
    Phrase {
        is_sure: bool,
    },
    Invite {
        name: String,
    },
    Invites,
    Revoke(i64),
    Add {
        link: String,
        text: String,
    },
    Requests,
    Accept(i64),
    Decline(i64),
    Block(i64),
    Unblock(i64),
    Contacts,
    /// Another name for somebody.
    Rename {
        number: i64,
        name: String,
    },
    List,
    Archive,
    /// How a conversation is to be seen in the list.
    Wish {
        number: i64,
        wish: Wish,
    },
    Open(i64),
    Say {
        number: i64,
        text: String,
    },
    /// Text for the conversation that is open.
    Text(String),
    History(i64),
    /// What is done with a message of the open conversation.
    Reply {
        message: String,
        text: String,
    },
    Edit {
        message: String,
        text: String,
    },
    /// Take it back from everybody.
    Delete(String),
    /// Delete it here only.
    Forget(String),
    React {
        message: String,
        emoji: Vec<String>,
    },
    /// What it said before it was edited.
    Before(String),
    ReadReceipts(bool),
    /// Whether others are told that one types.
    TypingTold(bool),
    /// Show them that one types, as the keys of a person do by themselves.
    Typing(i64),
    /// How long after it was read what is written disappears, in seconds; 0: it stays.
    Timer(u32),
    /// What one shows of oneself, or what somebody else does.
    Profile(Option<i64>),
    /// A text about oneself.
    About(String),
    /// A picture of oneself, in a file; empty: none.
    Picture(String),
    /// Whether somebody is there.
    Presence(i64),
    /// Who may know whether one is there.
    LastSeen(String),
    /// One does not touch the keys, or does again.
    Away(bool),
    /// A text that is shown once.
    Once(String),
    /// Show it.
    View(String),
    Search(Search),
    /// The next page of what was shown last.
    More,
    Safety(i64),
    Dismiss,
    /// Whether the store is sound.
    Check,
    /// Everything that was said, as plain files in a folder.
    Export(String),
    /// Another key for the store.
    Rekey,
    DeleteAccount(Deleting),
    /// What somebody wrote, to show to whoever decides about it.
    Report {
        number: i64,
        block: bool,
    },
    Help,
    Quit,
}

/// Whether the account is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleting {
    /// First what that means.
    Asked,
    Sure,
    /// Without the relay.
    Here,
}

/// How a conversation is to be seen in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Pinned(bool),
    Archived(bool),
    Unread,
    /// For so many seconds; 0: no longer.
    Muted(u32),
}

/// What is searched for: words, behind others that narrow the search.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Search {
    pub(crate) text: String,
    pub(crate) kind: Option<ContentKind>,
    pub(crate) reacted: bool,
    pub(crate) number: Option<i64>,
    /// The best first, and not the newest.
    pub(crate) best: bool,
}

/// A line that is no command, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotACommand(pub(crate) String);

pub(crate) const HELP: &[&str] = &[
    "/invite [NAME]      make a link; whoever has it can write to you",
    "/invites            the links that you made; /revoke N ends one",
    "/add LINK TEXT      write to whoever made the link",
    "/requests           who wrote for the first time and waits for you",
    "/accept N           talk to them",
    "/decline N          remove the request; they learn nothing",
    "/block N            discard whatever they send; they learn nothing",
    "/unblock N          take that back; what they sent meanwhile is gone",
    "/contacts           everybody you know",
    "/rename N NAME      call somebody otherwise; they learn nothing",
    "/list               conversations",
    "/pin N, /unpin N    keep a conversation on top; /unread N marks it as unread",
    "/archive N          out of the list until somebody writes; /unarchive N; /archive: what is there",
    "/mute N 8h          say nothing of it for so long; /mute N off",
    "/open N             open a conversation, then just type; Tab: the next",
    "/say N TEXT         write to a conversation",
    "/history N          a conversation from its beginning",
    "/reply M TEXT       answer a message; M: 1 is the newest here, 2 the one before",
    "/edit M TEXT        say it otherwise, within a day; /before M shows what it said",
    "/delete M           take it back from everybody, within a day; /forget M: only here",
    "/react M EMOJI      what you think of it; without emoji: nothing any more",
    "/timer 30s|5m|2h|7d what is written here disappears so long after it was read; /timer off",
    "/once TEXT          they can look at it once; /view M looks at one of theirs",
    "/profile [N]        what you show of yourself, or they do; /about TEXT; /picture FILE, or off",
    "/presence N         whether they are there, as shown above an open conversation",
    "/lastseen contacts  who sees whether you are there: contacts, nobody, or numbers; you see it of the same",
    "/away on|off        you do not touch your keys, or do again",
    "/typing on|off      whether others see that you type, and you that they do",
    "/receipts on|off    whether others learn what you read, and you what they did",
    "/search WORDS       messages; the last word may be begun; \"a phrase\", -not",
    "                    in front: is:link, is:media, is:file, is:reacted, in:N, sort:best; WORDS may be left out then",
    "/more               earlier messages, or more of what was found",
    "/safety N           the safety number: compare it over another channel",
    "/me                 your account; /name NAME changes what others are told",
    "/phrase             the 24 words that are your account",
    "/dismiss            alarms about your own account: you have seen them",
    "/check              read your whole store and see whether the disk damaged it",
    "/export FOLDER      everything that was said, as plain files that anybody can read",
    "/report N           what they wrote last, to show to whoever decides; /report N block",
    "/rekey              another key for your store",
    "/delete-account     end all this; it says first what that means",
    "/quit               leave; what waits is sent next time",
    "Marks: … waiting, ✓ at the relay, ✓✓ delivered, ✔✔ read, ! failed; (3, @1): 3 unread, 1 of them to you",
    "Your messages are encrypted on disk; the key lies beside them in PROFILE/store.key, readable by you only.",
    "Whoever can read your files can read your messages. A real app keeps that key in the platform's key store.",
];

impl Command {
    /// Understands a line. An empty one is `None`.
    pub(crate) fn parse(line: &str) -> Result<Option<Self>, NotACommand> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(None);
        }
        let Some(command) = line.strip_prefix('/') else {
            return Ok(Some(Self::Text(line.to_owned())));
        };
        let (name, rest) = split(command);
        let understood = match name {
            "me" => Self::Me,
            "name" => Self::Name(rest.to_owned()),
            "phrase" => Self::Phrase {
                is_sure: rest == "show",
            },
            "invite" => Self::Invite {
                name: if rest.is_empty() { "invitation" } else { rest }.to_owned(),
            },
            "invites" => Self::Invites,
            "add" => {
                let (link, text) = split(rest);
                if link.is_empty() {
                    return Err(wrong("/add wants a link, and then what to say"));
                }
                Self::Add {
                    link: link.to_owned(),
                    text: text.to_owned(),
                }
            }
            "reply" | "edit" | "delete" | "forget" | "react" | "before" | "view" => {
                return Self::about(name, rest).map(Some);
            }
            "typing" => match rest {
                "on" => Self::TypingTold(true),
                "off" => Self::TypingTold(false),
                number => Self::Typing(
                    number
                        .parse()
                        .map_err(|_| wrong("/typing wants on, off or a number"))?,
                ),
            },
            "receipts" => match rest {
                "on" => Self::ReadReceipts(true),
                "off" => Self::ReadReceipts(false),
                _ => return Err(wrong("/receipts wants on or off")),
            },
            "timer" => Self::Timer(seconds(rest)?),
            "requests" => Self::Requests,
            "contacts" => Self::Contacts,
            "list" => Self::List,
            "search" => Self::Search(Search::parse(rest)?),
            "archive" if rest.is_empty() => Self::Archive,
            "more" => Self::More,
            "dismiss" => Self::Dismiss,
            "export" if !rest.is_empty() => Self::Export(rest.to_owned()),
            "export" => return Err(wrong("/export wants a folder that is not there yet")),
            "rekey" => Self::Rekey,
            "delete-account" => Self::DeleteAccount(match rest {
                "" => Deleting::Asked,
                "yes" => Deleting::Sure,
                "here" => Deleting::Here,
                _ => return Err(wrong("/delete-account wants yes, or here")),
            }),
            "check" => Self::Check,
            "help" => Self::Help,
            "quit" => Self::Quit,
            other => return Self::showing(other, rest).map(Some),
        };
        Ok(Some(understood))
    }

    /// Commands about a message of the open conversation.
    fn about(name: &str, rest: &str) -> Result<Self, NotACommand> {
        let (message, text) = split(rest);
        if message.is_empty() {
            return Err(NotACommand(format!(
                "/{name} wants a message: 1 is the newest of the open conversation, 2 the one before"
            )));
        }
        let (message, text) = (message.to_owned(), text.to_owned());
        let says = matches!(name, "reply" | "edit");
        if says && text.is_empty() {
            return Err(wrong("what shall it say?"));
        }
        if !says && name != "react" && !text.is_empty() {
            return Err(wrong("a message is wanted, and nothing else"));
        }
        Ok(match name {
            "reply" => Self::Reply { message, text },
            "edit" => Self::Edit { message, text },
            "delete" => Self::Delete(message),
            "forget" => Self::Forget(message),
            "before" => Self::Before(message),
            "view" => Self::View(message),
            _ => Self::React {
                message,
                emoji: text.split_whitespace().map(str::to_owned).collect(),
            },
        })
    }

    /// Commands about what one shows of oneself.
    fn showing(name: &str, rest: &str) -> Result<Self, NotACommand> {
        Ok(match name {
            "about" => Self::About(rest.to_owned()),
            "picture" => Self::Picture(if rest == "off" { "" } else { rest }.to_owned()),
            "profile" if rest.is_empty() => Self::Profile(None),
            "lastseen" if rest.is_empty() => {
                return Err(wrong(
                    "/lastseen wants contacts, nobody, or numbers of contacts",
                ));
            }
            "lastseen" => Self::LastSeen(rest.to_owned()),
            "away" => match rest {
                "on" => Self::Away(true),
                "off" => Self::Away(false),
                _ => return Err(wrong("/away wants on or off")),
            },
            "once" if rest.is_empty() => return Err(wrong("what shall it say?")),
            "once" => Self::Once(rest.to_owned()),
            other => return Self::numbered(other, rest),
        })
    }

    /// Commands that begin with the number of a contact, a conversation or an invitation.
    fn numbered(name: &str, rest: &str) -> Result<Self, NotACommand> {
        let (first, text) = split(rest);
        let number = || {
            first.parse().map_err(|_| {
                NotACommand(format!(
                    "/{name} wants a number, as shown by /list, /requests or /invites"
                ))
            })
        };
        let only = || match text {
            "" => number(),
            _ => Err(wrong("a number is wanted, and nothing else")),
        };
        let text = text.to_owned();
        Ok(match name {
            "accept" => Self::Accept(only()?),
            "decline" => Self::Decline(only()?),
            "block" => Self::Block(only()?),
            "unblock" => Self::Unblock(only()?),
            "revoke" => Self::Revoke(only()?),
            "pin" | "unpin" => Self::Wish {
                number: only()?,
                wish: Wish::Pinned(name == "pin"),
            },
            "archive" | "unarchive" => Self::Wish {
                number: only()?,
                wish: Wish::Archived(name == "archive"),
            },
            "unread" => Self::Wish {
                number: only()?,
                wish: Wish::Unread,
            },
            "mute" => Self::Wish {
                number: number()?,
                wish: Wish::Muted(seconds(&text)?),
            },
            "open" => Self::Open(only()?),
            "history" => Self::History(only()?),
            "safety" => Self::Safety(only()?),
            "report" => Self::Report {
                number: number()?,
                block: match text.as_str() {
                    "" => false,
                    "block" => true,
                    _ => return Err(wrong("/report wants a number, and perhaps block")),
                },
            },
            "profile" => Self::Profile(Some(only()?)),
            "presence" => Self::Presence(only()?),
            "rename" => Self::Rename {
                number: number()?,
                name: text,
            },
            "say" => Self::Say {
                number: number()?,
                text,
            },
            other => return Err(NotACommand(format!("there is no /{other}; try /help"))),
        })
    }
}

impl Search {
    fn parse(text: &str) -> Result<Self, NotACommand> {
        let mut search = Self::default();
        let mut rest = text;
        loop {
            let (first, behind) = split(rest);
            match first.split_once(':') {
                Some(("is", "link")) => search.kind = Some(ContentKind::Link),
                Some(("is", "media")) => search.kind = Some(ContentKind::Media),
                Some(("is", "file")) => search.kind = Some(ContentKind::File),
                Some(("is", "reacted")) => search.reacted = true,
                Some(("sort", "best")) => search.best = true,
                Some(("in", number)) => {
                    let number = number
                        .parse()
                        .map_err(|_| wrong("in: wants a number of /list"))?;
                    search.number = Some(number);
                }
                Some(("is" | "sort", _)) => {
                    return Err(wrong(
                        "there are is:link, is:media, is:file, is:reacted and sort:best",
                    ));
                }
                _ => {
                    search.text = rest.to_owned();
                    return Ok(search);
                }
            }
            rest = behind;
        }
    }
}

/// `30s`, `5m`, `2h`, `7d` or `off`, in seconds.
fn seconds(text: &str) -> Result<u32, NotACommand> {
    if text == "off" {
        return Ok(0);
    }
    let wanted = || wrong("a time is 30s, 5m, 2h, 7d or the like, or off");
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wanted)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wanted()),
    };
    let seconds = number
        .parse::<u32>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| *seconds > 0).ok_or_else(wanted)
}

fn wrong(text: &str) -> NotACommand {
    NotACommand(text.to_owned())
}

/// The first word, and what follows it.
fn split(text: &str) -> (&str, &str) {
    match text.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim()),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        let parse = |line: &str| Command::parse(line).unwrap().unwrap();
        assert_eq!(parse("hello  there "), Command::Text("hello  there".into()));
        assert_eq!(
            parse("/say 3  two  words"),
            Command::Say {
                number: 3,
                text: "two  words".into()
            }
        );
        assert_eq!(
            parse("/add http://x/#ut1 hi there"),
            Command::Add {
                link: "http://x/#ut1".into(),
                text: "hi there".into()
            }
        );
        assert_eq!(
            parse("/invite"),
            Command::Invite {
                name: "invitation".into()
            }
        );
        assert_eq!(
            parse("/rename 3 Bob  the builder"),
            Command::Rename {
                number: 3,
                name: "Bob  the builder".into()
            }
        );
        for (line, is_sure) in [("/phrase", false), ("/phrase show", true)] {
            assert_eq!(parse(line), Command::Phrase { is_sure });
        }
        for (line, deleting) in [
            ("/delete-account", Deleting::Asked),
            ("/delete-account yes", Deleting::Sure),
            ("/delete-account here", Deleting::Here),
        ] {
            assert_eq!(parse(line), Command::DeleteAccount(deleting));
        }
        assert_eq!(parse("/profile"), Command::Profile(None));
        assert_eq!(parse("/profile 3"), Command::Profile(Some(3)));
        assert_eq!(parse("/picture off"), Command::Picture(String::new()));
        assert_eq!(parse("/lastseen 2 5"), Command::LastSeen("2 5".into()));
        assert_eq!(parse("/view 1"), Command::View("1".into()));
        assert_eq!(Command::parse("   "), Ok(None));
    }

    #[test]
    fn a_search_is_narrowed_by_what_stands_in_front() {
        let parse = |line: &str| match Command::parse(line).unwrap() {
            Some(Command::Search(search)) => search,
            other => panic!("{other:?}"),
        };
        let plain = Search {
            text: "two  words is:link".into(),
            ..Search::default()
        };
        assert_eq!(parse("/search two  words is:link"), plain);
        let narrow = Search {
            text: "\"a phrase\" -not".into(),
            kind: Some(ContentKind::Media),
            reacted: true,
            number: Some(3),
            best: true,
        };
        let line = "/search in:3 is:media is:reacted sort:best \"a phrase\" -not";
        assert_eq!(parse(line), narrow);
        let all = Search {
            kind: Some(ContentKind::File),
            ..Search::default()
        };
        assert_eq!(parse("/search is:file"), all);
    }

    #[test]
    fn what_is_not_a_command_says_why() {
        for line in [
            "/open",
            "/open two",
            "/open 2 3",
            "/say hello",
            "/add",
            "/rename Bob",
            "/profile Bob",
            "/lastseen",
            "/away",
            "/once",
            "/view",
            "/dance",
            "/search is:green",
            "/search in:bob",
            "/export",
            "/delete-account now",
            "/report 3 loudly",
        ] {
            assert!(Command::parse(line).is_err(), "{line}");
        }
    }
}
