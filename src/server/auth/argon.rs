//! Argon2id with its own memory: the same blocks serve one hash after another, and are wiped when they are freed.
//!
//! With the usual allocation, 20 MB a hash, a server of a few MB has after some dozens of hashes 100 or 200 MB that it
//! never gives back.

use std::borrow::Cow;
use std::io;

use argon2::password_hash::phc;
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, RECOMMENDED_SALT_LEN, Version};
use log::error;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::limits::{ARGON2_LANES, ARGON2_MEMORY_KIB, ARGON2_PASSES};
use crate::protocol::Password;
use crate::room::PasswordHash;

/// Blocks to allocate at least. glibc always maps more than 32 MiB separately, and unmaps it when it is freed; less, as
/// our 19 MiB are, it keeps. Pages that are not used cost nothing.
const BLOCKS_MIN: usize = (33 << 20) / Block::SIZE;

#[derive(Default)]
pub(super) struct Argon {
    blocks: Vec<Block>,
}

impl Argon {
    /// The form of this password from which the hash was made; `None` if it was made from another password. A password
    /// with two forms takes twice as long, whatever the hash.
    pub(super) fn fits<'p>(
        &mut self,
        password: &'p Password,
        hash: &PasswordHash,
    ) -> Option<Cow<'p, Password>> {
        password.forms().find(|form| {
            self.is_hash_of(form, hash).unwrap_or_else(|why| {
                error!("a password cannot be checked: {why}");
                false
            })
        })
    }

    /// Computes the password's output with the cost, salt and length of the hash, and compares it with the hash's own.
    fn is_hash_of(&mut self, password: &Password, hash: &PasswordHash) -> Result<bool, Failure> {
        let hash = phc::PasswordHash::new(hash.as_str())?;
        let (Some(salt), Some(expected)) = (&hash.salt, hash.hash) else {
            return Err("it has no salt or no output".into());
        };
        let version = hash.version.map_or(Ok(Version::default()), Version::try_from)?;
        let computed = self.output(password, salt, version, Params::try_from(&hash)?, expected.len())?;
        Ok(bool::from(computed.ct_eq(expected.as_ref())))
    }

    /// A hash with our cost and a new salt.
    pub(super) fn hash(&mut self, password: &Password) -> io::Result<PasswordHash> {
        let mut salt = [0; RECOMMENDED_SALT_LEN];
        getrandom::fill(&mut salt)?;
        self.hash_with(&password.composed(), &salt).map_err(io::Error::other)
    }

    /// Wipes and frees the memory. The next hash takes some milliseconds longer.
    pub(super) fn release(&mut self) {
        // Not the Vec itself: that would wipe its unused capacity, too, and so make the kernel provide it.
        self.blocks.iter_mut().for_each(Block::zeroize);
        self.blocks = Vec::new();
    }

    fn hash_with(&mut self, password: &Password, salt: &[u8]) -> Result<PasswordHash, Failure> {
        let version = Version::default();
        let params = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES, None)?;
        let output = self.output(password, salt, version, params.clone(), Params::DEFAULT_OUTPUT_LEN)?;
        let hash = phc::PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(version.into()),
            params: phc::ParamsString::try_from(&params)?,
            salt: Some(phc::Salt::new(salt)?),
            hash: Some(phc::Output::new(&output)?),
        };
        Ok(PasswordHash::parse(&hash.to_string()).expect("a PHC string of our own cost"))
    }

    fn output(
        &mut self,
        password: &Password,
        salt: &[u8],
        version: Version,
        params: Params,
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let blocks = params.block_count();
        if self.blocks.len() < blocks {
            self.blocks.try_reserve_exact(blocks.max(BLOCKS_MIN) - self.blocks.len())?;
            self.blocks.resize(blocks, Block::new());
        }
        let mut output = Zeroizing::new(vec![0; len]);
        let argon2 = Argon2::new(Algorithm::Argon2id, version, params);
        let password = password.expose().as_bytes();
        argon2.hash_password_into_with_memory(password, salt, &mut output, &mut self.blocks)?;
        Ok(output)
    }
}

impl Drop for Argon {
    fn drop(&mut self) {
        self.release();
    }
}

/// A hash that [`PasswordHash`] should have refused, or no memory.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text.as_bytes()).expect("a password")
    }

    fn argon2_crate(cost: [u32; 3], version: Version, output_len: usize) -> Argon2<'static> {
        let [memory, passes, lanes] = cost;
        let params = Params::new(memory, passes, lanes, Some(output_len)).expect("a cost");
        Argon2::new(Algorithm::Argon2id, version, params)
    }

    #[test]
    fn hashes_of_the_crate_fit() {
        let mut argon = Argon::default();
        // Larger and smaller costs in turn: what was in the memory before makes no difference.
        for (cost, version, len, salt) in [
            ([64, 3, 2], Version::V0x13, 32, &b"saltsalt"[..]),
            ([8, 1, 1], Version::V0x13, 32, b"some salt of 24 bytes..."),
            ([1000, 1, 4], Version::V0x10, 16, b"sixteen bytes..."),
            ([19456, 2, 1], Version::V0x13, 32, b"sixteen bytes..."),
            ([19, 2, 1], Version::V0x13, 64, b"sixteen bytes..."),
        ] {
            let crates = argon2_crate(cost, version, len);
            let made: phc::PasswordHash = crates.hash_password_with_salt(b"geheim-1", salt).expect("a hash");
            let hash = PasswordHash::parse(&made.to_string()).expect("within what we pay");
            assert!(argon.fits(&password("geheim-1"), &hash).is_some(), "{made}");
            assert!(argon.fits(&password("geheim-2"), &hash).is_none(), "{made}");
        }
        let without_version = argon2_crate([8, 1, 1], Version::V0x13, 32);
        let made: phc::PasswordHash =
            without_version.hash_password_with_salt(b"geheim-1", b"saltsalt").expect("a hash");
        let hash = PasswordHash::parse(&made.to_string().replace("$v=19", "")).expect("it is optional");
        assert!(argon.fits(&password("geheim-1"), &hash).is_some());
    }

    #[test]
    fn both_forms_of_a_password_fit() {
        let (composed, typed) = (password("gehe1m-\u{fc}"), password("gehe1m-u\u{308}"));
        let mut argon = Argon::default();
        for ours in [argon.hash(&composed), argon.hash(&typed)] {
            let ours = ours.expect("a hash");
            assert_eq!(argon.fits(&composed, &ours).as_deref(), Some(&composed));
            assert_eq!(argon.fits(&typed, &ours).as_deref(), Some(&composed));
        }
        // A hash made elsewhere from the form that was typed still fits that form, and no other.
        let old = argon2_crate([8, 1, 1], Version::V0x13, 32);
        let old: phc::PasswordHash =
            old.hash_password_with_salt(typed.expose().as_bytes(), b"saltsalt").expect("a hash");
        let old = PasswordHash::parse(&old.to_string()).expect("within what we pay");
        assert_eq!(argon.fits(&typed, &old).as_deref(), Some(&typed));
        assert_eq!(argon.fits(&composed, &old), None);
    }

    #[test]
    fn our_hashes_fit_the_crate() {
        let mut argon = Argon::default();
        let made = argon.hash(&password("geheim-1")).expect("a hash");
        assert!(made.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let parsed = phc::PasswordHash::new(made.as_str()).expect("a PHC string");
        let verify = |text: &[u8]| Argon2::default().verify_password(text, &parsed).is_ok();
        assert!(verify(b"geheim-1") && !verify(b"geheim-2"));
        let again = argon.hash(&password("geheim-1")).expect("a hash");
        assert_ne!(made, again, "each has a salt of its own");

        let crates: phc::PasswordHash =
            Argon2::default().hash_password_with_salt(b"geheim-1", b"sixteen bytes...").expect("a hash");
        let ours = argon.hash_with(&password("geheim-1"), b"sixteen bytes...").expect("a hash");
        assert_eq!(ours.as_str(), crates.to_string(), "to the byte");
    }

    #[test]
    fn memory_is_allocated_once_and_freed() {
        let mut argon = Argon::default();
        let made = argon.hash(&password("geheim-1")).expect("a hash");
        let (capacity, at) = (argon.blocks.capacity(), argon.blocks.as_ptr());
        assert!(argon.fits(&password("geheim-1"), &made).is_some());
        assert_eq!((argon.blocks.capacity(), argon.blocks.as_ptr()), (capacity, at));
        assert!(capacity * Block::SIZE > 32 << 20);
        argon.release();
        assert_eq!(argon.blocks.capacity(), 0);
        assert!(argon.fits(&password("geheim-1"), &made).is_some());
    }
}
