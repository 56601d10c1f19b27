//! Line mode: commands on standard input, one item a line on standard output, for scripts and screen readers.

use std::io::{BufRead, Write};

use futures_util::FutureExt;
use tokio::sync::mpsc;
use undertone::{ClientEvent, Events};

use crate::command::Command;
use crate::record::Record;
use crate::session::Session;

/// Lines that were read and wait. A script that is faster waits.
const WAITING_LINES: usize = 64;

/// Runs until `/quit` or the end of the input.
pub(crate) async fn run(mut session: Session, mut events: Events) -> std::io::Result<()> {
    let (lines, mut input) = mpsc::channel(WAITING_LINES);
    std::thread::spawn(move || read(&lines));
    say(&session.ready().await)?;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => tell(&mut session, event).await?,
                None => return Ok(()),
            },
            line = input.recv() => match line {
                Some(line) => if !answer(&mut session, &mut events, &line).await? { break },
                None => break,
            },
        }
    }
    session.close().await;
    Ok(())
}

/// Answers one line; `false` to leave.
async fn answer(session: &mut Session, events: &mut Events, line: &str) -> std::io::Result<bool> {
    let mut going_on = true;
    let records = match Command::parse(line) {
        Ok(None) => return Ok(true),
        Ok(Some(command)) => {
            going_on = command != Command::Quit;
            session.execute(command).await
        }
        Err(wrong) => vec![Record::Error {
            actor: "user",
            text: wrong.0,
        }],
    };
    say(&records)?;
    // What the command caused belongs to its answer.
    while let Some(Some(event)) = events.next().now_or_never() {
        tell(session, event).await?;
    }
    let command = if line.trim_start().starts_with('/') {
        line.split_whitespace().next().unwrap_or_default()
    } else {
        ""
    };
    say(&[Record::End {
        command: command.to_owned(),
    }])?;
    Ok(going_on)
}

async fn tell(session: &mut Session, event: ClientEvent) -> std::io::Result<()> {
    say(&session.notice(event).await)
}

fn say(records: &[Record]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for record in records {
        writeln!(out, "{record}")?;
    }
    out.flush()
}

fn read(lines: &mpsc::Sender<String>) {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        if lines.blocking_send(line).is_err() {
            return;
        }
    }
}
