//! CRC32c (RFC 9260 appendix A).

/// The reflected remainder; `crc-fast` computes it with the instructions that the processor has.
#[cfg(feature = "std")]
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// Without `std` there is no asking the processor what it can do, so eight tables have to.
#[cfg(not(feature = "std"))]
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    tables::crc32c(bytes)
}

#[cfg(any(test, not(feature = "std")))]
mod tables {
    /// The reflected Castagnoli polynomial.
    const POLYNOMIAL: u32 = 0x82F6_3B78;

    /// `TABLES[n][byte]`: what `byte` contributes with `n` bytes after it.
    static TABLES: [[u32; 256]; 8] = tables();

    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "runs in the compiler, which would tell"
    )]
    const fn tables() -> [[u32; 256]; 8] {
        let mut tables = [[0; 256]; 8];
        let mut byte = 0;
        while byte < 256 {
            let mut crc = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
                bit += 1;
            }
            tables[0][byte] = crc;
            byte += 1;
        }
        let mut n = 1;
        while n < 8 {
            let mut byte = 0;
            while byte < 256 {
                let before = tables[n - 1][byte];
                tables[n][byte] = (before >> 8) ^ tables[0][(before & 0xFF) as usize];
                byte += 1;
            }
            n += 1;
        }
        tables
    }

    #[expect(clippy::indexing_slicing, reason = "a byte is always below 256")]
    fn contribution(table: &[u32; 256], byte: u8) -> u32 {
        table[usize::from(byte)]
    }

    pub(super) fn crc32c(bytes: &[u8]) -> u32 {
        let (blocks, rest) = bytes.as_chunks::<8>();
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
        let mut crc = u32::MAX;
        for [a, b, c, d, e, f, g, h] in blocks {
            let [w, x, y, z] = crc.to_le_bytes();
            crc = contribution(t7, a ^ w)
                ^ contribution(t6, b ^ x)
                ^ contribution(t5, c ^ y)
                ^ contribution(t4, d ^ z)
                ^ contribution(t3, *e)
                ^ contribution(t2, *f)
                ^ contribution(t1, *g)
                ^ contribution(t0, *h);
        }
        for byte in rest {
            let [low, ..] = crc.to_le_bytes();
            crc = (crc >> 8) ^ contribution(t0, low ^ byte);
        }
        !crc
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn check_value_of_the_catalogue() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(tables::crc32c(b"123456789"), 0xE306_9283);
    }

    quickcheck! {
        fn tables_agree_with_the_processor(bytes: Vec<u8>) -> bool {
            tables::crc32c(&bytes) == crc32c(&bytes)
        }
    }
}
