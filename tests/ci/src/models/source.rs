//! Model files: one Verifpal model, or several that differ in a few lines.
//!
//! ```text
//! // variant one_time: nothing is stolen
//! // variant one_time.stolen: the signed prekey is known to the attacker
//!   leaks spkb                 //+ stolen            only in variants with one of these words in their name
//!   _ = ASSERT(tag, ENC(…))?   //- stolen            in all others; a line may have both marks
//!   confidentiality? m1        // holds, but attack in one_time.stolen
//! ```
//!
//! Words of a name are separated by dots; who names several together (`one_time.stolen`) means variants that have them all. A file without
//! `variant` lines is one model. Every query has its expected result behind it. What is left for Verifpal is plain Verifpal
//! with comments; a variant that only leaves out a defence cannot drift away from the model that has it.

use std::collections::BTreeSet;

/// What a query is expected to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// No attack, the search space exhausted.
    Holds,
    /// An attack.
    Attack,
    /// A genuine message is accepted a second time, and nothing worse.
    Replay,
}

/// A query and what it is expected to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// As written, without comments.
    pub(crate) text: String,
    pub(crate) expected: Expected,
}

/// One model as Verifpal reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    /// `file`, or `file.variant`.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) queries: Vec<Query>,
}

/// What is wrong with a model file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    /// A line names a word that is in the name of no variant.
    #[error("line {0}: no variant of this file has `{1}` in its name")]
    UnknownWord(usize, String),
    /// A `variant` line without name or description, or a name given twice.
    #[error("line {0}: not `// variant name: what it is`, or a name for the second time")]
    Declaration(usize),
    /// A query without a result, or with one that is none.
    #[error(
        "line {0}: a query needs `// holds`, `// attack` or `// replay`, then `, but … in variant`"
    )]
    NoExpectation(usize),
    /// A variant that asks nothing shows nothing.
    #[error("variant `{0}` has no query")]
    NoQuery(String),
}

/// A file's variants. `stem` is its name without `.vp`.
pub(crate) fn variants(stem: &str, text: &str) -> Result<Vec<Variant>, SourceError> {
    let names = declared(text)?;
    let expand = |name: &str| {
        let (text, queries) = expand(text, name, &names)?;
        let name = match name {
            "" => stem.to_owned(),
            name => format!("{stem}.{name}"),
        };
        if queries.is_empty() {
            return Err(SourceError::NoQuery(name));
        }
        Ok(Variant {
            name,
            text,
            queries,
        })
    };
    if names.is_empty() {
        return Ok(vec![expand("")?]);
    }
    names.iter().map(|name| expand(name)).collect()
}

fn declared(text: &str) -> Result<BTreeSet<&str>, SourceError> {
    let mut names = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let Some(declaration) = line.strip_prefix("// variant ") else {
            continue;
        };
        let Some((name, what)) = declaration.split_once(':') else {
            return Err(SourceError::Declaration(index + 1));
        };
        let well_formed = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.".contains(c));
        if !well_formed || what.trim().is_empty() || !names.insert(name) {
            return Err(SourceError::Declaration(index + 1));
        }
    }
    Ok(names)
}

/// The text and the queries of the variant `name`.
fn expand(
    text: &str,
    name: &str,
    names: &BTreeSet<&str>,
) -> Result<(String, Vec<Query>), SourceError> {
    let mut expanded = String::new();
    let mut queries = Vec::new();
    let mut in_queries = false;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let (code, marks) = line.split_once("//").unwrap_or((line, ""));
        let (included, comment) = included(marks, name, names, number)?;
        if !included {
            continue;
        }
        let code = code.trim_end();
        in_queries |= code == "queries[";
        let query = code.trim();
        if in_queries && query.contains('?') {
            queries.push(Query {
                text: query.to_owned(),
                expected: expected(comment, name, names, number)?,
            });
        }
        expanded.push_str(code);
        if !comment.is_empty() {
            expanded.push_str(if code.is_empty() { "//" } else { " //" });
            expanded.push_str(comment);
        }
        expanded.push('\n');
    }
    Ok((expanded, queries))
}

/// Whether a line with these marks belongs to the variant, and the comment behind the marks.
fn included<'m>(
    marks: &'m str,
    name: &str,
    names: &BTreeSet<&str>,
    number: usize,
) -> Result<(bool, &'m str), SourceError> {
    let (wanted, rest) = match (marks.strip_prefix('+'), marks.strip_prefix('-')) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        (None, None) => return Ok((true, marks)),
    };
    let (list, rest) = rest.split_once("//").unwrap_or((rest, ""));
    let here = contains(list, name, names, number)? == wanted;
    let (also, comment) = included(rest, name, names, number)?;
    Ok((here && also, comment))
}

/// Whether an item of the list, which spaces separate, means the variant `name`: all its words are words of the name.
fn contains(
    list: &str,
    name: &str,
    names: &BTreeSet<&str>,
    number: usize,
) -> Result<bool, SourceError> {
    let has = |name: &str, word: &str| name.split('.').any(|own| own == word);
    let mut found = false;
    for item in list.split_whitespace() {
        let unknown = item
            .split('.')
            .find(|word| !names.iter().any(|name| has(name, word)));
        if let Some(unknown) = unknown {
            return Err(SourceError::UnknownWord(number, unknown.to_owned()));
        }
        found |= item.split('.').all(|word| has(name, word));
    }
    Ok(found)
}

/// `holds, but attack in a b, but replay in c`.
fn expected(
    comment: &str,
    name: &str,
    names: &BTreeSet<&str>,
    number: usize,
) -> Result<Expected, SourceError> {
    let parse = |word: &str| match word.trim() {
        "holds" => Ok(Expected::Holds),
        "attack" => Ok(Expected::Attack),
        "replay" => Ok(Expected::Replay),
        _ => Err(SourceError::NoExpectation(number)),
    };
    let mut parts = comment.split(", but ");
    let mut expected = parse(parts.next().unwrap_or_default())?;
    for exception in parts {
        let (word, list) = exception
            .split_once(" in ")
            .ok_or(SourceError::NoExpectation(number))?;
        let word = parse(word)?;
        if contains(list, name, names, number)? {
            expected = word;
        }
    }
    Ok(expected)
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
