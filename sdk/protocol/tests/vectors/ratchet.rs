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
    fn new(header_seed: [u8; 32], ck: [u8; 32]) -> Self {
        let okm: [u8; 64] = expand(&header_seed, "dr-header", &[]);
        Self {
            hk: okm[..32].try_into().unwrap(),
            tk: okm[32..].try_into().unwrap(),
            ck,
            n: 0,
        }
    }
}

fn hmac(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
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
        let chain = Chain::new(seed, ck);
        self.previous_length = self.sending.as_ref().map_or(0, |chain| chain.n);
        let case = case
            .hex("rk", self.rk)
            .hex("ck", ck)
            .hex("nhs", next)
            .hex("hs", seed)
            .hex("hk", chain.hk)
            .hex("tk", chain.tk);
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
        let chain = self.sending.as_mut().unwrap();
        let (mk, next_ck) = (hmac(&chain.ck, &[1]), hmac(&chain.ck, &[2]));
        let mut block = [0; 16];
        block[12..].copy_from_slice(&chain.n.to_be_bytes());
        let mut tag = block.into();
        Aes256::new((&chain.tk).into()).encrypt_block(&mut tag);
        let header = [
            &dh[..],
            &self.previous_length.to_be_bytes(),
            &chain.n.to_be_bytes(),
            &pq,
        ]
        .concat();
        let sealed_header = seal(&chain.hk, &salt, &[&context[..], &tag].concat(), &header);
        let okm: [u8; 64] = expand(&mk, "dr-msg", &[]);
        let (commitment, key) = okm.split_at(32);
        let key: [u8; 32] = key.try_into().unwrap();
        let in_front = [&tag[..], &salt, &sealed_header, commitment].concat();
        let body = seal(&key, &salt, &[&context[..], &in_front].concat(), padded);
        let case = Case::default()
            .hex("ck_before", chain.ck)
            .hex("mk", mk)
            .hex("ck_after", next_ck)
            .hex("tag_block", block)
            .hex("tag", tag)
            .hex("salt", salt)
            .hex("header", &header)
            .hex("sealed_header", &sealed_header)
            .hex("commitment", commitment)
            .hex("key", key)
            .hex("plaintext", text)
            .number("padded_length", u64::try_from(padded.len()).unwrap())
            .hex("sealed_body", &body);
        chain.ck = next_ck;
        chain.n += 1;
        Sealed {
            bytes: [in_front, body].concat(),
            text: text.to_vec(),
            pq,
            dh,
            case,
        }
    }
}
