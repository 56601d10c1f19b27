//! What stands between clients and an honest relay and changes what the relay says: a relay of another version, one with
//! another clock, or a hostile one. Told to change nothing, it passes everything on, so that the same conversation can go
//! on when the cause is gone.

use std::io::{self, Read, Write};
use std::iter;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use undertone_wire::frame::Body;
use undertone_wire::{Frame, Hello};

/// What is changed.
#[derive(Clone)]
pub(crate) enum Change {
    Nothing,
    /// The relay's greeting.
    Greeting(fn(&mut Hello)),
    /// After the greeting comes this, and then zeros for as long as anybody takes them.
    Attack(Vec<u8>),
    /// From there on one byte at a time, and never the last one.
    Dribble(Place),
}

/// Where a relay becomes slow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the head of its answer to the upgrade.
    Head,
    /// In the message of its greeting.
    Greeting,
    /// In the message behind its greeting.
    Message,
}

/// Pause between two bytes of a relay that dribbles: such a pause alone says nothing to a client.
const PACE: Duration = Duration::from_millis(100);

/// How a WebSocket message of many bytes begins (RFC 6455, section 5.2).
const LONG_MESSAGE: [u8; 4] = [0x82, 126, 0xff, 0xff];

struct State {
    relay: SocketAddr,
    change: Mutex<Change>,
    changed: Condvar,
    open: Mutex<Vec<TcpStream>>,
    taken: AtomicU64,
}

pub(crate) struct Between {
    address: SocketAddr,
    state: Arc<State>,
}

impl Between {
    pub(crate) fn new(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            relay,
            change: Mutex::new(Change::Nothing),
            changed: Condvar::new(),
            open: Mutex::default(),
            taken: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || state.carry(client));
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this is changed, on new connections; those that are open are cut.
    pub(crate) fn change(&self, change: Change) {
        *self.state.change.lock().unwrap() = change;
        self.state.changed.notify_all();
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Bytes that clients took from attacks, those that only reached the kernel's buffers included.
    pub(crate) fn taken(&self) -> u64 {
        self.state.taken.load(Ordering::SeqCst)
    }
}

impl State {
    /// Connections that fail simply end: the clients notice.
    fn carry(&self, client: TcpStream) {
        if let Ok(relay) = TcpStream::connect(self.relay) {
            let _ = self.pass(&client, &relay);
            let _ = relay.shutdown(Shutdown::Both);
        }
        let _ = client.shutdown(Shutdown::Both);
    }

    fn pass(&self, mut client: &TcpStream, mut relay: &TcpStream) -> io::Result<()> {
        let change = {
            let change = self.change.lock().unwrap();
            let mut open = self.open.lock().unwrap();
            open.extend([client.try_clone()?, relay.try_clone()?]);
            change.clone()
        };
        let (mut from_client, mut to_relay) = (client.try_clone()?, relay.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut from_client, &mut to_relay);
            let _ = to_relay.shutdown(Shutdown::Both);
        });
        let head = read_head(&mut relay)?;
        let dribbles = |place| matches!(change, Change::Dribble(other) if other == place);
        if dribbles(Place::Head) {
            let (begun, _end) = head.split_at(head.len() - 2);
            return self.dribble(client, begun);
        }
        client.write_all(&head)?;
        if head.starts_with(b"HTTP/1.1 101") {
            if dribbles(Place::Greeting) {
                return self.dribble(client, &LONG_MESSAGE);
            }
            let mut frame = read_greeting(&mut relay)?;
            if let (Change::Greeting(change), Some(Body::Hello(hello))) = (&change, &mut frame.body)
            {
                change(hello);
            }
            write_frame(&mut client, &frame)?;
            if dribbles(Place::Message) {
                return self.dribble(client, &LONG_MESSAGE);
            }
            if let Change::Attack(bytes) = change {
                return self.attack(client, &bytes);
            }
        }
        io::copy(&mut relay, &mut client).map(drop)
    }

    fn attack(&self, mut client: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        client.write_all(bytes)?;
        loop {
            let zeros = [0; 16 * 1024];
            client.write_all(&zeros)?;
            self.taken.fetch_add(zeros.len() as u64, Ordering::SeqCst);
        }
    }

    /// Behind `begun` come zeros; what the client does not hang up on, it takes.
    fn dribble(&self, mut client: &TcpStream, begun: &[u8]) -> io::Result<()> {
        for byte in begun.iter().copied().chain(iter::repeat(0)) {
            client.write_all(&[byte])?;
            self.taken.fetch_add(1, Ordering::SeqCst);
            let change = self.change.lock().unwrap();
            let is_slow = |change: &mut Change| matches!(change, Change::Dribble(_));
            let over = self.changed.wait_timeout_while(change, PACE, is_slow);
            if !over.unwrap().1.timed_out() {
                break;
            }
        }
        Ok(())
    }
}

fn read_head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}

/// The relay's first WebSocket message, which is short: one frame (RFC 6455, section 5.2).
fn read_greeting(stream: &mut impl Read) -> io::Result<Frame> {
    let mut header = [0; 2];
    stream.read_exact(&mut header)?;
    let length = match header[1] {
        126 => {
            let mut medium = [0; 2];
            stream.read_exact(&mut medium)?;
            u16::from_be_bytes(medium)
        }
        short => u16::from(short),
    };
    let mut payload = vec![0; usize::from(length)];
    stream.read_exact(&mut payload)?;
    Frame::from_bytes(payload.into()).map_err(io::Error::other)
}

fn write_frame(stream: &mut impl Write, frame: &Frame) -> io::Result<()> {
    let payload = frame.to_bytes().map_err(io::Error::other)?;
    let length = u16::try_from(payload.len()).map_err(io::Error::other)?;
    stream.write_all(&[0x82, 126])?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&payload)
}
