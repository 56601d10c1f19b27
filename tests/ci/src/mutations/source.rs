//! Mutation files: mistakes that somebody could make in the code, and the test that notices each.
//!
//! ```text
//! # A comment.
//! mutation: commitment_not_compared
//! what: A ciphertext that opens under two keys is accepted under the second.
//! file: sdk/protocol/src/envelope.rs
//! package: undertone-protocol
//! test: envelope::tests::c1_a_body_that_opens_under_two_keys_is_rejected_under_the_second
//!          let (commitment, key) = message_key.expand();
//! -        if !commitment.matches(self.commitment) {
//! +        if false && !commitment.matches(self.commitment) {
//! ```
//!
//! The last part is a hunk as in a diff, without line numbers: lines of the file behind a space, lines that go behind a minus, lines that come
//! behind a plus. What goes and what stays must be in the file exactly once, so that a mutation whose place was rewritten is noticed and not
//! passed over. Empty lines mean nothing; a hunk cannot span one.

use std::collections::BTreeSet;

/// One mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mutation {
    pub(crate) name: String,
    /// What somebody would have done wrong.
    pub(crate) what: String,
    /// Where, from the workspace's top folder.
    pub(crate) file: String,
    /// The package whose library has the test.
    pub(crate) package: String,
    /// The test's whole name.
    pub(crate) test: String,
    before: String,
    after: String,
}

/// What is wrong with a mutation file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("line {0}: neither `field: value` nor a line of a hunk")]
    Line(usize),
    #[error("line {0}: a name for the second time")]
    Repeated(usize),
    #[error("`{0}` lacks a field or a hunk that changes something")]
    Incomplete(String),
}

/// Why a mutation does not fit the file any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stale: its text is in the file {0} times")]
pub(crate) struct Stale(usize);

/// The mutations of a file.
pub(crate) fn parse(text: &str) -> Result<Vec<Mutation>, SourceError> {
    let mut mutations: Vec<Mutation> = Vec::new();
    let mut names = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let wrong = SourceError::Line(index + 1);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("mutation: ") {
            if !names.insert(name) {
                return Err(SourceError::Repeated(index + 1));
            }
            mutations.push(Mutation {
                name: name.to_owned(),
                ..Mutation::default()
            });
        } else {
            let mutation = mutations.last_mut().ok_or(wrong.clone())?;
            mutation.take(line).ok_or(wrong)?;
        }
    }
    match mutations.iter().find(|mutation| !mutation.is_complete()) {
        Some(incomplete) => Err(SourceError::Incomplete(incomplete.name.clone())),
        None => Ok(mutations),
    }
}

impl Mutation {
    /// Takes a line of a file in; `None` when it is none.
    fn take(&mut self, line: &str) -> Option<()> {
        let (mark, rest) = line.split_at_checked(1)?;
        let (before, after) = match mark {
            " " => (true, true),
            "-" => (true, false),
            "+" => (false, true),
            _ => {
                let (field, value) = line.split_once(": ")?;
                let field = match field {
                    "what" => &mut self.what,
                    "file" => &mut self.file,
                    "package" => &mut self.package,
                    "test" => &mut self.test,
                    _ => return None,
                };
                // Neither given twice nor behind the hunk.
                let first = field.is_empty() && self.before.is_empty() && self.after.is_empty();
                *field = value.trim().to_owned();
                return first.then_some(());
            }
        };
        for (text, takes) in [(&mut self.before, before), (&mut self.after, after)] {
            if takes {
                text.push_str(rest);
                text.push('\n');
            }
        }
        Some(())
    }

    fn is_complete(&self) -> bool {
        let fields = [
            &self.name,
            &self.what,
            &self.file,
            &self.package,
            &self.test,
            &self.before,
        ];
        fields.iter().all(|field| !field.is_empty()) && self.before != self.after
    }

    /// The file's text with the mistake in it.
    pub(crate) fn apply(&self, text: &str) -> Result<String, Stale> {
        // Whole lines: the text must not begin in the middle of one.
        let starts: Vec<usize> = text
            .match_indices(&self.before)
            .map(|(start, _)| start)
            .filter(|start| *start == 0 || text[..*start].ends_with('\n'))
            .collect();
        match starts[..] {
            [start] => {
                let (front, rest) = text.split_at(start);
                let rest = rest.strip_prefix(&*self.before).ok_or(Stale(0))?;
                Ok([front, &self.after, rest].concat())
            }
            _ => Err(Stale(starts.len())),
        }
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
