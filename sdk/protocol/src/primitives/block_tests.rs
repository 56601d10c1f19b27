use hex::{decode, encode};
use proptest::prelude::*;

use super::*;

/// FIPS 197, appendix C.3.
#[test]
fn fips_197_vectors() {
    let key: [u8; 32] = core::array::from_fn(|i| u8::try_from(i).unwrap());
    let plain: [u8; 16] = decode("00112233445566778899aabbccddeeff")
        .unwrap()
        .try_into()
        .unwrap();
    let image = BlockEncryptor::new(&key).encrypt(plain);
    assert_eq!(encode(image), "8ea2b7ca516745bfeafc49904b496089");
    assert_eq!(BlockDecryptor::new(&key).decrypt(image), plain);
}

proptest! {
    #[test]
    fn inversion_undoes_encryption(key: [u8; 32], blocks: Vec<[u8; 16]>) {
        let mut images: Vec<_> = blocks.iter().map(|b| BlockEncryptor::new(&key).encrypt(*b)).collect();
        BlockDecryptor::new(&key).decrypt_all(&mut images);
        prop_assert_eq!(images, blocks);
    }
}
