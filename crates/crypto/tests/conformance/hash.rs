//! Hashes and HMAC.

use pollrtc_crypto::{CryptoError, HashAlgorithm, Provider};
use quickcheck::quickcheck;

use crate::hex::hex;
use crate::providers::providers;

#[test]
fn digests_are_those_of_fips_180() {
    for provider in providers() {
        for (algorithm, message, digest) in DIGESTS {
            let expected = hex(digest);
            assert_eq!(hash(provider, *algorithm, message.as_bytes()), expected, "{provider:?}");
            assert_eq!(expected.len(), algorithm.output_len());
        }
    }
}

#[test]
fn a_transcript_can_be_read_at_any_time_and_goes_on() {
    for provider in providers() {
        let mut transcript = provider.hash(HashAlgorithm::Sha256).expect("a hash");
        let mut out = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        transcript.update(b"a");
        let first = transcript.finish(&mut out);
        assert_eq!(out[..first], hash(provider, HashAlgorithm::Sha256, b"a"));
        transcript.update(b"bc");
        for _ in 0..2 {
            let second = transcript.finish(&mut out);
            assert_eq!(out[..second], hash(provider, HashAlgorithm::Sha256, b"abc"));
        }
    }
}

#[test]
fn a_fork_of_a_transcript_goes_its_own_way() {
    for provider in providers() {
        let mut transcript = provider.hash(HashAlgorithm::Sha384).expect("a hash");
        let mut out = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        transcript.update(b"ab");
        let mut fork = transcript.fork();
        fork.update(b"c");
        let length = fork.finish(&mut out);
        assert_eq!(out[..length], hash(provider, HashAlgorithm::Sha384, b"abc"));
        let length = transcript.finish(&mut out);
        assert_eq!(out[..length], hash(provider, HashAlgorithm::Sha384, b"ab"));
    }
}

#[test]
fn macs_are_those_of_rfc_2202_and_rfc_4231() {
    for provider in providers() {
        for (source, algorithm, key, message, tag) in MACS {
            let message = hex(message);
            let (front, back) = message.split_at(message.len() / 3);
            let mac = mac(provider, *algorithm, &hex(key), &[front, &[], back]);
            assert_eq!(mac, hex(tag), "{provider:?}, {source}");
        }
    }
}

#[test]
fn a_shortened_tag_is_looked_at_to_its_last_bit() {
    for provider in providers() {
        let key = provider.hmac(HashAlgorithm::Sha1, b"key").expect("a key");
        let mut mac = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        key.sign(&[b"message"], &mut mac);
        let tag: [u8; 10] = *mac.first_chunk().expect("10 bytes");
        assert_eq!(key.verify(&[b"mess", b"age"], &tag), Ok(()));
        for bit in 0..tag.len() * 8 {
            let mut wrong = tag;
            wrong[bit / 8] ^= 1 << (bit % 8);
            let verdict = key.verify(&[b"message"], &wrong);
            assert_eq!(verdict, Err(CryptoError::Authentication), "bit {bit} was not looked at");
        }
        // SHA-1 has 20 bytes: the zeros that follow them are not a part of it.
        let too_long: [u8; 21] = *mac.first_chunk().expect("21 bytes");
        let verdict = key.verify(&[b"message"], &too_long);
        assert_eq!(verdict, Err(CryptoError::Authentication));
    }
}

quickcheck! {
    fn providers_agree(key: Vec<u8>, front: Vec<u8>, back: Vec<u8>) -> bool {
        let whole = [&front[..], &back].concat();
        let every = providers().into_iter().flat_map(|provider| {
            DIGESTS.iter().map(move |(algorithm, ..)| (provider, *algorithm))
        });
        every.into_iter().all(|(provider, algorithm)| {
            let first = providers()[0];
            hash(provider, algorithm, &whole) == hash(first, algorithm, &whole)
                && mac(provider, algorithm, &key, &[&front, &back])
                    == mac(first, algorithm, &key, &[&whole])
        })
    }
}

fn hash(provider: &dyn Provider, algorithm: HashAlgorithm, message: &[u8]) -> Vec<u8> {
    let mut context = provider.hash(algorithm).expect("a hash");
    context.update(message);
    let mut out = [0; HashAlgorithm::MAX_OUTPUT_LEN];
    let length = context.finish(&mut out);
    out[..length].to_vec()
}

fn mac(provider: &dyn Provider, algorithm: HashAlgorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let key = provider.hmac(algorithm, key).expect("a key");
    let mut out = [0; HashAlgorithm::MAX_OUTPUT_LEN];
    let length = key.sign(parts, &mut out);
    out[..length].to_vec()
}

/// Messages and their digests: the empty one, and the examples that NIST gives for FIPS 180-4.
const DIGESTS: &[(HashAlgorithm, &str, &str)] = &[
    (HashAlgorithm::Sha1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    (HashAlgorithm::Sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (
        HashAlgorithm::Sha1,
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    ),
    (
        HashAlgorithm::Sha224,
        "",
        "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f",
    ),
    (
        HashAlgorithm::Sha224,
        "abc",
        "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
    ),
    (
        HashAlgorithm::Sha224,
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525",
    ),
    (
        HashAlgorithm::Sha256,
        "",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        HashAlgorithm::Sha256,
        "abc",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    (
        HashAlgorithm::Sha256,
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
    (
        HashAlgorithm::Sha384,
        "",
        "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da\
         274edebfe76f65fbd51ad2f14898b95b",
    ),
    (
        HashAlgorithm::Sha384,
        "abc",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
         8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        HashAlgorithm::Sha384,
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6\
         b0455a8520bc4e6f5fe95b1fe3c8452b",
    ),
    (
        HashAlgorithm::Sha512,
        "",
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
         47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    ),
    (
        HashAlgorithm::Sha512,
        "abc",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (
        HashAlgorithm::Sha512,
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335\
         96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445",
    ),
];

/// Source, hash, key, message, tag.
const MACS: &[(&str, HashAlgorithm, &str, &str, &str)] = &[
    (
        "RFC 4231, test case 1",
        HashAlgorithm::Sha224,
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "4869205468657265",
        "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
    ),
    (
        "RFC 4231, test case 1",
        HashAlgorithm::Sha256,
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "4869205468657265",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        "RFC 4231, test case 1",
        HashAlgorithm::Sha384,
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "4869205468657265",
        "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c\
         faea9ea9076ede7f4af152e8b2fa9cb6",
    ),
    (
        "RFC 4231, test case 1",
        HashAlgorithm::Sha512,
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "4869205468657265",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
         daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ),
    (
        "RFC 4231, test case 2",
        HashAlgorithm::Sha224,
        "4a656665",
        "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
    ),
    (
        "RFC 4231, test case 2",
        HashAlgorithm::Sha256,
        "4a656665",
        "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        "RFC 4231, test case 2",
        HashAlgorithm::Sha384,
        "4a656665",
        "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
         8e2240ca5e69e2c78b3239ecfab21649",
    ),
    (
        "RFC 4231, test case 2",
        HashAlgorithm::Sha512,
        "4a656665",
        "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
         9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    (
        "RFC 4231, test case 3",
        HashAlgorithm::Sha224,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\
         dddddddddddddddddddddddddddddddddddd",
        "7fb3cb3588c6c1f6ffa9694d7d6ad2649365b0c1f65d69d1ec8333ea",
    ),
    (
        "RFC 4231, test case 3",
        HashAlgorithm::Sha256,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\
         dddddddddddddddddddddddddddddddddddd",
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        "RFC 4231, test case 3",
        HashAlgorithm::Sha384,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\
         dddddddddddddddddddddddddddddddddddd",
        "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b\
         2a5ab39dc13814b94e3ab6e101a34f27",
    ),
    (
        "RFC 4231, test case 3",
        HashAlgorithm::Sha512,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\
         dddddddddddddddddddddddddddddddddddd",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39\
         bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
    ),
    (
        "RFC 4231, test case 4",
        HashAlgorithm::Sha224,
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\
         cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        "6c11506874013cac6a2abc1bb382627cec6a90d86efc012de7afec5a",
    ),
    (
        "RFC 4231, test case 4",
        HashAlgorithm::Sha256,
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\
         cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        "RFC 4231, test case 4",
        HashAlgorithm::Sha384,
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\
         cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e\
         6801dd23c4a7d679ccf8a386c674cffb",
    ),
    (
        "RFC 4231, test case 4",
        HashAlgorithm::Sha512,
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\
         cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db\
         a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
    ),
    (
        "RFC 4231, test case 6",
        HashAlgorithm::Sha224,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaa",
        "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a\
         65204b6579202d2048617368204b6579204669727374",
        "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
    ),
    (
        "RFC 4231, test case 6",
        HashAlgorithm::Sha256,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaa",
        "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a\
         65204b6579202d2048617368204b6579204669727374",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        "RFC 4231, test case 6",
        HashAlgorithm::Sha384,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaa",
        "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a\
         65204b6579202d2048617368204b6579204669727374",
        "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6\
         0c2ef6ab4030fe8296248df163f44952",
    ),
    (
        "RFC 4231, test case 6",
        HashAlgorithm::Sha512,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaa",
        "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a\
         65204b6579202d2048617368204b6579204669727374",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
         6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
    (
        "RFC 4231, test case 7",
        HashAlgorithm::Sha224,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaa",
        "5468697320697320612074657374207573696e672061206c6172676572207468\
         616e20626c6f636b2d73697a65206b657920616e642061206c61726765722074\
         68616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565\
         647320746f20626520686173686564206265666f7265206265696e6720757365\
         642062792074686520484d414320616c676f726974686d2e",
        "3a854166ac5d9f023f54d517d0b39dbd946770db9c2b95c9f6f565d1",
    ),
    (
        "RFC 4231, test case 7",
        HashAlgorithm::Sha256,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaa",
        "5468697320697320612074657374207573696e672061206c6172676572207468\
         616e20626c6f636b2d73697a65206b657920616e642061206c61726765722074\
         68616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565\
         647320746f20626520686173686564206265666f7265206265696e6720757365\
         642062792074686520484d414320616c676f726974686d2e",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
    (
        "RFC 4231, test case 7",
        HashAlgorithm::Sha384,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaa",
        "5468697320697320612074657374207573696e672061206c6172676572207468\
         616e20626c6f636b2d73697a65206b657920616e642061206c61726765722074\
         68616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565\
         647320746f20626520686173686564206265666f7265206265696e6720757365\
         642062792074686520484d414320616c676f726974686d2e",
        "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5\
         a678cc31e799176d3860e6110c46523e",
    ),
    (
        "RFC 4231, test case 7",
        HashAlgorithm::Sha512,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaa",
        "5468697320697320612074657374207573696e672061206c6172676572207468\
         616e20626c6f636b2d73697a65206b657920616e642061206c61726765722074\
         68616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565\
         647320746f20626520686173686564206265666f7265206265696e6720757365\
         642062792074686520484d414320616c676f726974686d2e",
        "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944\
         b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
    ),
    (
        "RFC 2202, test case 1",
        HashAlgorithm::Sha1,
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "4869205468657265",
        "b617318655057264e28bc0b6fb378c8ef146be00",
    ),
    (
        "RFC 2202, test case 2",
        HashAlgorithm::Sha1,
        "4a656665",
        "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    ),
    (
        "RFC 2202, test case 6",
        HashAlgorithm::Sha1,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a\
         65204b6579202d2048617368204b6579204669727374",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112",
    ),
];
