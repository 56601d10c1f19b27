//! The post-quantum ratchet a second time, from the specification's table and the primitives' own crates.

use libcrux_ml_kem::mlkem768;

use crate::{
    support::{Case, sha256},
    tape::Tape,
};

const CHUNK: usize = 119;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    PNew,
    PEk,
    PCt,
    PHave,
    REk,
    RCt,
    RMixed,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::PNew => "P_NEW",
            Self::PEk => "P_EK",
            Self::PCt => "P_CT",
            Self::PHave => "P_HAVE",
            Self::REk => "R_EK",
            Self::RCt => "R_CT",
            Self::RMixed => "R_MIXED",
        }
    }

    /// Kind and flags.
    const fn announces(self) -> (u8, u8) {
        match self {
            Self::PEk => (1, 0),
            Self::RCt => (2, 1),
            Self::PHave => (0, 2),
            Self::RMixed => (0, 4),
            Self::PNew | Self::PCt | Self::REk => (0, 0),
        }
    }
}

/// ss_pq, H and epoch, as a root step takes them.
pub(crate) type Mix = ([u8; 32], [u8; 32], u16);

/// One side.
pub(crate) struct Pq {
    epoch: u64,
    state: State,
    seed: [u8; 64],
    /// What is sent: ek or ct ‖ H, with zeros.
    outgoing: Vec<u8>,
    unsent: Vec<u8>,
    /// What came.
    collected: [Option<Vec<u8>>; 10],
    ss: [u8; 32],
    h: [u8; 32],
    seen_ct: bool,
}

fn low(epoch: u64) -> u16 {
    u16::try_from(epoch & 0xffff).unwrap()
}

impl Pq {
    fn new(state: State) -> Self {
        Self {
            epoch: 1,
            state,
            seed: [0; 64],
            outgoing: Vec::new(),
            unsent: Vec::new(),
            collected: Default::default(),
            ss: [0; 32],
            h: [0; 32],
            seen_ct: false,
        }
    }

    /// A's side, before the root step that opens chain 0.
    pub(crate) fn initiator() -> Self {
        Self::new(State::PNew)
    }

    /// B's side, from the key in the first message.
    pub(crate) fn responder(ek: &[u8]) -> Self {
        let mut side = Self::new(State::REk);
        let ek = padded(&[ek]);
        for (to, from) in side.collected.iter_mut().zip(ek.chunks(CHUNK)) {
            *to = Some(from.to_vec());
        }
        side
    }

    /// What A sends, without the zeros behind it.
    pub(crate) fn key(&self) -> &[u8] {
        &self.outgoing[..1_184]
    }

    /// The epoch modulo 2^16.
    pub(crate) fn epoch(&self) -> u16 {
        low(self.epoch)
    }

    /// How many epochs this side has completed.
    pub(crate) fn completed(&self) -> u64 {
        self.epoch - 1
    }

    fn whole(&self) -> Option<Vec<u8>> {
        let chunks: Option<Vec<_>> = self.collected.iter().cloned().collect();
        chunks.map(|chunks| chunks.concat())
    }

    /// The sending root step: what it mixes, and how it came about.
    pub(crate) fn sending_step(&mut self, tape: &mut Tape) -> (Option<Mix>, Case) {
        let mut case = Case::default()
            .number("epoch", self.epoch)
            .text("before", self.state.name());
        let mut mix = None;
        if self.state == State::PEk && self.collected.iter().any(Option::is_some) {
            self.state = State::PCt;
        }
        match (self.state, self.whole()) {
            (State::PNew, _) => {
                self.seed = tape.take();
                let pair = mlkem768::generate_key_pair(self.seed);
                self.outgoing = padded(&[pair.pk()]);
                self.unsent.clear();
                self.state = State::PEk;
                case = case.hex("seed", self.seed).hex("ek", pair.pk());
            }
            (State::PCt, Some(whole)) => {
                let pair = mlkem768::generate_key_pair(self.seed);
                let ct: &[u8; 1_088] = whole[..1_088].try_into().unwrap();
                self.ss = mlkem768::decapsulate(pair.private_key(), &ct.into());
                self.h = sha256(&[pair.pk(), ct]);
                assert_eq!(self.h, whole[1_088..1_120]);
                self.state = State::PHave;
                case = case.hex("ss", self.ss).hex("h", self.h);
            }
            (State::REk, Some(whole)) => {
                let ek: &[u8; 1_184] = whole[..1_184].try_into().unwrap();
                let coins: [u8; 32] = tape.take();
                let (ct, ss) = mlkem768::encapsulate(&ek.into(), coins);
                let ct: [u8; 1_088] = ct.into();
                self.ss = ss;
                self.h = sha256(&[ek, &ct]);
                self.outgoing = padded(&[&ct, &self.h]);
                self.unsent.clear();
                self.seen_ct = false;
                self.state = State::RCt;
                case = case
                    .hex("coins", coins)
                    .hex("ct", ct)
                    .hex("ss", ss)
                    .hex("h", self.h);
            }
            (State::RCt, _) if self.seen_ct => {
                mix = Some((self.ss, self.h, low(self.epoch)));
                self.state = State::RMixed;
            }
            _ => {}
        }
        (mix, case.text("after", self.state.name()))
    }

    /// The fields of the next header. `draw` gives four random bytes when there is a choice.
    pub(crate) fn fields(&mut self, tape: &mut Tape) -> [u8; 123] {
        let (kind, flags) = self.state.announces();
        let mut index = 0;
        let mut chunk = vec![0; CHUNK];
        if kind != 0 {
            if self.unsent.is_empty() {
                self.unsent = (0..10).collect();
            }
            let draw = u64::from(u32::from_be_bytes(tape.take()));
            let scaled = draw * u64::try_from(self.unsent.len()).unwrap();
            let nth = usize::try_from(scaled >> 32);
            index = self.unsent.remove(nth.unwrap());
            let start = usize::from(index) * CHUNK;
            chunk = self.outgoing[start..start + CHUNK].to_vec();
        }
        let epoch = low(self.epoch).to_be_bytes();
        [&epoch[..], &[kind << 4 | index, flags], &chunk]
            .concat()
            .try_into()
            .unwrap()
    }

    /// The receiving root step: what it mixes.
    pub(crate) fn receiving_step(&mut self, fields: &[u8; 123]) -> Option<Mix> {
        match (self.state, fields[3]) {
            (State::PHave, 4) => {
                let mix = (self.ss, self.h, low(self.epoch));
                self.epoch += 1;
                self.collected = Default::default();
                self.state = State::REk;
                Some(mix)
            }
            (State::RMixed, _) => {
                self.epoch += 1;
                self.collected = Default::default();
                self.state = State::PNew;
                None
            }
            _ => None,
        }
    }

    /// What a message says once it was opened.
    pub(crate) fn content(&mut self, fields: &[u8; 123]) {
        if fields[..2] != low(self.epoch).to_be_bytes() {
            return;
        }
        let (kind, index) = (fields[2] >> 4, usize::from(fields[2] & 0x0f));
        match (self.state, kind, fields[3]) {
            (State::PEk | State::PCt, 2, _) | (State::REk, 1, _) => {
                self.collected[index] = Some(fields[4..].to_vec());
            }
            (State::RCt, 0, 2) => self.seen_ct = true,
            _ => {}
        }
    }
}

fn padded(parts: &[&[u8]]) -> Vec<u8> {
    let mut whole = parts.concat();
    whole.resize(10 * CHUNK, 0);
    whole
}
