//! Edits of bytes that are good: the way to inputs that get past a first check.

/// Bytes of one edit: what to do, where (two bytes, modulo the length), and with which byte.
const EDIT_LEN: usize = 4;

/// Edits of one input: more of them only make it slow.
const MAX_EDITS: usize = 64;

/// `original` with the edits that `script` lists: flip bits, set a byte, remove a byte, insert one.
pub(crate) fn edited(original: &[u8], script: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for edit in script.chunks_exact(EDIT_LEN).take(MAX_EDITS) {
        let [what, high, low, value] = *edit else {
            break;
        };
        let place = usize::from(u16::from_be_bytes([high, low]));
        if bytes.is_empty() {
            bytes.push(value);
            continue;
        }
        let at = place % bytes.len();
        match what % 4 {
            0 => bytes[at] ^= value,
            1 => bytes[at] = value,
            2 => _ = bytes.remove(at),
            _ => bytes.insert(at, value),
        }
    }
    bytes
}

/// A script of one edit: flips `bits` of the byte at `place`.
pub(crate) fn flip(place: u16, bits: u8) -> [u8; EDIT_LEN] {
    let [high, low] = place.to_be_bytes();
    [0, high, low, bits]
}

/// `input` behind the byte that chooses what is done with it.
pub(crate) fn chosen(choice: u8, input: &[u8]) -> Vec<u8> {
    [&[choice], input].concat()
}
