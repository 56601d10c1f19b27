//! Keeps one connection up while it is wanted: connect, serve, wait, connect again.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::ThreadRng;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use undertone_protocol::relay_address::RelayAddress;
use undertone_wire::ErrorCode;

use super::backoff::Backoff;
use super::config::ConnectionClass;
use super::error::{ConnectError, DisconnectCause};
use super::frame_sender::FrameSender;
use super::greeting::Greeting;
use super::limits::{NUDGE_SPACING, OUTGOING_FRAMES, STABLE_AFTER};
use super::lines::{ConversationSettings, Lines, Wish};
use super::long_poll::End;
use super::report::{Inbox, LinkEvent, LinkId, Reporter};
use super::{Session, Transport};

/// A connection to one relay that comes back by itself. Dropping it closes the connection after what was queued is sent.
#[derive(Debug)]
pub struct Link {
    wish: watch::Sender<Wish>,
}

impl Link {
    /// Starts a link on `runtime`. It connects when it is first [wanted](Self::want).
    pub fn spawn(
        runtime: &Handle,
        transport: Arc<Transport>,
        relay: RelayAddress,
        class: ConnectionClass,
        inbox: &Inbox,
        id: LinkId,
    ) -> Self {
        let (wish, settings) = watch::channel(Wish::default());
        let task = Task {
            transport,
            relay,
            class,
            reporter: inbox.reporter(id),
            settings,
            backoff: Backoff::default(),
            followed: 0,
        };
        runtime.spawn(task.run());
        Self { wish }
    }

    /// Whether the connection should be up. A connection that is not wanted any more is closed after what was queued is sent.
    pub fn want(&self, wanted: bool) {
        self.wish
            .send_if_modified(|wish| std::mem::replace(&mut wish.wanted, wanted) != wanted);
    }

    /// Cuts a wait short, because the user did something or another connection came up.
    pub fn nudge(&self) {
        self.wish
            .send_modify(|wish| wish.nudges = wish.nudges.wrapping_add(1));
    }

    /// The network changed: an open connection has to prove that it lives, a wait is cut short.
    pub fn network_changed(&self) {
        self.wish.send_modify(|wish| {
            wish.probes = wish.probes.wrapping_add(1);
            wish.nudges = wish.nudges.wrapping_add(1);
        });
    }
}

struct Task {
    transport: Arc<Transport>,
    relay: RelayAddress,
    class: ConnectionClass,
    reporter: Reporter,
    settings: watch::Receiver<Wish>,
    backoff: Backoff,
    /// Nudges up to which the user got an attempt. Those since the beginning of one that fails, on its way or soon after,
    /// got none: what the user did must not wait for the backoff.
    followed: u64,
}

impl Task {
    async fn run(mut self) {
        while self.settings.wait_for(|wish| wish.wanted).await.is_ok() {
            self.follow_nudges();
            self.reporter.event(LinkEvent::Connecting).await;
            let opened = {
                let mut settings = self.settings.clone();
                tokio::select! {
                    opened = self.transport.open(&self.relay, self.class) => opened.map_err(DisconnectCause::from),
                    _ = settings.wait_for(|wish| !wish.wanted) => Err(DisconnectCause::Requested),
                }
            };
            let (cause, jitter) = match opened {
                Ok(session) => self.serve(session).await,
                Err(cause) => (cause, Duration::ZERO),
            };
            if matches!(cause, DisconnectCause::ClosedByRelay { .. }) {
                // It said when it wants to be asked again.
                self.follow_nudges();
            }
            let wait = self.wait_after(cause, jitter);
            tracing::debug!(%cause, ?wait, "connection is down");
            self.reporter
                .event(LinkEvent::Down {
                    cause,
                    retry_in: wait,
                })
                .await;
            if self.pause(wait).await.is_err() {
                return;
            }
        }
    }

    /// Runs sessions until one ends without a successor; returns why and the relay's reconnect window.
    async fn serve(&mut self, mut session: Session) -> (DisconnectCause, Duration) {
        loop {
            let began = Instant::now();
            let (sender, outgoing) = mpsc::channel(OUTGOING_FRAMES);
            let jitter = session.greeting().reconnect_jitter();
            self.reporter
                .event(up(session.greeting(), FrameSender(sender)))
                .await;
            let probes_seen = self.settings.borrow().probes;
            let lines = Lines {
                transport: &self.transport,
                relay: &self.relay,
                class: self.class,
                reporter: &self.reporter,
                outgoing,
                settings: ConversationSettings {
                    settings: self.settings.clone(),
                    probes_seen,
                },
            };
            let end = match session {
                Session::WebSocket(session) => End::Down(session.run(lines).await),
                Session::LongPoll(session) => session.run(lines).await,
            };
            if began.elapsed() >= STABLE_AFTER {
                self.backoff.reset();
                self.follow_nudges();
            }
            match end {
                End::Down(cause) => return (cause, jitter),
                End::Upgraded(websocket) => {
                    let down = LinkEvent::Down {
                        cause: DisconnectCause::Replaced,
                        retry_in: Some(Duration::ZERO),
                    };
                    self.reporter.event(down).await;
                    session = Session::WebSocket(*websocket);
                }
            }
        }
    }

    /// How long to wait after `cause`; `None` until somebody nudges.
    fn wait_after(&mut self, cause: DisconnectCause, jitter: Duration) -> Option<Duration> {
        let rng: &mut ThreadRng = &mut rand::rng();
        match cause {
            DisconnectCause::Requested | DisconnectCause::Replaced => Some(Duration::ZERO),
            // Two programs with one mailbox would displace each other for ever.
            DisconnectCause::ClosedByRelay {
                reason: ErrorCode::Displaced,
                ..
            } => None,
            DisconnectCause::ClosedByRelay { retry_after, .. } => {
                Some(self.backoff.asked(retry_after, jitter, rng))
            }
            DisconnectCause::Connect(
                ConnectError::UnsupportedVersion { .. } | ConnectError::BindingRefused,
            ) => Some(self.backoff.longest(rng)),
            DisconnectCause::Connect(_)
            | DisconnectCause::Lost
            | DisconnectCause::Silent
            | DisconnectCause::Violation(_) => Some(self.backoff.next(rng)),
        }
    }

    fn follow_nudges(&mut self) {
        self.followed = self.settings.borrow().nudges;
    }

    /// Waits, at most until there is a nudge that was not followed. `Err` when the link was dropped.
    async fn pause(&mut self, wait: Option<Duration>) -> Result<(), watch::error::RecvError> {
        let followed = self.followed;
        let earliest = Instant::now() + NUDGE_SPACING;
        tokio::select! {
            () = forever_or(wait) => return Ok(()),
            nudged = self.settings.wait_for(|wish| wish.nudges != followed) => { nudged?; }
        }
        let mut settings = self.settings.clone();
        tokio::select! {
            () = sleep_until(earliest) => Ok(()),
            () = forever_or(wait) => Ok(()),
            gone = dropped(&mut settings) => Err(gone),
        }
    }
}

fn up(greeting: &Greeting, sender: FrameSender) -> LinkEvent {
    LinkEvent::Up {
        hello: Box::new(greeting.hello.clone()),
        binding: greeting.binding,
        sender,
    }
}

async fn forever_or(wait: Option<Duration>) {
    match wait {
        Some(wait) => sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn dropped(settings: &mut watch::Receiver<Wish>) -> watch::error::RecvError {
    loop {
        if let Err(gone) = settings.changed().await {
            return gone;
        }
    }
}

impl Session {
    fn greeting(&self) -> &Greeting {
        match self {
            Self::WebSocket(session) => session.greeting(),
            Self::LongPoll(session) => session.greeting(),
        }
    }
}
