//! A device that was away: ten thousand envelopes of twenty senders wait at the relay.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use undertone::{Client, ClientConfig, Conversation, MessageState};
use undertone_relay::{Config, Relay};

use super::{History, KEY, SEED, VOCABULARY};
use crate::bench::BenchError;
use crate::bench::end_to_end::{introduce, open, wait};
use crate::bench::row::{Goal, Row};
use crate::corpus::Corpus;

const SENDERS: usize = 20;
/// Envelopes of each sender.
const OF_EACH: usize = 500;
/// How often the relay is asked what was acknowledged.
const LOOK: Duration = Duration::from_millis(10);
/// The longest wait for all of it, before the run is given up.
const PATIENCE: Duration = Duration::from_secs(300);

/// The file of the account that receives.
pub(super) fn recipient(folder: &Path) -> PathBuf {
    folder.join("recipient.db")
}

/// A relay, and the recipient's account with contacts that may write to it; all of them are closed again.
pub(super) async fn meet(folder: &Path) -> Result<(Relay, Vec<PathBuf>), BenchError> {
    let relay = Relay::start(Config {
        limit_rates: false,
        // The backlog, and what else may wait for the recipient.
        mailbox_quota_messages: 2 * u32::try_from(SENDERS * OF_EACH)?,
        ..Config::loopback(folder.join("relay"))
    })
    .await?;
    let address = format!("ws://{}", relay.local_addr());
    let recipient = open(&recipient(folder), &address, "Recipient").await?;
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let path = folder.join(format!("sender{number}.db"));
        let sender = open(&path, &address, "Sender").await?;
        introduce(&sender, &recipient).await?;
        sender.close().await;
        senders.push(path);
    }
    recipient.close().await;
    Ok((relay, senders))
}

/// From opening the recipient's client, with a million messages in its history, until the relay has the acknowledgement of
/// the last envelope, before which everything is durable. Relay and client are in one process and share its cores.
pub(in crate::bench) fn backlog(history: &mut History) -> Result<Row, BenchError> {
    let relay = history.relay.as_ref().ok_or("there is no relay")?;
    let seconds = history.runtime.block_on(async {
        queue(&history.senders).await?;
        let before = acknowledged(relay).await?;
        let began = Instant::now();
        let client = Client::open(ClientConfig::new(&history.store, KEY)).await?;
        let mut looks = tokio::time::interval(LOOK);
        while acknowledged(relay).await? < before + SENDERS * OF_EACH {
            if began.elapsed() > PATIENCE {
                return Err("the backlog did not come".into());
            }
            looks.tick().await;
        }
        let seconds = began.elapsed().as_secs_f64();
        client.close().await;
        Ok::<_, BenchError>(seconds)
    })?;
    let all = u32::try_from(SENDERS * OF_EACH)?;
    let of = format!(
        "none; {all} envelopes of {SENDERS} senders in {seconds:.2} s, from a relay in the same process, on sockets and disks"
    );
    let goal = Goal::AtLeast(5_000.0);
    let rate = f64::from(all) / seconds;
    Ok(Row::new(
        "backlog_per_s",
        "per_s",
        rate,
        (0.0, of),
        BTreeMap::new(),
        goal,
    ))
}

/// Everybody writes, until the relay has all of it.
async fn queue(senders: &[PathBuf]) -> Result<(), BenchError> {
    let mut texts = Corpus::new(SEED + 1, VOCABULARY).filter(|line| !line.text.is_empty());
    let mut all = tokio::task::JoinSet::new();
    for path in senders {
        let texts: Vec<String> = texts.by_ref().take(OF_EACH).map(|line| line.text).collect();
        let path = path.clone();
        all.spawn(async move {
            let client = Client::open(ClientConfig::new(&path, KEY)).await?;
            let written = write(&client, texts).await;
            client.close().await;
            written
        });
    }
    while let Some(written) = all.join_next().await {
        written??;
    }
    Ok(())
}

async fn write(client: &Client, texts: Vec<String>) -> Result<(), BenchError> {
    let mut events = client.events();
    let list = client.conversations(None, 1).await?;
    let id = list.first().ok_or("nobody to write to")?.id;
    let conversation: Conversation = client.conversation(id);
    let mut last = None;
    for text in texts {
        last = Some(conversation.send_text(&text).await?);
    }
    let last = last.ok_or("nothing to write")?;
    // They go in order: when the last one is there, all are.
    while client.message(last).await?.map(|message| message.state) != Some(MessageState::Sent) {
        wait(&mut events, |_| Some(())).await?;
    }
    Ok(())
}

/// Envelopes that recipients acknowledged, as the relay's operator sees it.
async fn acknowledged(relay: &Relay) -> Result<usize, BenchError> {
    let address = relay.admin_addr().ok_or("the relay has no metrics")?;
    let mut stream = TcpStream::connect(address).await?;
    let request = "GET /metrics HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let count = answer
        .lines()
        .find_map(|line| line.strip_prefix("undertone_relay_acked_total "));
    Ok(count.map_or(Ok(0), str::parse)?)
}
