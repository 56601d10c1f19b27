//! `group.json`: a sender of a group, a member that was there from the beginning, one that joins, and a rotation; messages
//! are lost, late, and delivered twice.
//!
//! The library is given a tape of random bytes; everything it then does is computed a second time here, from the
//! specification's formulas alone, and compared.

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use undertone_protocol::{
    account::{AccountId, Root},
    device::DeviceId,
    envelope::Envelope,
    group::{
        EpochHash, EpochId, GroupEpoch, GroupHeaderSeed, GroupId, GroupOpenError, Learned,
        ReceivingSender, Sender, SenderIndex, SenderKeyDistribution, SendingChain,
    },
    primitives::secret::SecretBytes,
};

use crate::{
    manifest::NOW,
    ratchet::hmac,
    support::{Case, check, expand, seal, sha256, sign},
    tape::Tape,
};

const GROUP: [u8; 16] = [0xa1; 16];
const HASH: [u8; 32] = [0xa2; 32];
const GHS: [u8; 32] = [0xa3; 32];
const DEVICE: [u8; 16] = [0xa4; 16];
const INDEX: u32 = 0x0102;

/// The epoch and one sender's chain, as SPEC.md has them.
struct Model {
    account: [u8; 32],
    hk: [u8; 32],
    tk: [u8; 32],
    ck: [u8; 32],
    key_id: [u8; 8],
    seed: [u8; 32],
    verification_key: [u8; 32],
    n: u32,
}

impl Model {
    fn begin(account: [u8; 32], tape: &mut Tape) -> Self {
        let okm: [u8; 64] = expand(&GHS, "grp-header", &[]);
        let mut model = Self {
            account,
            hk: okm[..32].try_into().unwrap(),
            tk: okm[32..].try_into().unwrap(),
            ck: [0; 32],
            key_id: [0; 8],
            seed: [0; 32],
            verification_key: [0; 32],
            n: 0,
        };
        model.fresh(tape);
        model
    }

    fn fresh(&mut self, tape: &mut Tape) {
        self.ck = tape.take();
        self.key_id = tape.take();
        self.seed = tape.take();
        let key = ed25519_dalek::SigningKey::from_bytes(&self.seed);
        self.verification_key = key.verifying_key().to_bytes();
    }

    fn rotate(&mut self, tape: &mut Tape) {
        self.n += 1;
        self.fresh(tape);
    }

    fn chain(&self, name: &str) -> Case {
        Case::new(name)
            .number("first", u64::from(self.n))
            .hex("chain_key", self.ck)
            .hex("key_id", self.key_id)
            .hex("signing_seed", self.seed)
            .hex("verification_key", self.verification_key)
    }

    fn distribution(&self) -> Vec<u8> {
        [
            &[1][..],
            &GROUP,
            &HASH,
            &INDEX.to_be_bytes(),
            &self.key_id,
            &self.n.to_be_bytes(),
            &self.ck,
            &self.verification_key,
        ]
        .concat()
    }

    fn seal(&mut self, tape: &mut Tape, text: &[u8]) -> (Vec<u8>, Case) {
        let (n, salt): (_, [u8; 12]) = (self.n.to_be_bytes(), tape.take());
        let (mk, next_ck) = (hmac(&self.ck, &[1]), hmac(&self.ck, &[2]));
        let okm: [u8; 64] = expand(&mk, "dr-msg", &[]);
        let (commitment, key) = (&okm[..32], okm[32..].try_into().unwrap());
        let block: [u8; 16] = [&[0; 8][..], &INDEX.to_be_bytes(), &n]
            .concat()
            .try_into()
            .unwrap();
        let mut tag = block.into();
        Aes256::new((&self.tk).into()).encrypt_block(&mut tag);
        let named = [&self.key_id[..], &INDEX.to_be_bytes(), &n].concat();
        let front = [&[0x11][..], &tag, &salt].concat();
        let bound = [&GROUP[..], &HASH, &self.account, &DEVICE, &named, &front].concat();

        let bucket = (text.len() + 257).next_power_of_two().max(512);
        let padded = [text, &[0x80], &vec![0; bucket - 256 - text.len() - 1]].concat();
        let body_ad = [&bound[..], commitment].concat();
        let body = seal(&key, &salt, &body_ad, &padded);
        let signed = [&bound[..], &sha256(&[commitment, &body])].concat();
        let signature = sign(&self.seed, "group-msg", &signed);
        let header = [&named[..], &signature, &[0; 83]].concat();
        let header_ad = [&GROUP[..], &HASH, &front[..17]].concat();
        let sealed_header = seal(&self.hk, &salt, &header_ad, &header);
        let envelope = [&front[..], &sealed_header, commitment, &body].concat();
        let case = Case::new("send")
            .number("n", u64::from(self.n))
            .hex("ck_before", self.ck)
            .hex("mk", mk)
            .hex("ck_after", next_ck)
            .hex("tag_block", block)
            .hex("tag", tag)
            .hex("salt", salt)
            .hex("commitment", commitment)
            .hex("key", key)
            .hex("bound", &bound)
            .hex("body_ad", &body_ad)
            .hex("plaintext", text)
            .number("padded_length", u64::try_from(padded.len()).unwrap())
            .hex("sealed_body", &body)
            .hex("signed", &signed)
            .hex("signature", signature)
            .hex("header", &header)
            .hex("header_ad", &header_ad)
            .hex("sealed_header", &sealed_header)
            .hex("envelope", &envelope);
        self.ck = next_ck;
        self.n += 1;
        (envelope, case)
    }
}

/// What happens, by the library and by the second computation.
struct Script {
    tape: Tape,
    epoch: GroupEpoch,
    who: Sender,
    chain: SendingChain,
    model: Model,
    events: Vec<Case>,
}

impl Script {
    fn send(&mut self, text: &[u8]) -> (usize, Vec<u8>) {
        let (tape, mut envelope) = (&mut self.tape, Vec::new());
        let sealed = self.chain.seal(tape, &self.epoch, NOW, text, &mut envelope);
        let n = sealed.unwrap().n;
        assert_eq!(n, self.model.n);
        let (expected, case) = self.model.seal(tape, text);
        assert!(tape.is_used_up());
        assert_eq!(envelope, expected);
        self.events.push(case);
        (self.events.len() - 1, envelope)
    }

    fn rotate(mut self) -> Self {
        self.chain = self.chain.rotate(&mut self.tape, NOW).unwrap();
        self.model.rotate(&mut self.tape);
        self.events.push(self.model.chain("rotate"));
        self
    }

    fn give(&mut self, name: &str, member: &mut ReceivingSender) {
        let bytes = self.chain.distribution().unwrap().to_bytes();
        assert_eq!(*bytes, self.model.distribution());
        let distribution = SenderKeyDistribution::parse(&bytes).unwrap();
        let learned = member.learn(distribution, &self.who, NOW);
        assert_eq!(learned, Ok(Learned::New));
        let case = Case::new("give").text("to", name);
        self.events.push(case.hex("distribution", &*bytes));
    }

    fn deliver(
        &mut self,
        name: &str,
        member: &mut ReceivingSender,
        (event, envelope): &(usize, Vec<u8>),
        outcome: Result<(), GroupOpenError>,
    ) {
        let mut content = Vec::new();
        let parsed = Envelope::parse(envelope).unwrap();
        let opened = member.open(&self.epoch, parsed, &mut content);
        assert_eq!(opened.map(|opened| opened.commit()), outcome);
        let said = outcome.map_or_else(|error| error.to_string(), |()| "opens".to_owned());
        let case = Case::new("deliver")
            .text("to", name)
            .number("event", u64::try_from(*event).unwrap())
            .text("outcome", &said);
        self.events.push(case);
    }
}

#[test]
fn group_vectors() {
    let mut tape = Tape::new(4);
    let account = Root::from_secret(SecretBytes::copy_from(&[0xa5; 32])).account_key();
    let account = AccountId::of(&account);
    let who = Sender {
        account,
        device: DeviceId::from_bytes(DEVICE),
    };
    let index = SenderIndex::new(INDEX).unwrap();
    let id = EpochId {
        group: GroupId::from_bytes(GROUP),
        hash: EpochHash(HASH),
    };
    let epoch = GroupEpoch::new(id, &GroupHeaderSeed::from_bytes(&GHS));
    let chain = SendingChain::begin(&mut tape, id, (who, index), NOW);
    let model = Model::begin(*account.as_bytes(), &mut tape);
    let case = Case::new("a sender and two members")
        .hex("group_id", GROUP)
        .hex("epoch_hash", HASH)
        .hex("ghs", GHS)
        .hex("hk", model.hk)
        .hex("tk", model.tk)
        .hex("sender_account", account.as_bytes())
        .hex("sender_device", DEVICE)
        .number("sender_index", u64::from(INDEX));
    let events = vec![model.chain("begin")];
    let mut script = Script {
        tape,
        epoch,
        who,
        chain,
        model,
        events,
    };
    let mut first = ReceivingSender::new(id, (who, index));
    let mut second = ReceivingSender::new(id, (who, index));

    script.give("first", &mut first);
    let early = script.send(b"to the first member");
    let late = script.send(&[b'x'; 300]);
    script.give("second", &mut second);
    let both = script.send(b"to both members");
    script.deliver("first", &mut first, &early, Ok(()));
    script.deliver(
        "second",
        &mut second,
        &early,
        Err(GroupOpenError::BeforeKey),
    );
    script.deliver("first", &mut first, &both, Ok(()));
    script.deliver("second", &mut second, &both, Ok(()));
    script.deliver("first", &mut first, &late, Ok(()));
    script.deliver("first", &mut first, &late, Err(GroupOpenError::Duplicate));
    script.deliver("first", &mut first, &early, Err(GroupOpenError::Duplicate));
    let mut script = script.rotate();
    script.give("second", &mut second);
    let rotated = script.send(b"of the next chain");
    script.deliver("second", &mut second, &rotated, Ok(()));
    script.deliver(
        "first",
        &mut first,
        &rotated,
        Err(GroupOpenError::UnknownKey),
    );
    check(
        "group",
        &[case.cases("events", std::mem::take(&mut script.events))],
    );
}
