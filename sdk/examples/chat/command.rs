//! What a person or a script types.

/// One line of input, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Me,
    Invite {
        name: String,
    },
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
    List,
    Open(i64),
    Say {
        number: i64,
        text: String,
    },
    /// Text for the conversation that is open.
    Text(String),
    History(i64),
    Search(String),
    Safety(i64),
    Dismiss,
    Help,
    Quit,
}

/// A line that is no command, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotACommand(pub(crate) String);

pub(crate) const HELP: &[&str] = &[
    "/invite [NAME]      make a link; whoever has it can write to you",
    "/add LINK TEXT      write to whoever made the link",
    "/requests           who wrote for the first time and waits for you",
    "/accept N           talk to them",
    "/decline N          remove the request; they learn nothing",
    "/block N            discard whatever they send; they learn nothing",
    "/unblock N          take that back; what they sent meanwhile is gone",
    "/contacts           everybody you know",
    "/list               conversations",
    "/open N             open a conversation, then just type; Tab: the next",
    "/say N TEXT         write to a conversation",
    "/history N          a conversation from its beginning",
    "/search WORDS       messages; the last word may be begun; \"a phrase\", -not",
    "/safety N           the safety number: compare it over another channel",
    "/dismiss            alarms about your own account: you have seen them",
    "/me                 your account",
    "/quit               leave; what waits is sent next time",
    "Marks: … waiting, ✓ at the relay, ✓✓ delivered, ! failed",
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
        let number = || {
            rest.parse().map_err(|_| {
                NotACommand(format!(
                    "/{name} wants a number, as shown by /list or /requests"
                ))
            })
        };
        let understood = match name {
            "me" => Self::Me,
            "invite" => Self::Invite {
                name: if rest.is_empty() { "invitation" } else { rest }.to_owned(),
            },
            "add" => {
                let (link, text) = split(rest);
                if link.is_empty() {
                    return Err(NotACommand(
                        "/add wants a link, and then what to say".to_owned(),
                    ));
                }
                Self::Add {
                    link: link.to_owned(),
                    text: text.to_owned(),
                }
            }
            "requests" => Self::Requests,
            "accept" => Self::Accept(number()?),
            "decline" => Self::Decline(number()?),
            "block" => Self::Block(number()?),
            "unblock" => Self::Unblock(number()?),
            "contacts" => Self::Contacts,
            "list" => Self::List,
            "open" => Self::Open(number()?),
            "say" => {
                let (number, text) = split(rest);
                let number = number.parse().map_err(|_| {
                    NotACommand(
                        "/say wants a number, as shown by /list, and then what to say".to_owned(),
                    )
                })?;
                Self::Say {
                    number,
                    text: text.to_owned(),
                }
            }
            "history" => Self::History(number()?),
            "search" => Self::Search(rest.to_owned()),
            "safety" => Self::Safety(number()?),
            "dismiss" => Self::Dismiss,
            "help" => Self::Help,
            "quit" => Self::Quit,
            other => return Err(NotACommand(format!("there is no /{other}; try /help"))),
        };
        Ok(Some(understood))
    }
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
        assert_eq!(Command::parse("   "), Ok(None));
    }

    #[test]
    fn what_is_not_a_command_says_why() {
        for line in ["/open", "/open two", "/say hello", "/add", "/dance"] {
            assert!(Command::parse(line).is_err(), "{line}");
        }
    }
}
