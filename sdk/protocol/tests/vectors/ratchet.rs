//! The Double Ratchet a second time, from the specification's formulas and the primitives' own crates.

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{
    handshake::{dh, public},
    pq::{Mix, Pq},
    support::{Case, expand, label, seal},
    tape::Tape,
};

struct Chain {
    hk: [u8; 32],
    tk: [u8; 32],
    ck: [u8; 32],
    n: u32,
    esk: [u8; 32],
    /// Of the post-quantum ratchet, modulo 2^16.
    epoch: u16,
}

/// What goes into one envelope beside its text.
struct Parts<'a> {
    context: &'a [u8],
    chain: &'a Chain,
    block: [u8; 16],
    salt: [u8; 12],
    header: &'a [u8],
    /// commitment ‖ K.
    keys: [u8; 64],
}

/// One side's sending half, and what its next steps take.
pub(crate) struct Ratchet {
    th: [u8; 32],
    rk: [u8; 32],
    /// Header seed of the next sending chain.
    next_sending: [u8; 32],
    secret: [u8; 32],
    sending: Option<Chain>,
    previous_length: u32,
    pub(crate) pq: Pq,
}

/// A sealed message and how it came about.
pub(crate) struct Sealed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) text: Vec<u8>,
    /// The post-quantum part of the header.
    pub(crate) pq: [u8; 123],
    /// The sender's ratchet public key.
    pub(crate) dh: [u8; 32],
    pub(crate) case: Case,
}

impl Chain {
    fn new(header_seed: [u8; 32], ck: [u8; 32], epoch: u16) -> Self {
        let okm: [u8; 64] = expand(&header_seed, "dr-header", &[]);
        Self {
            hk: okm[..32].try_into().unwrap(),
            tk: okm[32..].try_into().unwrap(),
            ck,
            n: 0,
            esk: expand(&ck, "eph-seed", &[]),
            epoch,
        }
    }
}

pub(crate) fn hmac(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(data);
    mac.finalize().into_bytes().into()
}

impl Ratchet {
    pub(crate) fn new(
        th: [u8; 32],
        rk: [u8; 32],
        next_sending: [u8; 32],
        secret: [u8; 32],
        pq: Pq,
    ) -> Self {
        Self {
            th,
            rk,
            next_sending,
            secret,
            sending: None,
            previous_length: 0,
            pq,
        }
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        public(&self.secret)
    }

    /// RK' ‖ CK ‖ NHS.
    fn root_step(&mut self, dh: &[u8; 32], mix: Option<Mix>) -> ([u8; 32], [u8; 32]) {
        let (ss, hash, epoch) = mix.unwrap_or_default();
        let ikm = [&dh[..], &ss].concat();
        let info = [&label("dr-root")[..], &hash, &epoch.to_be_bytes()].concat();
        let mut okm = [0; 96];
        hkdf::Hkdf::<Sha256>::new(Some(&self.rk), &ikm)
            .expand(&info, &mut okm)
            .unwrap();
        self.rk = okm[..32].try_into().unwrap();
        (
            okm[32..64].try_into().unwrap(),
            okm[64..].try_into().unwrap(),
        )
    }

    pub(crate) fn sending_step(&mut self, tape: &mut Tape, peer: &[u8; 32]) -> Case {
        let (mix, pq) = self.pq.sending_step(tape);
        let secret = tape.take();
        self.secret = secret;
        let shared = dh(&secret, peer);
        let case = Case::default()
            .hex("ratchet_private", secret)
            .hex("ratchet_public", public(&secret))
            .hex("peer_ratchet_public", peer)
            .hex("dh", shared)
            .hex("rk_before", self.rk)
            .cases("pq", vec![pq])
            .hex("ss_pq", mix.unwrap_or_default().0)
            .hex("pq_hash", mix.unwrap_or_default().1)
            .number("pq_epoch", mix.unwrap_or_default().2.into());
        let (ck, next) = self.root_step(&shared, mix);
        let seed = std::mem::replace(&mut self.next_sending, next);
        let chain = Chain::new(seed, ck, self.pq.epoch());
        self.previous_length = self.sending.as_ref().map_or(0, |chain| chain.n);
        let case = case
            .hex("rk", self.rk)
            .hex("ck", ck)
            .hex("nhs", next)
            .hex("hs", seed)
            .hex("hk", chain.hk)
            .hex("tk", chain.tk)
            .hex("esk", chain.esk);
        self.sending = Some(chain);
        case
    }

    /// The same root step on the other side, after its message arrived.
    pub(crate) fn receiving_step(&mut self, sealed: &Sealed) {
        let shared = dh(&self.secret, &sealed.dh);
        let mix = self.pq.receiving_step(&sealed.pq);
        self.root_step(&shared, mix);
    }

    /// The next message of the chain, from its tag on.
    pub(crate) fn seal(
        &mut self,
        kind: u8,
        front: &[u8],
        tape: &mut Tape,
        text: &[u8],
        padded: &[u8],
    ) -> Sealed {
        let dh = self.public();
        let salt: [u8; 12] = tape.take();
        let pq = self.pq.fields(tape);
        let context = [&self.th[..], front, &[kind]].concat();
        let chain = self.sending.as_ref().unwrap();
        let (mk, next_ck) = (hmac(&chain.ck, &[1]), hmac(&chain.ck, &[2]));
        let mut block = [0; 16];
        block[12..].copy_from_slice(&chain.n.to_be_bytes());
        let header = [
            &dh[..],
            &self.previous_length.to_be_bytes(),
            &chain.n.to_be_bytes(),
            &pq,
        ]
        .concat();
        let parts = Parts {
            context: &context,
            chain,
            block,
            salt,
            header: &header,
            keys: expand(&mk, "dr-msg", &[]),
        };
        let case = Case::default()
            .hex("ck_before", chain.ck)
            .hex("mk", mk)
            .hex("ck_after", next_ck);
        let (bytes, case) = parts.seal(case, text, padded);
        let chain = self.sending.as_mut().unwrap();
        chain.ck = next_ck;
        chain.n += 1;
        Sealed {
            bytes,
            text: text.to_vec(),
            pq,
            dh,
            case,
        }
    }

    /// An ephemeral message beside the chain that is open, or was last, from its tag on.
    pub(crate) fn ephemeral(&self, number: u32, tape: &mut Tape, text: &[u8]) -> (Vec<u8>, Case) {
        let chain = self.sending.as_ref().unwrap();
        let salt: [u8; 12] = tape.take();
        let number = number.to_be_bytes();
        let header = [
            &self.public()[..],
            &self.previous_length.to_be_bytes(),
            &number,
            &chain.epoch.to_be_bytes(),
            &[0; 121],
        ]
        .concat();
        let block = [&[0; 8][..], b"EPH1", &number].concat();
        let parts = Parts {
            context: &[&self.th[..], &[0x11]].concat(),
            chain,
            block: block.try_into().unwrap(),
            salt,
            header: &header,
            keys: expand(&chain.esk, "eph-msg", &number),
        };
        let padded = [text, &[0x80], &vec![0; 256 - text.len() - 1]].concat();
        parts.seal(Case::default().hex("esk", chain.esk), text, &padded)
    }
}

impl Parts<'_> {
    fn seal(self, case: Case, text: &[u8], padded: &[u8]) -> (Vec<u8>, Case) {
        let mut tag = self.block.into();
        Aes256::new((&self.chain.tk).into()).encrypt_block(&mut tag);
        let header_ad = [self.context, &tag].concat();
        let sealed_header = seal(&self.chain.hk, &self.salt, &header_ad, self.header);
        let (commitment, key) = self.keys.split_at(32);
        let key: [u8; 32] = key.try_into().unwrap();
        let in_front = [&tag[..], &self.salt, &sealed_header, commitment].concat();
        let body_ad = [self.context, &in_front].concat();
        let body = seal(&key, &self.salt, &body_ad, padded);
        let case = case
            .hex("tag_block", self.block)
            .hex("tag", tag)
            .hex("salt", self.salt)
            .hex("header", self.header)
            .hex("sealed_header", &sealed_header)
            .hex("commitment", commitment)
            .hex("key", key)
            .hex("plaintext", text)
            .number("padded_length", u64::try_from(padded.len()).unwrap())
            .hex("sealed_body", &body);
        ([in_front, body].concat(), case)
    }
}
