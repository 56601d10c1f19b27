//! What a message has that people look for without words: links, media, files.
//!
//! Invariant: it depends on nothing but what the message says, so that the index can be built again from the messages.

use undertone_protocol::content::Post;

/// Something that a message has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ContentKind {
    /// A link: `http://`, `https://` or `www.`, in any case and not behind a letter or digit of ASCII, with a letter or digit
    /// behind it; or a preview of a link.
    Link,
    /// An application's payload of a MIME type `image/…`, `video/…` or `audio/…`.
    Media,
    /// An application's payload of another MIME type.
    File,
}

impl ContentKind {
    /// Its bit in the column.
    const fn bit(self) -> i64 {
        match self {
            Self::Link => 1,
            Self::Media => 2,
            Self::File => 4,
        }
    }
}

/// All that a message has, as the column keeps it. Parts that cannot be read are nothing.
pub(super) fn kinds_of(body: &str, parts: Option<&[u8]>) -> i64 {
    let post = parts.and_then(|parts| Post::from_parts(body, parts).ok());
    let preview = post.as_ref().is_some_and(|post| post.preview.is_some());
    let link = (preview || has_link(body)).then_some(ContentKind::Link);
    let payload = post.and_then(|post| post.payload);
    let payload = payload.map(|payload| kind_of_type(&payload.mime_type));
    let found = link.into_iter().chain(payload);
    found.fold(0, |kinds, kind| kinds | kind.bit())
}

fn kind_of_type(mime_type: &str) -> ContentKind {
    let family = mime_type.split('/').next().unwrap_or_default();
    let is = |wanted: &&str| family.eq_ignore_ascii_case(wanted);
    if ["image", "video", "audio"].iter().any(is) {
        ContentKind::Media
    } else {
        ContentKind::File
    }
}

fn has_link(text: &str) -> bool {
    let begins = |mark: &str, words: &[&str]| {
        text.match_indices(mark).any(|(at, _)| {
            let (before, behind) = (&text[..at], &text[at + mark.len()..]);
            let word = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
            behind.starts_with(char::is_alphanumeric)
                && word.is_some_and(|word| words.iter().any(|one| word.eq_ignore_ascii_case(one)))
        })
    };
    begins("://", &["http", "https"]) || begins(".", &["www"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertone_protocol::content::{AppPayload, LinkPreview};

    #[test]
    fn links_are_where_addresses_begin() {
        for text in [
            "http://a",
            "see (HTTPS://example.org/x?y=z)!",
            "Www.Example.org",
            "見てhttps://例え.jp",
            "one.two www.three",
            "http:// and https://now",
        ] {
            assert!(has_link(text), "{text}");
        }
        for text in [
            "",
            "http",
            "http://",
            "https:// ",
            "www.",
            "www. example",
            "example.org",
            "xhttp://a",
            "5www.a",
            "ftp://a",
            "://",
            "http//a.b",
        ] {
            assert!(!has_link(text), "{text}");
        }
    }

    #[test]
    fn payloads_are_media_or_files_and_previews_are_links() {
        let kinds = |post: &Post| kinds_of(&post.text, Some(&post.parts().unwrap()));
        for (mime_type, kind) in [
            ("image/png", ContentKind::Media),
            ("VIDEO/mp4", ContentKind::Media),
            ("audio/ogg;codecs=opus", ContentKind::Media),
            ("application/pdf", ContentKind::File),
            ("imagery/png", ContentKind::File),
            ("text/plain", ContentKind::File),
        ] {
            let payload = Some(AppPayload {
                mime_type: mime_type.to_owned(),
                bytes: vec![1],
            });
            let post = Post {
                payload,
                ..Post::default()
            };
            assert_eq!(kinds(&post), kind.bit(), "{mime_type}");
            let post = Post {
                text: "http://a".to_owned(),
                ..post
            };
            assert_eq!(kinds(&post), kind.bit() | ContentKind::Link.bit());
        }
        let preview = Some(LinkPreview {
            url: "example.org".to_owned(),
            title: String::new(),
            description: String::new(),
        });
        let post = Post {
            preview,
            ..Post::text("see example.org")
        };
        assert_eq!(kinds(&post), ContentKind::Link.bit());
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        assert_eq!(kinds_of("text", Some(b"no parts")), 0);
        assert_eq!(kinds_of("www.a", Some(b"no parts")), 1);
        assert_eq!(kinds_of("text", None), 0);
    }
}
