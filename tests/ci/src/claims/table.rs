//! The rows of a table of claims.

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// The row's line in its file, from 1.
    pub(super) line: usize,
    /// The number of an attack (`E1`) or of a section (`13.1`).
    pub(super) id: String,
    pub(super) evidence: Evidence,
}

/// What a row rests on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    Tests(Vec<Test>),
    /// There is no test, and the row says why.
    Reason,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Test {
    /// Relative to the workspace.
    pub(super) file: String,
    pub(super) name: String,
}

/// How the last cell of a row without a test begins; the reason follows.
const REASONS: &[&str] = &["later: ", "no test: "];

/// The shortest reason that may be one, in bytes: a word alone explains nothing.
const SHORTEST_REASON: usize = 12;

impl Claim {
    /// What the name of one of the tests must begin with, when the row is an attack's: a letter and a number.
    pub(super) fn test_prefix(&self) -> Option<String> {
        let (letter, number) = self.id.split_at_checked(1)?;
        let is_attack = letter.bytes().all(|byte| byte.is_ascii_uppercase())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit());
        is_attack.then(|| format!("{}_", self.id.to_ascii_lowercase()))
    }
}

/// The rows of all tables in `text`, which is the file at `path`; a row that cannot be read is a finding.
pub(super) fn claims(path: &str, text: &str) -> Vec<Result<Claim, String>> {
    let mut in_table = false;
    let mut claims = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some(row) = line.trim().strip_prefix('|') else {
            in_table = false;
            continue;
        };
        if row.bytes().all(|byte| b"|-: ".contains(&byte)) {
            in_table = true;
        } else if in_table {
            let claim = claim(index + 1, row);
            claims.push(claim.map_err(|what| format!("{path}:{}: {what}", index + 1)));
        }
    }
    claims
}

fn claim(line: usize, row: &str) -> Result<Claim, &'static str> {
    let cells: Vec<_> = row
        .trim_end_matches('|')
        .split('|')
        .map(str::trim)
        .collect();
    let [id, sentence, evidence] = cells.as_slice() else {
        return Err("a row has three cells");
    };
    if id.is_empty() || id.contains(char::is_whitespace) {
        return Err("the first cell is one word");
    }
    if sentence.is_empty() {
        return Err("nothing is claimed");
    }
    Ok(Claim {
        line,
        id: (*id).to_owned(),
        evidence: self::evidence(evidence)?,
    })
}

fn evidence(cell: &str) -> Result<Evidence, &'static str> {
    if let Some(reason) = REASONS.iter().find_map(|start| cell.strip_prefix(start)) {
        return if reason.len() < SHORTEST_REASON {
            Err("there is no reason")
        } else {
            Ok(Evidence::Reason)
        };
    }
    let (mut file, mut tests, mut unnamed) = (None, Vec::new(), false);
    for quoted in cell.split('`').skip(1).step_by(2) {
        if quoted.ends_with(".rs") {
            if unnamed {
                return Err("a file is named without a test");
            }
            (file, unnamed) = (Some(quoted), true);
        } else {
            let file = file.ok_or("a test is named without its file")?;
            unnamed = false;
            tests.push(Test {
                file: file.to_owned(),
                name: quoted.to_owned(),
            });
        }
    }
    if unnamed {
        Err("a file is named without a test")
    } else if tests.is_empty() {
        Err("no test is named, and no reason given")
    } else {
        Ok(Evidence::Tests(tests))
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
