//! The server's folder between two lives: what it holds, and what a power cut would have left of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use argon2::Argon2;
use argon2::password_hash::{PasswordVerifier as _, phc};

use super::crowd::Crowd;
use super::rng::Rng;

/// The transcript's files, in order.
fn files(history: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(history).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "txt"));
    files.sort();
    files
}

/// All of the transcript.
pub(super) fn history(folder: &Path) -> Vec<u8> {
    files(&folder.join("history")).iter().flat_map(|path| fs::read(path).expect("a file")).collect()
}

/// The recorded place of each device. A line without its end was not written in full.
pub(super) fn recorded(folder: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(folder.join("history/delivered")).unwrap_or_default();
    let lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let recorded = lines.filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    });
    recorded.collect()
}

/// The event of the members' snapshot.
fn snapshot_seq(folder: &Path) -> u64 {
    let text = fs::read_to_string(folder.join("history/members")).unwrap_or_default();
    text.lines().next().and_then(|line| line.parse().ok()).unwrap_or(0)
}

/// Which password each member has; hashing takes long, so what was found out is kept.
#[derive(Debug, Default)]
pub(super) struct Passwords(BTreeMap<String, String>);

impl Passwords {
    pub(super) fn read(&mut self, folder: &Path, crowd: &Crowd) -> BTreeMap<String, String> {
        let text = fs::read_to_string(folder.join("members.txt")).expect("members.txt is there, and text");
        let members = text.lines().map(|line| {
            let mut words = line.split(' ');
            let (mail, hash) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let known = self.0.get(hash).cloned();
            let password = known.or_else(|| crowd.candidates(mail).find(|c| fits(c, hash)).cloned());
            let password = password.unwrap_or_else(|| "a password that nobody gave".to_owned());
            self.0.insert(hash.to_owned(), password.clone());
            (mail.to_owned(), password)
        });
        members.collect()
    }
}

fn fits(password: &str, hash: &str) -> bool {
    let hash = phc::PasswordHash::new(hash).expect("a hash in members.txt");
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Cuts or spoils the end after event `synced`, as a power cut may do with what was not synced. Returns what it did.
pub(super) fn cut_power(folder: &Path, synced: u64, rng: &mut Rng) -> Option<String> {
    // After a clean stop everything was synced.
    if folder.join("history/clean").exists() {
        return None;
    }
    let last = files(&folder.join("history")).pop()?;
    let first: u64 = last.file_stem()?.to_str()?.parse().ok()?;
    let recorded = recorded(folder).into_values().max().unwrap_or(0);
    let safe = synced.max(recorded).max(snapshot_seq(folder));
    let mut bytes = fs::read(&last).expect("a file");
    let lines = usize::try_from((safe + 1).saturating_sub(first)).expect("lines in a file");
    let kept: usize = bytes.split_inclusive(|&byte| byte == b'\n').take(lines).map(<[u8]>::len).sum();
    if kept == bytes.len() {
        return None;
    }
    let from = kept + rng.below(bytes.len() - kept);
    let what = match rng.below(3) {
        0 => {
            bytes.truncate(from);
            "cut"
        }
        1 => {
            bytes[from..].fill(0);
            "zeros"
        }
        _ => {
            // Without an LF: noise that happens to end a line early makes another event of it, and only a checksum
            // would tell.
            for byte in &mut bytes[from..] {
                *byte = 128 + u8::try_from(rng.below(128)).expect("a byte");
            }
            "noise"
        }
    };
    let len = bytes.len();
    fs::write(&last, bytes).expect("written");
    Some(format!("power cut: {what} from {from} of {len}, safe are {safe} events, {kept} bytes"))
}
