//! A link under test, relays to connect to, and small servers that misbehave on purpose.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::time::timeout;
use undertone::transport::{
    ConnectionClass, DisconnectCause, FrameSender, Inbox, Link, LinkEvent, LinkId, Reports,
    Timeouts, Transport, TransportConfig,
};
use undertone_protocol::relay_address::RelayAddress;
use undertone_relay::{Config, Relay};
use undertone_wire::binding::BindingValue;
use undertone_wire::frame::Body;
use undertone_wire::{Challenge, Frame, Hello};

use crate::servers::Port;

/// After this a test hangs; no machine is so slow.
const HANGS: Duration = Duration::from_secs(600);

/// A configuration with which nothing runs out of time on a slow machine.
pub(crate) fn patient() -> TransportConfig {
    TransportConfig {
        timeouts: Timeouts {
            connect: HANGS,
            proxy_connect: HANGS,
            handshake: HANGS,
            reply: HANGS,
            probe: HANGS,
            ..Timeouts::default()
        },
        ..TransportConfig::default()
    }
}

/// A link with the queue that it reports to.
pub(crate) struct Subject {
    pub(crate) link: Link,
    reports: Reports,
}

impl Subject {
    /// A wanted link to `address`.
    pub(crate) fn connect(address: &str, config: TransportConfig) -> Self {
        Self::connect_as(address, config, ConnectionClass::Anonymous)
    }

    pub(crate) fn connect_as(
        address: &str,
        config: TransportConfig,
        class: ConnectionClass,
    ) -> Self {
        let transport = Arc::new(Transport::new(config).unwrap());
        let relay = RelayAddress::parse(address).unwrap();
        let (inbox, reports) = Inbox::new();
        let link = Link::spawn(
            &Handle::current(),
            transport,
            relay,
            class,
            &inbox,
            LinkId(1),
        );
        link.want(true);
        Self { link, reports }
    }

    pub(crate) async fn event(&mut self) -> LinkEvent {
        let report = timeout(HANGS, self.reports.recv()).await;
        report.expect("something happens").unwrap().event
    }

    /// Waits for the greeting.
    pub(crate) async fn up(&mut self) -> (Hello, BindingValue, FrameSender) {
        loop {
            match self.event().await {
                LinkEvent::Up {
                    hello,
                    binding,
                    sender,
                } => return (*hello, binding, sender),
                LinkEvent::Connecting => {}
                LinkEvent::Down { cause, .. } => panic!("down: {cause:?}"),
                LinkEvent::Frame(received) => {
                    panic!("a frame before the greeting: {:?}", received.frame)
                }
            }
        }
    }

    /// Waits for the greeting, however many attempts it takes.
    pub(crate) async fn up_at_last(&mut self) -> (Hello, BindingValue, FrameSender) {
        loop {
            if let LinkEvent::Up {
                hello,
                binding,
                sender,
            } = self.event().await
            {
                return (*hello, binding, sender);
            }
            self.link.nudge();
        }
    }

    /// Waits for the end of the connection or of the attempt, whatever comes before.
    pub(crate) async fn down(&mut self) -> (DisconnectCause, Option<Duration>) {
        loop {
            if let LinkEvent::Down { cause, retry_in } = self.event().await {
                return (cause, retry_in);
            }
        }
    }

    /// Waits for the next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        match self.event().await {
            LinkEvent::Frame(received) => received.frame,
            other => panic!("no frame: {other:?}"),
        }
    }

    /// Asks the relay something that any relay answers, and checks the answer.
    pub(crate) async fn converse(&mut self, sender: &FrameSender, request_id: u64) {
        sender.send(challenge(request_id)).unwrap();
        let answer = self.frame().await;
        assert_eq!(answer.request_id, request_id);
        assert!(
            matches!(answer.body, Some(Body::WorkChallenge(_))),
            "{answer:?}"
        );
    }
}

/// A request that any relay answers.
pub(crate) fn challenge(request_id: u64) -> Frame {
    Frame {
        request_id,
        body: Some(Body::Challenge(Challenge {})),
    }
}

/// A relay with its storage in a folder of its own, both gone after the test.
pub(crate) struct TestRelay {
    relay: Relay,
    config: Config,
    _data: TempDir,
    port: Port,
}

impl TestRelay {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let port = Port::reserve();
        let mut config = Config {
            admin: None,
            listen: port.address,
            ..Config::loopback(data.path())
        };
        adjust(&mut config);
        let relay = Relay::start(config.clone()).await.unwrap();
        Self {
            relay,
            config,
            _data: data,
            port,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Stops the relay; the returned half starts it again at the same address.
    pub(crate) async fn stop(self) -> StoppedRelay {
        self.relay.shutdown().await;
        StoppedRelay {
            config: self.config,
            data: self._data,
            port: self.port,
        }
    }
}

/// A relay that is down.
pub(crate) struct StoppedRelay {
    config: Config,
    data: TempDir,
    port: Port,
}

impl StoppedRelay {
    pub(crate) async fn start(self) -> TestRelay {
        let relay = Relay::start(self.config.clone()).await.unwrap();
        TestRelay {
            relay,
            config: self.config,
            _data: self.data,
            port: self.port,
        }
    }
}

/// The binding of a login to `host`.
pub(crate) fn host_binding(host: &str) -> BindingValue {
    BindingValue::Host(undertone_wire::binding::host(host))
}
