//! What a person or a script types.

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
    Search(String),
    /// The next page of what was shown last.
    More,
    Safety(i64),
    Dismiss,
    /// Whether the store is sound.
    Check,
    Help,
    Quit,
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
    "/more               earlier messages, or more of what was found",
    "/safety N           the safety number: compare it over another channel",
    "/me                 your account; /name NAME changes what others are told",
    "/phrase             the 24 words that are your account",
    "/dismiss            alarms about your own account: you have seen them",
    "/check              read your whole store and see whether the disk damaged it",
    "/quit               leave; what waits is sent next time",
    "Marks: … waiting, ✓ at the relay, ✓✓ delivered, ✔✔ read, ! failed",
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
            "search" => Self::Search(rest.to_owned()),
            "archive" if rest.is_empty() => Self::Archive,
            "more" => Self::More,
            "dismiss" => Self::Dismiss,
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
        assert_eq!(parse("/profile"), Command::Profile(None));
        assert_eq!(parse("/profile 3"), Command::Profile(Some(3)));
        assert_eq!(parse("/picture off"), Command::Picture(String::new()));
        assert_eq!(parse("/lastseen 2 5"), Command::LastSeen("2 5".into()));
        assert_eq!(parse("/view 1"), Command::View("1".into()));
        assert_eq!(Command::parse("   "), Ok(None));
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
        ] {
            assert!(Command::parse(line).is_err(), "{line}");
        }
    }
}
