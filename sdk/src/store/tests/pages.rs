//! The pages of a store and of its log, decrypted as SQLCipher 4 encrypts them: AES-256-CBC with the raw key and each page's
//! own IV.

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, KeyInit};

const PAGE: usize = 4_096;
/// At the end of each page: IV 16, HMAC 64 (SQLCipher 4).
const RESERVE: usize = 80;
/// At the start of a file, instead of the first bytes of page 1.
const SALT: usize = 16;
/// At the start of a log, and before each of its pages (SQLite's file format, section 4.1).
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// All pages of a file.
pub(crate) fn of_file(key: &[u8; 32], file: &[u8]) -> Vec<u8> {
    let pages = file.chunks_exact(PAGE).enumerate();
    let plain: Vec<u8> = pages
        .flat_map(|(number, page)| decrypted(key, page, number == 0))
        .collect();
    // Page size, write and read version (WAL), reserved bytes: decryption is right.
    assert_eq!(plain[16..21], [0x10, 0x00, 2, 2, 80]);
    plain
}

/// All pages of a write-ahead log, which may be empty.
pub(crate) fn of_log(key: &[u8; 32], log: &[u8]) -> Vec<u8> {
    let frames = log.get(LOG_HEADER..).unwrap_or_default();
    frames
        .chunks_exact(FRAME_HEADER + PAGE)
        .flat_map(|frame| decrypted(key, &frame[FRAME_HEADER..], frame[..4] == [0, 0, 0, 1]))
        .collect()
}

fn decrypted(key: &[u8; 32], page: &[u8], is_first: bool) -> Vec<u8> {
    let cipher = Aes256::new(key.into());
    let start = if is_first { SALT } else { 0 };
    let (body, reserve) = page.split_at(PAGE - RESERVE);
    let mut previous: [u8; 16] = reserve[..16].try_into().unwrap();
    let mut plain = body[..start].to_vec();
    for block in body[start..].chunks_exact(16) {
        let mut decrypted = aes::Block::try_from(block).unwrap();
        cipher.decrypt_block(&mut decrypted);
        let bytes = decrypted.iter().zip(previous);
        plain.extend(bytes.map(|(byte, chained)| byte ^ chained));
        previous = block.try_into().unwrap();
    }
    plain.extend_from_slice(&[0; RESERVE]);
    plain
}

/// How often some bytes occur.
pub(crate) fn occurrences(haystack: &[u8], needle: &[u8]) -> usize {
    let windows = haystack.windows(needle.len());
    windows.filter(|window| *window == needle).count()
}
